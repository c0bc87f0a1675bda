"""What HTTP/3 costs a server: requests, bodies, handshakes, idle connections; `python -m benchmarks.http3` runs it."""
