"""How connections begin, what frames look like, and what errors do (RFC 9113 sections 3, 4, 5.4, 5.5 and 7)."""

from collections.abc import Iterator
from dataclasses import replace

from tests.http2.conformance.case import Case, Outcome, breaks, ends, goes_on, serves
from tests.support.http2.wire import (
    END_HEADERS,
    GET,
    PADDED,
    PREFACE,
    RESERVED,
    SETTINGS_ACK,
    WITH_PRIORITY,
    Code,
    Kind,
    Setting,
    block,
    continuation,
    data,
    frame,
    goaway,
    headers,
    number,
    padded,
    ping,
    post,
    priority,
    raw_headers,
    reset,
    settings,
)

SIZE = (Code.FRAME_SIZE_ERROR,)
COMPRESSION = (Code.COMPRESSION_ERROR,)
LARGEST = 16384


def opening(case: Case, sent: bytes) -> Case:
    return replace(case, opening=sent)


def starting() -> Iterator[Case]:
    """Section 3.4; every case checks that the server's own preface comes first."""
    whole = (Setting.MAX_CONCURRENT_STREAMS, 1), (Setting.MAX_HEADER_LIST_SIZE, 2**32 - 1)
    yield serves("3.4", "the preface and an empty SETTINGS begin a connection", headers())
    yield opening(serves("3.4", "requests need not wait for the server's preface", headers()), PREFACE + settings())
    yield opening(serves("3.4", "settings may come with the preface", headers()), PREFACE + settings(*whole))
    yield opening(
        ends("3.4", "an acknowledgement is not the SETTINGS that the preface has to be", b""), PREFACE + SETTINGS_ACK
    )
    for says, first in {
        "PING": ping(),
        "HEADERS": headers(),
        "DATA": data(1, b"x"),
        "WINDOW_UPDATE": frame(Kind.WINDOW_UPDATE, 0, number(1)),
        "an unknown frame": frame(99, 0, bytes(6)),
        "SETTINGS on a stream": frame(Kind.SETTINGS, 1),
    }.items():
        yield opening(ends("3.4", f"the first frame is not {says}", b""), PREFACE + first)
    yield opening(
        ends("3.4", "SETTINGS that begin a connection are checked like all others", b"", codes=SIZE),
        PREFACE + frame(Kind.SETTINGS, 0, bytes(5)),
    )


def format_() -> Iterator[Case]:
    """Section 4.1."""
    yield goes_on("4.1", "a frame of an unknown type is ignored", frame(0xFF, 0, b"unknown", 0xFF))
    yield goes_on("4.1", "so is one of an idle stream, and of an even one", frame(0xFE, 9) + frame(0xFD, 4, b"x"))
    yield goes_on("4.1", "flags that a type does not have are ignored", frame(Kind.PING, 0, bytes(8), 0xFE))
    yield goes_on("4.1", "the reserved bit before a stream is ignored", frame(Kind.PING, RESERVED, bytes(8)))
    yield serves("4.1", "that before the stream of HEADERS too", raw_headers(1 | RESERVED, block(GET)))
    yield serves("4.1", "HEADERS with flags that it does not have", raw_headers(1, block(GET), 0xD2))
    body = post() + frame(Kind.DATA, 1 | RESERVED, b"12345", 0xF7)
    yield serves("4.1", "DATA with flags that it does not have", body, body=5)
    yield goes_on("4.1", "SETTINGS with flags that it does not have", frame(Kind.SETTINGS, 0, b"", 0xFE))


def size() -> Iterator[Case]:
    """Section 4.2: frames of up to 2^14 bytes are accepted, larger ones never."""
    yield serves("4.2", "DATA of 2^14 bytes", post() + data(1, bytes(LARGEST), end=True), body=LARGEST)
    whole = frame(Kind.DATA, 1, padded(bytes(LARGEST - 256), 255), 9)
    yield serves("4.2", "DATA of 2^14 bytes with its padding", post() + whole, body=LARGEST - 256)
    field = (b"x", bytes(b"x" * (LARGEST - 6 - len(block(GET)))))
    assert len(block((*GET, field))) == LARGEST
    yield serves("4.2", "HEADERS of 2^14 bytes", headers(1, (*GET, field)))
    yield goes_on("4.2", "an unknown frame of 2^14 bytes", frame(99, 0, bytes(LARGEST)))
    for kind in Kind:
        stream = 0 if kind in (Kind.SETTINGS, Kind.PING, Kind.GOAWAY, Kind.PRIORITY_UPDATE) else 1
        too_large = frame(kind, stream, bytes(LARGEST + 1), END_HEADERS)
        yield ends("4.2", f"{kind.name} larger than 2^14 bytes", post() + too_large, codes=SIZE)
    yield ends("4.2", "an unknown frame larger than 2^14 bytes", frame(99, 0, bytes(LARGEST + 1)), codes=SIZE)
    yield ends("4.2", "a frame that says it has 2^24 - 1 bytes", b"\xff\xff\xff\0\0\0\0\0\x01", codes=SIZE)
    for kind, right in ((Kind.PING, 8), (Kind.WINDOW_UPDATE, 4), (Kind.RST_STREAM, 4), (Kind.GOAWAY, 8)):
        stream = 1 if kind == Kind.RST_STREAM else 0
        for wrong in {0, right - 1} | ({right + 1} if kind != Kind.GOAWAY else set()):
            sent = post() + frame(kind, stream, bytes(wrong))
            yield ends("4.2", f"{kind.name} of {wrong} bytes", sent, codes=SIZE)
    short = raw_headers(1, b"\0\0\0\0", WITH_PRIORITY)
    yield ends("4.2", "HEADERS too short for the priority that it says it has", short, codes=SIZE)
    for kind, says in ((Kind.HEADERS, "HEADERS"), (Kind.DATA, "DATA")):
        sent = post() + frame(kind, 1, b"", PADDED | END_HEADERS)
        yield ends("4.2", f"padded {says} without a pad length", sent, codes=(*SIZE, Code.PROTOCOL_ERROR))


def compression() -> Iterator[Case]:
    """Section 4.3: how header blocks travel; what is in them is in `hpack`."""
    whole = block(GET)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    parts = [continuation(1, piece, done=piece is pieces[-1]) for piece in pieces[1:]]
    yield serves("4.3", "a block in many frames", raw_headers(1, pieces[0], done=False) + b"".join(parts))
    yield ends("4.3", "a block that cannot be read", raw_headers(1, b"\x40"), codes=COMPRESSION)
    yield ends("4.3", "a block whose end is missing", raw_headers(1, whole[:-1]), codes=COMPRESSION)
    begun = headers(1, done=False)
    for says, within in {
        "PRIORITY": priority(1),
        "PRIORITY of another stream": priority(3),
        "HEADERS of another stream": headers(3),
        "HEADERS of the same stream": headers(1),
        "CONTINUATION of another stream": continuation(3, whole),
        "DATA of the same stream": data(1, b"x"),
        "RST_STREAM of the same stream": reset(1),
        "PING": ping(),
        "SETTINGS": settings(),
        "an acknowledgement of settings": SETTINGS_ACK,
        "WINDOW_UPDATE": frame(Kind.WINDOW_UPDATE, 0, number(1)),
        "GOAWAY": goaway(),
        "an unknown frame": frame(99, 1, b"x"),
    }.items():
        yield ends("4.3", f"{says} within a header block", begun + within)


def extending() -> Iterator[Case]:
    """Sections 5.5 and 7: what is unknown is ignored."""
    unknown = b"".join([frame(kind, stream, b"?") for kind in (10, 12, 127, 255) for stream in (0, 1, 2, 101)])
    yield goes_on("5.5", "frames of unknown types are ignored", unknown)
    yield serves("5.5", "also between the frames of a request", post() + frame(77, 1) + data(1, b"1", end=True), body=1)
    yield goes_on("5.5", "unknown settings are ignored", settings((99, 1), (0, 5), (0xFFFF, 2**32 - 1)))
    yield serves("7", "GOAWAY with an unknown code", goaway(0, 0xFF) + headers())
    yield goes_on("7", "RST_STREAM with an unknown code", post() + reset(1, 0xFF) + post(3) + reset(3, 2**32 - 1))


def errors() -> Iterator[Case]:
    """Section 5.4: GOAWAY before the end, RST_STREAM for a stream; errors do not answer errors."""
    yield ends("5.4.1", "GOAWAY tells why the connection ends", frame(Kind.PING, 3, bytes(8)))
    yield ends("5.4.1", "what follows an error is not answered", frame(Kind.PING, 3, bytes(8)) + headers() + ping())
    malformed = [*GET, (b"X", b"y")]
    yield breaks("5.4.2", "RST_STREAM tells why a stream ends", headers(1, malformed))
    yield Case(
        "5.4.2",
        "an error of one stream is none of the others",
        (post(3) + headers(5, malformed) + data(3, b"abc", end=True) + headers(7),),
        Outcome(resets={5: (Code.PROTOCOL_ERROR,)}, answers={3: (200, b"3 bytes"), 7: (200, b"0 bytes")}),
    )
    yield goes_on("5.4.2", "RST_STREAM is not answered with RST_STREAM", post() + reset(1) + reset(1))


def cases() -> Iterator[Case]:
    yield from starting()
    yield from format_()
    yield from size()
    yield from compression()
    yield from extending()
    yield from errors()
