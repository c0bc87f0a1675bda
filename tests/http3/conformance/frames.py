"""Which frame may come on which stream (RFC 9114 sections 7.2 and 9, RFC 9218 section 7.2)."""

from collections.abc import Iterator

from esg_http.h3.coding.codes import H3_EXCESSIVE_LOAD, H3_FRAME_ERROR, H3_FRAME_UNEXPECTED, H3_ID_ERROR, OF_HTTP2
from tests.http3.conformance.case import Case, asks, begins, ends, goes_on, more, serves
from tests.support.http3 import wire
from tests.support.http3.wire import block, data, frame, headers, request, varint

POST_FIELDS = request(b"/", b"POST")
POST = headers(request(b"/", b"POST"))
TRAILERS = headers([(b"x-a", b"b")])


def order() -> Iterator[Case]:
    yield serves("4.1", "content comes in any number of DATA", asks(POST + data(b"ab") + data() + data(b"c")), body=3)
    yield ends("4.1", "DATA does not come before HEADERS", H3_FRAME_UNEXPECTED, asks(data(b"x") + headers()))
    trailers = TRAILERS
    yield serves("4.1", "trailers end a request", asks(POST + data(b"abc") + trailers), body=3)
    yield serves("4.1", "even one without content", asks(POST + trailers))
    yield ends("4.1", "no DATA after trailers", H3_FRAME_UNEXPECTED, asks(POST + trailers + data(b"x")))
    yield ends("4.1", "no HEADERS after trailers", H3_FRAME_UNEXPECTED, asks(POST + trailers + trailers))
    grease = frame(0x21, b"x" * 70)
    everywhere = grease + POST + grease + data(b"abc") + grease + trailers + grease
    yield serves("9", "unknown frames may come anywhere", asks(everywhere), body=3)
    yield serves("9", "and on the control stream", more(grease + frame(2**40)), asks(headers()))
    large = frame(0x21, bytes(1000))
    yield serves("9", "even in parts", more(large[:900]), more(large[900:]), asks(headers()))
    parts = begins(POST + large[:900]), asks(large[900:] + data(b"abc"))
    yield serves("9", "in a request too", *parts, body=3)


def wrong_streams() -> Iterator[Case]:
    never = {
        "SETTINGS": (wire.SETTINGS, b""),
        "GOAWAY": (wire.GOAWAY, b"\0"),
        "MAX_PUSH_ID": (wire.MAX_PUSH_ID, b"\0"),
        "CANCEL_PUSH": (wire.CANCEL_PUSH, b"\0"),
        "PUSH_PROMISE": (wire.PUSH_PROMISE, b"\0\0\0"),
        "PRIORITY_UPDATE": (wire.PRIORITY_UPDATE, b"\0u=1"),
        "PRIORITY_UPDATE of a push": (wire.PRIORITY_UPDATE_OF_PUSH, b"\0u=1"),
        **{f"type {kind} of HTTP/2": (kind, b"x") for kind in OF_HTTP2},
    }
    for says, (kind, payload) in never.items():
        sent = frame(kind, payload)
        yield ends("7.2", f"{says} before a request", H3_FRAME_UNEXPECTED, begins(sent))
        yield ends("7.2", f"{says} within a request", H3_FRAME_UNEXPECTED, begins(POST + sent))
        yield ends("7.2", f"{says} after its trailers", H3_FRAME_UNEXPECTED, begins(POST + TRAILERS + sent))
    for says, (kind, payload) in {
        "DATA": (wire.DATA, b"x"),
        "HEADERS": (wire.HEADERS, wire.block()),
        "PUSH_PROMISE": (wire.PUSH_PROMISE, b"\0\0\0"),
        **{f"type {kind} of HTTP/2": (kind, b"x") for kind in OF_HTTP2},
    }.items():
        sent = frame(kind, payload)
        yield ends("7.2", f"{says} on the control stream", H3_FRAME_UNEXPECTED, more(sent))


def pushes() -> Iterator[Case]:
    rising = frame(wire.MAX_PUSH_ID, b"\0") + frame(wire.MAX_PUSH_ID, b"\x05") + frame(wire.MAX_PUSH_ID, b"\x05")
    yield goes_on("7.2.7", "MAX_PUSH_ID may rise", more(rising))
    falling = frame(wire.MAX_PUSH_ID, b"\x05") + frame(wire.MAX_PUSH_ID, b"\x04")
    yield ends("7.2.7", "but not fall", H3_ID_ERROR, more(falling))
    long = frame(wire.MAX_PUSH_ID, b"\0\0")
    yield ends("7.1", "MAX_PUSH_ID with more than a number", H3_FRAME_ERROR, more(long))
    yield ends("7.1", "MAX_PUSH_ID without a number", H3_FRAME_ERROR, more(frame(wire.MAX_PUSH_ID)))
    yield ends("7.2.3", "no push can be cancelled", H3_ID_ERROR, more(frame(wire.CANCEL_PUSH, b"\0")))


def priorities() -> Iterator[Case]:
    early = more(frame(wire.PRIORITY_UPDATE, b"\0u=1, i"))
    yield serves("RFC 9218 7.2", "a priority may come before its request", early, asks(headers()))
    late = more(frame(wire.PRIORITY_UPDATE, b"\0u=7"))
    yield serves("RFC 9218 7.2", "within it", begins(POST), late, asks(data(b"x")), body=1)
    head = headers()
    yield serves("RFC 9218 7.2", "in the middle of its head", begins(head[:5]), late, asks(head[5:]))
    yield serves("RFC 9218 7.2", "or after it", asks(head), late)
    broken = more(frame(wire.PRIORITY_UPDATE, b"\0\xff u=,"))
    yield serves("RFC 9218 4", "what is malformed in it is ignored", broken, asks(headers()))
    for number in (1, 2, 3):
        sent = more(frame(wire.PRIORITY_UPDATE, varint(number)))
        yield ends("RFC 9218 7.2", f"stream {number} has no response", H3_ID_ERROR, sent)
    yield ends("RFC 9218 7.2", "a frame without a number", H3_FRAME_ERROR, more(frame(wire.PRIORITY_UPDATE)))
    push = more(frame(wire.PRIORITY_UPDATE_OF_PUSH, b"\0"))
    yield ends("RFC 9218 7.2", "no push has a priority", H3_ID_ERROR, push)
    ahead = [frame(wire.PRIORITY_UPDATE, varint(4 * number)) for number in range(101)]
    yield goes_on("RFC 9218 7.2", "as many priorities as streams", more(b"".join(ahead[:100])))
    too_many = more(b"".join(ahead))
    yield ends("RFC 9218 7.2", "priorities of streams that do not come", H3_EXCESSIVE_LOAD, too_many)
    largest = more(frame(wire.PRIORITY_UPDATE, bytes(4096)))
    yield goes_on("10.5", "a frame as large as it may be", largest)
    large = more(frame(wire.PRIORITY_UPDATE, bytes(4097)))
    yield ends("10.5", "a frame that is too large", H3_EXCESSIVE_LOAD, large)


def in_bytes(value: int, size: int) -> bytes:
    """A number in a form of `size` bytes (RFC 9000 section 16)."""
    return (value | (size.bit_length() - 1) << 8 * size - 2).to_bytes(size, "big")


def long_forms() -> Iterator[Case]:
    """RFC 9000 section 16: only the types of QUIC's own frames need to be as short as they can be."""
    for size in (2, 4, 8):
        sent = in_bytes(wire.HEADERS, size) + in_bytes(len(block(POST_FIELDS)), size) + block(POST_FIELDS)
        content = in_bytes(wire.DATA, size) + in_bytes(3, size) + b"abc"
        says = f"types and lengths may take {size} bytes"
        yield serves("RFC 9000 16", says, asks(sent + content), body=3)
        pair = in_bytes(6, size) + in_bytes(100, size)
        first = in_bytes(wire.SETTINGS, size) + in_bytes(len(pair), size) + pair
        opening = in_bytes(wire.CONTROL, size) + first
        yield serves("RFC 9000 16", f"so may those of the control stream: {size}", asks(headers()), opening=opening)
        twice = more(in_bytes(wire.SETTINGS, size) + in_bytes(0, size))
        yield ends("RFC 9000 16", f"they mean the same: {size}", H3_FRAME_UNEXPECTED, twice, opening=opening)


def cases() -> Iterator[Case]:
    yield from long_forms()
    yield from order()
    yield from wrong_streams()
    yield from pushes()
    yield from priorities()
