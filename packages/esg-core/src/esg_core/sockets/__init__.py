"""Listening sockets, accepting, TLS and the PROXY protocol."""
