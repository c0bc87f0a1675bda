"""HTTP/3 (RFC 9114): how requests and responses travel over a QUIC connection.

`coding` knows bytes, `engine` knows streams and rules, `stream`, `serving` and `connection` connect them with cycles.
QUIC itself is behind the contract in `quic`.
"""
