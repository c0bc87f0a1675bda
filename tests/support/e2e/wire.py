"""Responses read byte by byte from a socket, for requests that no polite client would send."""

import socket
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Response:
    """One response: `headers` have names in lower case, in the order in which they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The only value of a field, None if there is none."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1
        return values[0] if values else None


def read_response(stream: BinaryIO, method: str = "GET") -> Response:
    """Read one response, framed as RFC 9112 section 6.3 says. Raises EOFError if the server closes before its end."""
    status = int(_line(stream).split(" ")[1])
    headers = list(_fields(stream))
    framing = dict(headers)
    if method == "HEAD" or status in (204, 304) or status < 200:
        return Response(status, headers, b"")
    if framing.get("transfer-encoding") == "chunked":
        return Response(status, headers, b"".join(_chunks(stream)))
    if "content-length" in framing:
        return Response(status, headers, _exactly(stream, int(framing["content-length"])))
    return Response(status, headers, stream.read())


def ask(connection: socket.socket, request: bytes) -> Response:
    """Send a request and read its response."""
    connection.sendall(request)
    with connection.makefile("rb") as stream:
        return read_response(stream, request.split(b" ")[0].decode())


def _line(stream: BinaryIO) -> str:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError(f"the connection ended in {line!r}")
    return line[:-2].decode("latin-1")


def _fields(stream: BinaryIO) -> list[tuple[str, str]]:
    fields = []
    while line := _line(stream):
        name, _, value = line.partition(":")
        assert name == name.lower(), f"H-1: {name!r} is not in lower case"
        fields.append((name, value.strip()))
    return fields


def _chunks(stream: BinaryIO) -> list[bytes]:
    chunks = []
    while size := int(_line(stream), 16):
        chunks.append(_exactly(stream, size))
        assert _line(stream) == ""
    assert _fields(stream) == []
    return chunks


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError(f"the connection ended after {len(data)} of {size} bytes")
    return data
