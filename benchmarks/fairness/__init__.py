"""How long an innocent client has to wait while another one attacks the server, protocol by protocol."""
