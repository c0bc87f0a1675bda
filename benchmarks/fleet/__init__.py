"""Three hosts behind a real balancer: what clients lose when a host is replaced, killed, cut off or overloaded."""
