"""What the client in memory says: the bytes of each request, and how the end of an answer is known.

Knows the wire of HTTP/1.1 and HTTP/2 as far as one request at a time on one connection needs it, and no transport.
"""

import re
from pathlib import Path
from typing import Protocol

from benchmarks.loads import H2Load, Wrk
from benchmarks.rows import Row
from esg_http.h2.coding.codes import DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, LAST_STREAM
from esg_http.h2.coding.frames import (
    FRAME_HEADER,
    HEADER_SIZE,
    PREFACE,
    SETTINGS_ACK,
    frame,
    headers_frames,
    settings_frame,
    window_frame,
)
from esg_http.h2.coding.hpack import HeaderEncoder

_SCRIPTS = Path(__file__).parent / "scripts"

_FRAME_SIZE = 16384

_CREDIT = LAST_STREAM - 65535
"""The most that a connection's window can be opened by: enough for a count, so that the client sends no updates."""


class Exchange(Protocol):
    """One client's side of a connection."""

    answer: bytes
    """What a server that parses nothing can write instead of its answer."""

    def request(self) -> bytes:
        """The next request."""

    def ends(self, data: bytes | bytearray | memoryview) -> bool:
        """Whether an answer ends with these bytes, which are one write of the server."""


class H1Exchange:
    """HTTP/1.1: the same bytes each time; the end of an answer is known by its bytes."""

    def __init__(self, row: Row) -> None:
        body = row.question.answer
        self._request = request_of(row)
        self._ends = (body[-8:], b"0\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nserver: floor\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n"
        self.answer = head % len(body) + body

    def request(self) -> bytes:
        """As `Exchange.request`."""
        return self._request

    def ends(self, data: bytes | bytearray | memoryview) -> bool:
        """As `Exchange.ends`."""
        return bytes(data[-8:]).endswith(self._ends)


class H2Exchange:
    """HTTP/2 by prior knowledge: a stream for each request; the first one follows the client's preface."""

    def __init__(self, row: Row) -> None:
        self._fields = _h2_fields(row)
        self._body = row.question.body or b""
        self._encoder = HeaderEncoder()
        settings = settings_frame({INITIAL_WINDOW_SIZE: LAST_STREAM}) + SETTINGS_ACK
        self._opening = PREFACE + settings + window_frame(0, _CREDIT)
        self._block = b""
        self._number = -1
        self.answer = headers_frames(1, b"\x88", _FRAME_SIZE, end=False) + _data(1, row.question.answer)

    def request(self) -> bytes:
        """As `Exchange.request`. The first block fills the tables of both sides, the others refer to them."""
        self._number += 2
        if self._number <= 3:
            self._block = self._encoder.encode(self._fields)
        opening = self._opening if self._number == 1 else b""
        head = headers_frames(self._number, self._block, _FRAME_SIZE, end=not self._body)
        return opening + head + (_data(self._number, self._body) if self._body else b"")

    def ends(self, data: bytes | bytearray | memoryview) -> bool:
        """As `Exchange.ends`; a server writes whole frames."""
        at = flags = kind = 0
        while at < len(data):
            first, flags, _ = FRAME_HEADER.unpack_from(data, at)
            kind = first & 0xFF
            at += HEADER_SIZE + (first >> 8)
        return kind in (DATA, HEADERS) and bool(flags & END_STREAM)


def exchange_of(row: Row) -> Exchange:
    """The client's side of a row."""
    return H2Exchange(row) if row.http2 else H1Exchange(row)


def request_of(row: Row) -> bytes:
    """The request that the load of a row of HTTP/1.1 sends."""
    fields = {"Host": "127.0.0.1:8000"}
    if isinstance(row.load, Wrk) and row.load.script:
        script = (_SCRIPTS / row.load.script).read_text(encoding="utf-8")
        fields.update(re.findall(r"""(?m)^wrk\.headers\["([^"]+)"\] = ["'](.*)["']$""", script))
    body = row.question.body or b""
    if body:
        fields["Content-Length"] = str(len(body))
    lines = [f"{row.question.method} / HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _h2_fields(row: Row) -> list[tuple[bytes, bytes]]:
    method, body = row.question.method.encode(), row.question.body
    fields = [(b":method", method), (b":scheme", b"http"), (b":authority", b"127.0.0.1:8000"), (b":path", b"/")]
    if isinstance(row.load, H2Load) and row.load.headers:
        lines = (_SCRIPTS / row.load.headers).read_bytes().splitlines()
        fields += [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    if body:
        fields.append((b"content-length", b"%d" % len(body)))
    return fields


def _data(number: int, body: bytes) -> bytes:
    """The frames of a whole body."""
    parts = [body[at : at + _FRAME_SIZE] for at in range(0, len(body), _FRAME_SIZE)]
    return b"".join(frame(DATA, END_STREAM if part is parts[-1] else 0, number, part) for part in parts)
