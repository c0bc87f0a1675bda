"""A strict client: reads what a server wrote, and fails on anything that HTTP does not allow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from esg_core.asgi import Headers

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9a-z]+): ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?|)"
)
CHUNK_SIZE = re.compile(rb"[0-9a-f]+")
ONCE = (b"server", b"date", b"content-length", b"transfer-encoding", b"connection", b"content-type")


@dataclass
class Response:
    """One response as it was on the wire; `ends_with_connection` if only the connection's end delimits its body."""

    status: int
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    ends_with_connection: bool = False

    def get(self, name: bytes) -> bytes | None:
        """The value of a field that may occur once; fails if it is repeated."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name!r} is repeated: {values}"
        return values[0] if values else None


class Incomplete(AssertionError):
    """The bytes end inside a response."""


def read_responses(data: bytes, methods: Iterator[str]) -> list[Response]:
    """All responses in `data`, interim ones included; `methods` are those of the requests they answer, in order.

    A refusal of input that is not a request counts as the answer to a GET.
    """
    responses: list[Response] = []
    while data:
        response, data = read_head(data)
        responses.append(response)
        if response.status >= 200:
            data = read_body(response, next(methods, "GET"), data)
    return responses


def read_head(data: bytes) -> tuple[Response, bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        raise Incomplete(f"the head is not complete: {data[:200]!r}")
    first, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(first)
    assert status, f"not a status line: {first!r}"
    response = Response(int(status[1]), read_fields(lines))
    for name in ONCE:
        response.get(name)
    return response, rest


def read_fields(lines: list[bytes]) -> Headers:
    matches = [(line, FIELD_LINE.fullmatch(line)) for line in lines]
    assert all(match for _, match in matches), f"not a header field: {[line for line, match in matches if not match]}"
    return [(match[1], match[2]) for _, match in matches if match]


def read_body(response: Response, method: str, data: bytes) -> bytes:
    """Set the body of `response`; returns what follows it."""
    coding, length = response.get(b"transfer-encoding"), response.get(b"content-length")
    assert coding is None or length is None, "both content-length and transfer-encoding"
    if method == "HEAD" or response.status in (204, 304):
        return data
    if coding is not None:
        assert coding == b"chunked", coding
        return read_chunks(response, data)
    if length is None:
        response.body, response.ends_with_connection = data, True
        return b""
    size = int(length)
    if len(data) < size:
        raise Incomplete(f"{len(data)} bytes of {size}")
    response.body = data[:size]
    return data[size:]


def read_chunks(response: Response, data: bytes) -> bytes:
    while True:
        line, end, rest = data.partition(b"\r\n")
        if not end:
            raise Incomplete("a chunk line is not complete")
        assert CHUNK_SIZE.fullmatch(line), f"not a chunk size: {line!r}"
        size = int(line, 16)
        if not size:
            return read_trailers(response, rest)
        if len(rest) < size + 2:
            raise Incomplete("a chunk is not complete")
        response.body += rest[:size]
        assert rest[size : size + 2] == b"\r\n", "a chunk does not end with CRLF"
        data = rest[size + 2 :]


def read_trailers(response: Response, data: bytes) -> bytes:
    if data.startswith(b"\r\n"):
        return data[2:]
    block, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        raise Incomplete("the trailers are not complete")
    response.trailers = read_fields(block.split(b"\r\n"))
    return rest
