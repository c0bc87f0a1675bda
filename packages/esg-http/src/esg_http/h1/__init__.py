"""HTTP/1.1: a connection that reads requests and writes responses."""
