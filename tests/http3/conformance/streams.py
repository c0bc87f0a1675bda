"""Which streams there are, and how they begin and end (RFC 9114 sections 4.1, 5.2, 6 and 7.2.4)."""

from collections.abc import Iterator

from esg_http.h3.coding.codes import (
    H3_CLOSED_CRITICAL_STREAM,
    H3_FRAME_ERROR,
    H3_FRAME_UNEXPECTED,
    H3_ID_ERROR,
    H3_MISSING_SETTINGS,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_INCOMPLETE,
    H3_SETTINGS_ERROR,
    H3_STREAM_CREATION_ERROR,
)
from tests.http3.conformance.case import (
    OPEN,
    RESET,
    STOPPED,
    Case,
    Outcome,
    Step,
    asks,
    begins,
    breaks,
    ends,
    goes_on,
    more,
    serves,
)
from tests.support.http3 import wire
from tests.support.http3.wire import control, data, frame, headers, request, settings, varint


def request_streams() -> Iterator[Case]:
    yield serves("6.1", "a request on the first bidirectional stream", asks(headers()))
    yield Case(
        "6.1",
        "streams may come in any order",
        (asks(headers(), 8), asks(headers()), asks(headers(), 4)),
        Outcome(answers=dict.fromkeys((0, 4, 8), (200, b"0 bytes"))),
    )
    yield breaks("4.1", "a stream that ends without a request is incomplete", H3_REQUEST_INCOMPLETE, asks(b""))
    grease = asks(frame(0x21, b"x"))
    yield breaks("4.1", "so is one with nothing but unknown frames", H3_REQUEST_INCOMPLETE, grease)
    truncated = asks(headers()[:-1])
    yield ends("7.1", "a stream must not end within a frame", H3_FRAME_ERROR, truncated)
    yield ends("7.1", "nor within the content of DATA", H3_FRAME_ERROR, asks(headers() + data(b"12345")[:-1]))
    yield ends("7.1", "nor within the length of a frame", H3_FRAME_ERROR, asks(headers() + b"\0\x40"))
    yield breaks(
        "4.1.1",
        "a request may be cancelled before it is whole",
        H3_REQUEST_CANCELLED,
        begins(b"\x01"),
        Step(0, b"", RESET),
    )
    whole = begins(headers(request(b"/", b"POST")))
    yield breaks("4.1.1", "or while its body comes", H3_REQUEST_CANCELLED, whole, Step(0, b"", RESET))
    yield goes_on("4.1.1", "a stream may be cancelled that never began", Step(8, b"", RESET), Step(4, b"", STOPPED))


def control_stream() -> Iterator[Case]:
    yield serves("6.2.1", "requests need not wait for the control stream", asks(headers()), opening=b"")
    yield serves("6.2.1", "SETTINGS may be empty", asks(headers()), opening=control(settings()))
    for says, first in {
        "GOAWAY": frame(wire.GOAWAY, b"\0"),
        "an unknown frame": frame(0x21, b"x"),
        "DATA": data(b"x"),
        "HEADERS": headers(),
    }.items():
        yield ends("6.2.1", f"the first frame is not {says}", H3_MISSING_SETTINGS, opening=control(first))
    yield ends("6.2.1", "the first frame is known by its type", H3_MISSING_SETTINGS, opening=control(b"\x21\x05"))
    yield ends("6.2.1", "there is one control stream", H3_STREAM_CREATION_ERROR, begins(control(), 6))
    yield ends("6.2.1", "it does not end", H3_CLOSED_CRITICAL_STREAM, Step(2, b""))
    yield ends("6.2.1", "and is not reset", H3_CLOSED_CRITICAL_STREAM, Step(2, b"", RESET))
    yield ends("6.2.1", "nor is the server's refused", H3_CLOSED_CRITICAL_STREAM, Step(3, b"", STOPPED))
    yield goes_on("6.2.3", "other streams of the server's may be", Step(7, b"", STOPPED))


def other_streams() -> Iterator[Case]:
    yield ends("6.2.2", "clients do not push", H3_STREAM_CREATION_ERROR, begins(varint(wire.PUSH) + b"\0", 6))
    refused = Outcome(answers={0: (200, b"0 bytes")}, stops={6: H3_STREAM_CREATION_ERROR})
    unknown = begins(varint(0x21) + b"anything", 6)
    yield Case("6.2.3", "streams of unknown types are refused", (unknown, asks(headers())), refused)
    more_of_it = begins(b"\0", 6)
    yield Case("6.2.3", "and what comes on them is not read", (unknown, more_of_it, asks(headers())), refused)
    long = begins(varint(2**40) + b"x", 6)
    yield Case("6.2.3", "however long their type is", (long, asks(headers())), refused)
    ended = Step(6, varint(0x21) + b"x")
    yield serves("6.2.3", "they may end at once", ended, asks(headers()))
    yield serves("6.2", "a stream may end before it has a type", Step(6, b""), Step(10, b"\x40"), asks(headers()))
    yield serves("6.2", "or be reset", begins(b"\x40", 6), Step(6, b"", RESET), asks(headers()))


def settings_() -> Iterator[Case]:
    yield goes_on("7.2.4", "settings that nobody knows are ignored", opening=control(settings((0x21, 5), (6, 100))))
    yield ends("7.2.4", "SETTINGS come once", H3_FRAME_UNEXPECTED, more(settings()))
    twice = control(settings((6, 1), (6, 1)))
    yield ends("7.2.4", "a setting comes once", H3_SETTINGS_ERROR, opening=twice)
    for name in (0, 2, 3, 4, 5):
        says = f"setting {name} is HTTP/2's"
        yield ends("7.2.4.1", says, H3_SETTINGS_ERROR, opening=control(settings((name, 1))))
    truncated = control(frame(wire.SETTINGS, b"\x06\x40"))
    yield ends("7.1", "SETTINGS that end within a setting", H3_FRAME_ERROR, opening=truncated)
    for name in (8, 0x33):
        says = f"setting {name} is 0 or 1"
        yield ends("RFC 9220 3, RFC 9297 2.1.1", says, H3_SETTINGS_ERROR, opening=control(settings((name, 2))))
        yield goes_on("RFC 9220 3, RFC 9297 2.1.1", f"so {name} may be 1", opening=control(settings((name, 1))))


def goaway() -> Iterator[Case]:
    last = Step(2, frame(wire.GOAWAY, b"\x05") + frame(wire.GOAWAY, b"\x05") + frame(wire.GOAWAY, b"\0"), OPEN)
    yield serves("5.2", "a client's GOAWAY is about pushes, and requests go on", last, asks(headers()))
    growing = more(frame(wire.GOAWAY, b"\x01") + frame(wire.GOAWAY, b"\x02"))
    yield ends("5.2", "its number does not grow", H3_ID_ERROR, growing)
    from_zero = more(frame(wire.GOAWAY, b"\0") + frame(wire.GOAWAY, b"\x01"))
    yield ends("5.2", "not from 0 either", H3_ID_ERROR, from_zero)
    yield ends("7.1", "GOAWAY without a number", H3_FRAME_ERROR, more(frame(wire.GOAWAY)))
    yield ends("7.1", "GOAWAY with more than a number", H3_FRAME_ERROR, more(frame(wire.GOAWAY, b"\0\0")))


def cases() -> Iterator[Case]:
    yield from request_streams()
    yield from control_stream()
    yield from other_streams()
    yield from settings_()
    yield from goaway()
