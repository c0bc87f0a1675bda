"""HTTP/2: frames, header compression, streams and flow control of a server (RFC 9113, RFC 7541), and its connections.

From the bytes up: `hpack` (over `huffman`) and `frames` are the two codings; `head` is what a request's fields mean,
`states` what a stream may do, `windows` and `priority` who may send how much and when, `allowance` how much of what is
of no use a client may send. `sending`, `control`, `requests` and `receiving` put them together, each upon the one
before, into a connection that takes bytes and gives bytes; so far, nothing knows of sockets, clocks or ASGI.

`serving`, `deadlines` and `connection` put that onto a transport and a clock, and `stream` is what a cycle writes to.
"""
