"""Requests of the tests, written for HTTP/1.1, as header sections of HTTP/2 and HTTP/3."""

from esg_core.asgi import Headers

ONLY_HTTP_1 = {"host", "connection", "transfer-encoding", "upgrade", "keep-alive"}


def translated(data: bytes, scheme: bytes = b"http") -> tuple[Headers, bytes, bool]:
    """Header section and body of a request, and whether the body is as long as announced."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    named = [(name.lower(), value.strip()) for name, _, value in (one.partition(b":") for one in lines)]
    host = dict(named)[b"host"]
    fields: Headers = [(b":method", method), (b":scheme", scheme), (b":path", target), (b":authority", host)]
    if method == b"CONNECT":
        fields = [(b":method", method), (b":authority", host)]
    fields += [(name, value) for name, value in named if name.decode() not in ONLY_HTTP_1]
    return fields, body, len(body) == int(dict(named).get(b"content-length", b"0"))
