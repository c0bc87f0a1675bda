"""HTTP/2: what a connection speaks that says so by ALPN, or begins with the preface (RFC 9113).

From the bytes up: `hpack` (over `huffman`) and `frames` are the two codings; `head` is what a request's fields mean,
`states` what a stream may do, `windows` and `priority` who may write how much and when, `allowance` how much of what
is of no use a client may send. `receiving` and `sending` put them together into a connection without a socket;
`connection` and `stream` connect that to a transport and to the same `Cycle` that serves HTTP/1.1.
"""
