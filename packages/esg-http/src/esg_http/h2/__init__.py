"""HTTP/2: frames, header compression, streams and flow control of a server (RFC 9113, RFC 7541), and its connections.

`coding` has frames and HPACK. `engine` turns bytes into bytes, and knows nothing of sockets, clocks or ASGI:
`engine.engine` assembles its parts, and `engine.link` is what it needs of a connection. `serving`, `deadlines` and
`connection` join it to the application, a clock and a transport; `stream` is what a cycle writes to.
"""
