"""Each type of frame (RFC 9113 section 6)."""

from collections.abc import Iterator

from tests.http2.conformance.case import Case, Outcome, breaks, ends, goes_on, serves
from tests.support.http2.wire import (
    ACK,
    END_HEADERS,
    END_STREAM,
    GET,
    PADDED,
    POST,
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
    priority_fields,
    priority_update,
    raw_headers,
    reset,
    settings,
    window,
)

SIZE = (Code.FRAME_SIZE_ERROR,)
FLOW = (Code.FLOW_CONTROL_ERROR,)
LARGEST_WINDOW = 2**31 - 1
WHOLE = block(GET)


def padded_data(content: bytes, padding: int, said: int | None = None, *, end: bool = True) -> bytes:
    return frame(Kind.DATA, 1, padded(content, padding, said=said), PADDED | END_STREAM * end)


def of_data() -> Iterator[Case]:
    """Section 6.1."""
    yield serves("6.1", "DATA", post() + data(1, b"test", end=True), body=4)
    yield serves("6.1", "many DATA frames", post() + data(1, b"te") * 4 + data(1, b"st", end=True), body=10)
    yield serves("6.1", "an empty DATA frame ends a request", post() + data(1, b"test") + data(1, end=True), body=4)
    for padding in (0, 1, 255):
        sent = post() + padded_data(b"test", padding)
        yield serves("6.1", f"DATA with {padding} bytes of padding, which are not content", sent, body=4)
    yield serves("6.1", "DATA with padding only", post() + padded_data(b"", 3), body=0)
    sent = post() + padded_data(b"1", 4, end=False) + padded_data(b"2", 0, end=False) + data(1, b"3", end=True)
    yield serves("6.1", "padded DATA between others", sent, body=3)
    yield ends("6.1", "DATA on no stream", frame(Kind.DATA, 0, b"test"))
    for content, padding, said in ((b"x", 0, 2), (b"x", 0, 255), (b"", 0, 1), (b"test", 5, 10)):
        sent = post() + padded_data(content, padding, said)
        yield ends("6.1", f"{said} bytes of padding in a payload of {1 + len(content) + padding}", sent)


def of_headers() -> Iterator[Case]:
    """Section 6.2."""
    yield serves("6.2", "HEADERS", headers())
    for padding in (0, 1, 255):
        sent = raw_headers(1, padded(WHOLE, padding), PADDED)
        yield serves("6.2", f"HEADERS with {padding} bytes of padding", sent)
    yield serves("6.2", "HEADERS with priority", raw_headers(1, priority_fields() + WHOLE, WITH_PRIORITY))
    both = raw_headers(1, padded(priority_fields(exclusive=True) + WHOLE, 9), PADDED | WITH_PRIORITY)
    yield serves("6.2", "HEADERS with both", both)
    begun = frame(Kind.HEADERS, 1, padded(priority_fields() + WHOLE[:9], 9), PADDED | WITH_PRIORITY | END_STREAM)
    yield serves("6.2", "HEADERS with both, and CONTINUATION", begun + continuation(1, WHOLE[9:]))
    yield ends("6.2", "HEADERS of no stream", headers(0))
    for said in (len(WHOLE) + 1, 255):
        yield ends("6.2", f"{said} bytes of padding", raw_headers(1, padded(WHOLE, 0, said=said), PADDED))
    tight = raw_headers(1, padded(priority_fields(), 0, said=6), PADDED | WITH_PRIORITY)
    yield ends("6.2", "padding that takes the priority too", tight)
    yield ends("6.2", "HEADERS without END_HEADERS, and then PRIORITY", headers(done=False) + priority(1))
    yield ends("6.2", "HEADERS without END_HEADERS, and then another stream", headers(done=False) + headers(3))


def of_priority_and_reset() -> Iterator[Case]:
    """Sections 6.3 and 6.4, and RFC 9218 section 7.1."""
    yield ends("6.3", "PRIORITY on no stream", priority(0))
    for length in (0, 4, 6):
        sent = post() + frame(Kind.PRIORITY, 1, bytes(length))
        yield breaks("6.3", f"PRIORITY of {length} bytes", sent, codes=SIZE)
    yield serves("6.3", "PRIORITY while a request goes on", post() + priority(1) + data(1, b"x", end=True), body=1)
    yield goes_on("6.4", "RST_STREAM", post() + reset(1, Code.CANCEL))
    yield ends("6.4", "RST_STREAM of no stream", reset(0))
    yield ends("6.4", "RST_STREAM of an idle stream", reset(1))
    yield ends("6.4", "RST_STREAM of an idle even stream", post(5) + reset(2))
    update = priority_update(1) + headers() + priority_update(1, b"u=0, i") + priority_update(1, b"\xff=;;")
    yield serves("RFC 9218 7.1", "PRIORITY_UPDATE before a request and after it", update)
    yield ends("RFC 9218 7.1", "PRIORITY_UPDATE on a stream", frame(Kind.PRIORITY_UPDATE, 1, number(1) + b"u=1"))
    yield ends("RFC 9218 7.1", "PRIORITY_UPDATE for no stream", priority_update(0))
    yield ends("RFC 9218 7.1", "PRIORITY_UPDATE of 3 bytes", frame(Kind.PRIORITY_UPDATE, 0, bytes(3)), codes=SIZE)
    too_many = b"".join([priority_update(number) for number in range(1, 203, 2)])
    yield ends("RFC 9218 7.1", "PRIORITY_UPDATE for more streams than there may be", too_many)


def of_settings() -> Iterator[Case]:
    """Section 6.5."""
    yield Case("6.5.3", "settings are acknowledged", (settings() * 3,), Outcome(acks=4))
    yield Case("6.5.3", "an acknowledgement is not", (SETTINGS_ACK,), Outcome(acks=1))
    yield ends("6.5", "an acknowledgement with a payload", frame(Kind.SETTINGS, 0, bytes(6), ACK), codes=SIZE)
    yield ends("6.5", "SETTINGS on a stream", frame(Kind.SETTINGS, 1, number(1, 2) + number(4096)))
    yield ends("6.5", "an acknowledgement of a stream", frame(Kind.SETTINGS, 1, b"", ACK))
    for length in (1, 3, 5, 7, 13):
        yield ends("6.5", f"SETTINGS of {length} bytes", frame(Kind.SETTINGS, 0, bytes(length)), codes=SIZE)
    for value in (2, 2**32 - 1):
        yield ends("6.5.2", f"ENABLE_PUSH of {value}", settings((Setting.ENABLE_PUSH, value)))
    for value in (0, 1):
        yield goes_on("6.5.2", f"ENABLE_PUSH of {value}", settings((Setting.ENABLE_PUSH, value)))
    for value in (2**31, 2**32 - 1):
        sent = settings((Setting.INITIAL_WINDOW_SIZE, value))
        yield ends("6.5.2", f"INITIAL_WINDOW_SIZE of {value}", sent, codes=FLOW)
    yield serves("6.5.2", "the largest window", settings((Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW)) + headers())
    for value in (0, 16383, 2**24):
        yield ends("6.5.2", f"MAX_FRAME_SIZE of {value}", settings((Setting.MAX_FRAME_SIZE, value)))
    for value in (16384, 2**24 - 1):
        yield serves("6.5.2", f"MAX_FRAME_SIZE of {value}", settings((Setting.MAX_FRAME_SIZE, value)) + headers())
    for value in (0, 1, 2**32 - 1):
        sent = settings((Setting.HEADER_TABLE_SIZE, value)) + headers()
        yield serves("6.5.2", f"HEADER_TABLE_SIZE of {value}", sent)
        sent = settings((Setting.MAX_CONCURRENT_STREAMS, value), (Setting.MAX_HEADER_LIST_SIZE, value)) + headers()
        yield serves("6.5.2", f"settings about what the server may send, of {value}", sent)
    twice = settings((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 1)) + headers()
    yield Case("6.5.3", "settings hold in their order", (twice,), Outcome(sizes={1: [1]}, acks=2))
    wrong = settings((Setting.ENABLE_PUSH, 0), (Setting.MAX_FRAME_SIZE, 1))
    yield ends("6.5.3", "one setting is wrong", wrong)
    yield ends("RFC 9218 2.1", "NO_RFC7540_PRIORITIES of 2", settings((9, 2)))


def of_push_ping_goaway() -> Iterator[Case]:
    """Sections 6.6, 6.7 and 6.8."""
    for stream in (0, 1, 2):
        sent = post() + frame(Kind.PUSH_PROMISE, stream, number(2) + WHOLE, END_HEADERS)
        yield ends("6.6", f"a client that pushes on stream {stream}", sent)
    answered = Outcome()
    yield Case("6.7", "a PING is answered", (ping(b"\0\1\2\3\4\5\6\7"),), answered)
    yield goes_on("6.7", "the answer to a PING is not", ping(b"no reply", ack=True))
    yield ends("6.7", "PING on a stream", frame(Kind.PING, 1, bytes(8)))
    yield ends("6.7", "an answered PING on a stream", frame(Kind.PING, 1, bytes(8), ACK))
    for length in (0, 6, 7, 9):
        yield ends("6.7", f"PING of {length} bytes", frame(Kind.PING, 0, bytes(length)), codes=SIZE)
    yield serves("6.8", "GOAWAY leaves open what is open", post() + goaway() + data(1, b"x", end=True), body=1)
    yield goes_on("6.8", "GOAWAY with a text for people", frame(Kind.GOAWAY, 0, bytes(8) + b"good bye"))
    yield ends("6.8", "GOAWAY on a stream", goaway(stream=1))
    yield ends("6.8", "GOAWAY of an open stream", post() + goaway(stream=1))


def of_windows() -> Iterator[Case]:
    """Section 6.9."""
    small = settings((Setting.INITIAL_WINDOW_SIZE, 0))
    yield serves("6.9", "the connection's window is opened", window(0, 1) + headers())
    yield Case("6.9", "a stream's window is opened", (small + headers(), window(1, 1)), Outcome(sizes={1: [1]}))
    yield ends("6.9", "the connection's window is opened by nothing", window(0, 0))
    yield ends("6.9", "the same, but for the reserved bit", window(0, RESERVED))
    yield breaks("6.9", "a stream's window is opened by nothing", post() + window(1, 0))
    for length in (0, 3, 5):
        for stream in (0, 1):
            sent = post() + frame(Kind.WINDOW_UPDATE, stream, bytes(length))
            yield ends("6.9", f"WINDOW_UPDATE of {length} bytes, of stream {stream}", sent, codes=SIZE)
    yield Case("6.9.1", "no more is sent than there is room for", (small + headers(),), Outcome(sizes={1: []}))
    two = settings((Setting.INITIAL_WINDOW_SIZE, 2)) + headers()
    yield Case("6.9.1", "and as much as there is room for", (two, window(1, 3)), Outcome(sizes={1: [2, 3]}))
    yield ends("6.9.1", "the connection's window beyond 2^31-1", window(0, LARGEST_WINDOW), codes=FLOW)
    yield ends("6.9.1", "the same in two steps", window(0, LARGEST_WINDOW - 65535) + window(0, 1), codes=FLOW)
    yield serves("6.9.1", "the connection's window of 2^31-1", window(0, LARGEST_WINDOW - 65535) + headers())
    over = post() + window(1, LARGEST_WINDOW)
    yield breaks("6.9.1", "a stream's window beyond 2^31-1", over, codes=FLOW)
    yield breaks("6.9.1", "a stream's window in two steps", post() + window(1, 2**30) * 2, codes=FLOW)
    yield from of_initial_windows()


def of_initial_windows() -> Iterator[Case]:
    """Section 6.9.2."""

    def initial(size: int) -> bytes:
        return settings((Setting.INITIAL_WINDOW_SIZE, size))

    yield Case("6.9.2", "streams follow a change", (initial(0) + headers(), initial(1)), Outcome(sizes={1: [1]}))
    negative = (initial(3) + headers(), initial(2), window(1, 2))
    yield Case("6.9.2", "a window may be negative", negative, Outcome(sizes={1: [3, 1]}))
    deep = (initial(3) + headers(), initial(0), window(1, 3), window(1, 1))
    yield Case("6.9.2", "nothing is sent until it is positive", deep, Outcome(sizes={1: [3, 1]}))
    back = (initial(3) + headers(), initial(0) + initial(7))
    yield Case("6.9.2", "it may be opened again by settings", back, Outcome(sizes={1: [3, 4]}))
    far = post() + window(1, 2**30) + initial(2**30 + 65536)
    yield ends("6.9.2", "settings open a window beyond 2^31-1", far, codes=FLOW)
    connection = settings((Setting.INITIAL_WINDOW_SIZE, 0)) + window(0, LARGEST_WINDOW - 65535) + headers()
    yield Case("6.9.2", "the connection's window does not follow", (connection, window(1, 7)), Outcome(sizes={1: [7]}))


def of_continuation() -> Iterator[Case]:
    """Section 6.10."""
    begun = headers(done=False)
    yield serves("6.10", "CONTINUATION", raw_headers(1, WHOLE[:5], done=False) + continuation(1, WHOLE[5:]))
    empty = raw_headers(1, b"", done=False) + continuation(1, b"", done=False) * 3 + continuation(1, WHOLE)
    yield serves("6.10", "empty frames of a block", empty)
    trailers = post() + data(1, b"x") + headers(1, [(b"a", b"b")], done=False)
    yield serves("6.10", "CONTINUATION of trailers", trailers + continuation(1, block([(b"c", b"d")])), body=1)
    late = raw_headers(1, block(POST), end=False, done=False) + continuation(1, b"") + data(1, b"xy", end=True)
    yield serves("6.10", "END_STREAM of the first frame is that of the block", begun + continuation(1, b""))
    yield serves("6.10", "which it need not have", late, body=2)
    yield ends("6.10", "another frame within a block", begun + continuation(1, b"", done=False) + ping())
    yield ends("6.10", "CONTINUATION of no stream", begun + continuation(0, b""))
    yield ends("6.10", "CONTINUATION of another stream", begun + continuation(3, b""))
    yield ends("6.10", "CONTINUATION after a whole block", post() + continuation(1, b""))
    yield ends("6.10", "CONTINUATION after the last one", begun + continuation(1, b"") * 2)
    yield ends("6.10", "CONTINUATION after DATA", post() + data(1, b"x") + continuation(1, b""))


def cases() -> Iterator[Case]:
    yield from of_data()
    yield from of_headers()
    yield from of_priority_and_reset()
    yield from of_settings()
    yield from of_push_ping_goaway()
    yield from of_windows()
    yield from of_continuation()
