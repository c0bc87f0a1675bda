"""The table of attacks: what one client sends in one go, by protocol.

Nothing here opens a connection. A new attack is a new entry of `ATTACKS`; each is bounded by its bytes.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.fairness.quic_attacks import FLOODS, Prepared
from benchmarks.fairness.quic_bodies import BODIES
from benchmarks.fairness.wire import (
    CHUNKED,
    CONTINUATION,
    DATA,
    END_STREAM,
    GET,
    HEADERS,
    PING,
    PRIORITY_UPDATE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    deflated,
    frame,
    headers,
    literal,
    message,
    request_block,
    section,
)

HTTP1, HTTP2, WEBSOCKET = "HTTP/1.1", "HTTP/2", "WebSocket"
WEBSOCKET_OVER_HTTP2, TLS = "WebSocket over HTTP/2", "TLS"
HTTP3, SEEN_OVER_HTTP3 = "HTTP/3", "HTTP/3, seen over HTTP/3"
"""With an innocent client over HTTP/1.1 and TLS, and with one over HTTP/3."""

LARGE = 7_000_000
"""Bytes of a burst."""

SECTION = 60_000
"""Bytes of a header section: a little less than servers take."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What is sent after the opening of a connection; or, with `handshakes`, how many connections are opened.

    With `flood`, it does everything itself.
    """

    name: str
    protocol: str
    title: str
    data: Callable[[], bytes] = bytes
    handshakes: int = 0
    flood: Prepared | None = None


def _repeated(one: bytes, size: int = LARGE) -> bytes:
    return one * (size // len(one))


def _sections(content: bytes, first: bytes = b"") -> bytes:
    """Requests whose header sections all have this content, after one request with `first`."""
    whole = [section(1, request_block() + first)] if first else []
    block = request_block() + content
    streams = range(3, 3 + 2 * (LARGE // len(block)), 2)
    return b"".join([*whole, *(section(stream, block) for stream in streams)])


def _references() -> bytes:
    table = b"".join([literal(b"a", b"", 0x40) for _ in range(70)])
    return _sections(b"\xff\x00" * (SECTION // 2), table)


def _coded() -> bytes:
    """A value in Huffman's code: bytes that mean one character each, of five or six bits."""
    source = random.Random(1)
    value = bytes(source.choice(b"\x08\x10\x18\x21\x29\x31\x39\x42\x4a\x52") for _ in range(SECTION // 2 // 5 * 5))
    length = len(value) - 127
    size = bytearray((0xFF,))
    while length >= 0x80:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return _sections(b"\x00\x01a" + bytes(size) + bytes((length,)) + value)


def _small_data(piece: bytes, each: int = 60_000) -> bytes:
    """Uploads that are cut into pieces of this size, one after the other."""
    frames = LARGE // (9 + len(piece))
    uploads = []
    for number, begin in enumerate(range(0, frames, each)):
        stream = 2 * number + 1
        count = min(each, frames - begin)
        uploads.append(headers(stream, request_block(b"POST"), 0) + frame(DATA, stream, piece) * count)
    return b"".join(uploads)


def _requests(count: int, flags: int = END_STREAM) -> bytes:
    return b"".join([headers(stream, request_block(), flags) for stream in range(1, 2 * count, 2)])


def _cancelled(count: int) -> bytes:
    reset = struct.pack(">L", 8)
    streams = range(1, 2 * count, 2)
    return b"".join([headers(stream, request_block()) + frame(RST_STREAM, stream, reset) for stream in streams])


def _short_continuations() -> bytes:
    return frame(HEADERS, 1, request_block(), END_STREAM) + _repeated(frame(CONTINUATION, 1), LARGE // 10)


QUIET = "none"
"""The name of the row without an attack, for each protocol: it shows the noise of the machine."""

_ALL = (
    Attack("chunks", HTTP1, "600,000 chunks of one byte", lambda: CHUNKED + b"1\r\nx\r\n" * 600_000 + b"0\r\n\r\n"),
    Attack("extensions", HTTP1, "chunks with an extension", lambda: CHUNKED + b"1;a\r\nx\r\n" * 600_000),
    Attack("trailers", HTTP1, "200,000 trailers", lambda: CHUNKED + b"0\r\n" + b"a:b\r\n" * 200_000 + b"\r\n"),
    Attack("pipelined", HTTP1, "30,000 requests in a pipeline", lambda: GET * 30_000),
    Attack(
        "members",
        HTTP1,
        "100 heads with 30,000 members of connection",
        lambda: (GET[:-2] + b"connection: " + b"a," * (SECTION // 2) + b"\r\n\r\n") * 100,
    ),
    Attack("lines", HTTP1, "3 million empty lines", lambda: b"\r\n" * 3_000_000),
    Attack("references", HTTP2, "sections of 2-byte references", _references),
    Attack("literals", HTTP2, "sections of tiny literals", lambda: _sections(literal(b"a", b"") * (SECTION // 4))),
    Attack("indexed", HTTP2, "sections of entries for the table", lambda: _sections(b"\x7e\x00" * (SECTION // 2))),
    Attack("coded", HTTP2, "sections of one coded value", _coded),
    Attack("small-data", HTTP2, "700,000 DATA frames of one byte", lambda: _small_data(b"x")),
    Attack("empty-data", HTTP2, "700,000 DATA frames of none", lambda: _small_data(b"")),
    Attack("requests", HTTP2, "20,000 requests at once", lambda: _requests(20_000)),
    Attack("cancelled", HTTP2, "20,000 requests that are cancelled", lambda: _cancelled(20_000)),
    Attack("pings", HTTP2, "400,000 PINGs", lambda: _repeated(frame(PING, 0, bytes(8)))),
    Attack(
        "settings",
        HTTP2,
        "400 SETTINGS of 2,700 windows, with open streams",
        lambda: _requests(90, 0) + frame(SETTINGS, 0, struct.pack(">HL", 4, 65535) * 2700) * 400,
    ),
    Attack("windows", HTTP2, "500,000 WINDOW_UPDATEs", lambda: _repeated(frame(WINDOW_UPDATE, 0, b"\0\0\0\1"))),
    Attack(
        "priorities",
        HTTP2,
        "400 PRIORITY_UPDATEs of 16 KB",
        lambda: _repeated(frame(PRIORITY_UPDATE, 0, b"\0\0\0\1" + b"u," * 8000)),
    ),
    Attack("continuations", HTTP2, "80,000 empty CONTINUATIONs", _short_continuations),
    Attack("inflated", WEBSOCKET, "60 messages of 16 MB, compressed", lambda: deflated(16_000_000) * 60),
    Attack("tiny", WEBSOCKET, "1 million empty messages", lambda: message(b"") * 1_000_000),
    Attack(
        "fragments", WEBSOCKET, "1 million empty fragments", lambda: message(b"", 0x02) + message(b"", 0) * 1_000_000
    ),
    Attack("pings", WEBSOCKET, "1 million pings", lambda: message(b"", 0x89) * 1_000_000),
    Attack("inflated", WEBSOCKET_OVER_HTTP2, "60 messages of 16 MB, compressed", lambda: deflated(16_000_000) * 60),
    Attack("tiny", WEBSOCKET_OVER_HTTP2, "1 million empty messages", lambda: message(b"") * 1_000_000),
    Attack("64", TLS, "64 handshakes at once", handshakes=64),
    Attack("200", TLS, "200 handshakes at once", handshakes=200),
    Attack("500", TLS, "500 handshakes at once", handshakes=500),
    *(
        Attack(name, protocol, title, flood=flood)
        for protocol in (HTTP3, SEEN_OVER_HTTP3)
        for name, (title, flood) in {**FLOODS, **BODIES}.items()
    ),
)

PROTOCOLS = tuple(dict.fromkeys(attack.protocol for attack in _ALL))

ATTACKS: dict[tuple[str, str], Attack] = {
    **{(protocol, QUIET): Attack(QUIET, protocol, "no attack") for protocol in PROTOCOLS},
    **{(attack.protocol, attack.name): attack for attack in _ALL},
}
"""By protocol and name."""
