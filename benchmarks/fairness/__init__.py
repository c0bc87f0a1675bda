"""How long an innocent client waits while another one attacks the server, protocol by protocol."""
