"""The state of an HTTP/2 connection, without sockets or clocks."""
