"""The states of streams, their numbers, how many are allowed, and their dependencies (RFC 9113 sections 5.1, 5.3)."""

from collections.abc import Iterator

from tests.http2.conformance.case import Case, Outcome, breaks, ends, goes_on, serves
from tests.support.http2.wire import (
    GET,
    WITH_PRIORITY,
    Code,
    Setting,
    block,
    continuation,
    data,
    headers,
    post,
    priority,
    priority_fields,
    raw_headers,
    reset,
    settings,
    window,
)

CLOSED = (Code.STREAM_CLOSED,)
NO_WINDOW = settings((Setting.INITIAL_WINDOW_SIZE, 0))


def idle() -> Iterator[Case]:
    """Only HEADERS and PRIORITY may come on an idle stream."""
    for stream, before in ((1, b""), (3, post())):
        for says, sent in {
            "DATA": data(stream, b"test", end=True),
            "empty DATA": data(stream),
            "RST_STREAM": reset(stream),
            "WINDOW_UPDATE": window(stream, 100),
            "CONTINUATION": continuation(stream, block(GET)),
        }.items():
            yield ends("5.1", f"idle: {says} of stream {stream}", before + sent)
    yield goes_on("5.1", "idle: PRIORITY", priority(1))
    yield serves("5.1", "idle: PRIORITY, then HEADERS", priority(1, weight=255) + headers())


def half_closed() -> Iterator[Case]:
    """After the client's END_STREAM, while the response waits for its window."""
    waiting = NO_WINDOW + headers()
    yield Case("5.1", "half closed: WINDOW_UPDATE", (waiting, window(1, 1)), Outcome(sizes={1: [1]}))
    yield Case("5.1", "half closed: PRIORITY", (waiting, priority(1) + window(1, 1)), Outcome(sizes={1: [1]}))
    yield goes_on("5.1", "half closed: RST_STREAM", waiting, reset(1))
    for says, sent in {"DATA": data(1, b"test", end=True), "empty DATA": data(1), "HEADERS": headers()}.items():
        yield breaks("5.1", f"half closed: {says}", waiting + sent, codes=CLOSED)
        yield breaks("5.1", f"half closed, while the response waits: {says}", waiting, sent, codes=CLOSED)
        yield breaks("5.1", f"half closed by DATA: {says}", NO_WINDOW + post() + data(1, end=True) + sent, codes=CLOSED)
    either = (Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)
    yield ends("5.1", "half closed: CONTINUATION", waiting + continuation(1, block(GET)), codes=either)


def closed() -> Iterator[Case]:
    """After both have sent their last frame, and after RST_STREAM."""
    either = (Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)
    for says, before in {"answered": headers(), "reset by the client": post() + reset(1)}.items():
        yield ends("5.1", f"{says}: DATA", before, data(1, b"test", end=True), codes=CLOSED)
        yield ends("5.1", f"{says}: HEADERS", before, headers(), codes=CLOSED)
        yield ends("5.1", f"{says}: CONTINUATION", before, continuation(1, block(GET)), codes=either)
        yield goes_on("5.1", f"{says}: PRIORITY", before, priority(1))
        yield goes_on("5.1", f"{says}: WINDOW_UPDATE", before, window(1, 10))
        yield goes_on("5.1", f"{says}: RST_STREAM", before, reset(1))
    malformed = headers(1, [*GET, (b"Upper", b"case")], end=False)
    for says, sent in {
        "DATA": data(1, b"test") + data(1, b"test", end=True),
        "trailers": headers(1, [(b"x", b"y")]),
        "WINDOW_UPDATE": window(1, 1),
        "RST_STREAM": reset(1),
        "PRIORITY": priority(1),
    }.items():
        yield breaks("5.1", f"reset by the server: {says} that was on the way is ignored", malformed + sent)


def numbers() -> Iterator[Case]:
    """Section 5.1.1."""
    for even in (2, 2**31 - 2):
        yield ends("5.1.1", f"a client opens streams with odd numbers, not {even}", headers(even))
    yield ends("5.1.1", "an even number that is below others", headers(9) + headers(4))
    either = (Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)
    yield ends("5.1.1", "numbers grow", headers(5) + headers(3), codes=either)
    yield ends("5.1.1", "a stream opens those below it no more", headers(5), headers(3), codes=either)
    yield ends("5.1.1", "DATA of a stream that was passed over", headers(5), data(3, b"x"), codes=either)
    yield ends("5.1.1", "HEADERS of stream 0", headers(0))
    yield ends("5.1.1", "CONTINUATION of stream 0", raw_headers(0, b"", done=False) + continuation(0, block(GET)))
    yield serves("5.1.1", "numbers may be left out", headers(1) + headers(77) + headers(1001), streams=(1, 77, 1001))
    yield serves("5.1.1", "the last number is one", headers(2**31 - 1), streams=(2**31 - 1,))
    yield ends("5.1.1", "after the last number there is none", headers(2**31 - 1), headers(1), codes=either)


def concurrency() -> Iterator[Case]:
    """Section 5.1.2: a stream beyond the announced number is refused, and open ones go on."""
    opened = range(1, 200, 2)
    many = b"".join([post(number) for number in opened])
    finished = b"".join([data(number, b"x", end=True) for number in opened])
    refused = {201: (Code.REFUSED_STREAM, Code.PROTOCOL_ERROR)}
    answers = dict.fromkeys(opened, (200, b"1 bytes"))
    yield Case("5.1.2", "one stream too many", (many + post(201), finished), Outcome(resets=refused, answers=answers))
    again = Outcome(resets=refused, answers={203: (200, b"0 bytes")})
    yield Case("5.1.2", "there is room again", (many + post(201), finished, headers(203)), again)
    indexed = raw_headers(201, block(GET) + b"\x40\x01a\x01b") + raw_headers(1, b"\xbe")
    tables = Outcome(resets=refused, answers=answers | {1: (200, b"0 bytes")})
    yield Case("5.1.2", "fields of a refused stream are in the table", (many + indexed, finished[10:]), tables)


def dependencies() -> Iterator[Case]:
    """Section 5.3, which drops priorities; they are still read, and a stream cannot depend on itself."""
    for weight in (0, 255):
        yield serves("5.3.2", f"PRIORITY with weight {weight}", priority(1, weight=weight) + headers())
    yield serves("5.3.2", "PRIORITY with a dependency", priority(3, 1, 0) + headers())
    yield serves("5.3.2", "PRIORITY that is exclusive", priority(1, weight=0, exclusive=True) + headers())
    yield serves("5.3.2", "PRIORITY of an idle stream, HEADERS of a lower one", priority(3, weight=255) + headers())
    loop = b"".join([priority(number, (number + 2) % 10) for number in (1, 3, 5, 7, 9)])
    yield serves("5.3.2", "dependencies in a circle", loop + headers())
    chain = b"".join([priority(number + 2, number, exclusive=True) for number in range(1, 800, 2)])
    yield serves("5.3.2", "a chain of 400 streams", chain + headers())
    dependent = raw_headers(1, priority_fields(9999, 255, exclusive=True) + block(GET), WITH_PRIORITY)
    yield serves("5.3.2", "HEADERS that depends on a stream that never was", dependent)
    on_itself = raw_headers(1, priority_fields(1) + block(GET), WITH_PRIORITY)
    yield breaks("5.3.2", "HEADERS that depends on itself", on_itself)
    yield breaks("5.3.2", "PRIORITY that depends on itself", post() + priority(1, 1))


def cases() -> Iterator[Case]:
    yield from idle()
    yield from half_closed()
    yield from closed()
    yield from numbers()
    yield from concurrency()
    yield from dependencies()
