"""How evenly the workers of a server share connections, and who waits when one of them is blocked."""
