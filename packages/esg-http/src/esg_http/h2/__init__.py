"""HTTP/2: frames, header compression, streams and flow control of a server (RFC 9113, RFC 7541), and its connections.

`coding` has frames and HPACK. `engine` takes bytes and gives bytes, and knows nothing of sockets, clocks or ASGI:
`engine.engine` makes it from its parts, and `engine.link` is what it asks of a connection. `serving`, `deadlines` and
`connection` put that onto a transport and a clock, and `stream` is what a cycle writes to.
"""
