"""What becomes of dynamic tables where there are none (RFC 9204 sections 2 to 5)."""

from collections.abc import Iterator

from esg_http.h3.coding.codes import (
    H3_CLOSED_CRITICAL_STREAM,
    H3_MISSING_SETTINGS,
    H3_STREAM_CREATION_ERROR,
    QPACK_DECODER_STREAM_ERROR,
    QPACK_DECOMPRESSION_FAILED,
    QPACK_ENCODER_STREAM_ERROR,
)
from tests.http3.conformance.case import RESET, Case, Step, asks, begins, ends, goes_on, serves
from tests.support.http3 import wire
from tests.support.http3.wire import block, frame, headers, varint

ENCODER, DECODER = varint(wire.ENCODER), varint(wire.DECODER)


def sections() -> Iterator[Case]:
    for section, says, encoded in (
        ("4.5.1", "a section that needs insertions", b"\x02\0" + block()[2:]),
        ("4.5.1.2", "a base before the first entry", b"\0\x80" + block()[2:]),
        ("4.5.2", "a reference to the dynamic table", block() + b"\x80"),
        ("4.5.3", "a reference after the base", block() + b"\x10"),
        ("4.5.4", "a name from the dynamic table", block() + b"\x40\x01a"),
        ("4.5.5", "a name after the base", block() + b"\0\x01a"),
        ("3.1", "an index beyond the static table", block() + b"\xff\x24"),
        ("3.1", "an index of a name beyond it", block() + b"\x5f\x54\x01a"),
        ("4.1.1", "a number that does not end", block() + b"\xff" + b"\xff" * 12),
        ("4.1.2", "a string that does not end", block() + b"\x21a\x7f"),
        ("4.1.2", "a Huffman-coded string with EOS", block() + b"\x21a\x84\xff\xff\xff\xff"),
        ("4.1.2", "one whose padding is not of ones", block() + b"\x21a\x81\0"),
        ("2.2", "no section at all", b""),
    ):
        yield ends(section, says, QPACK_DECOMPRESSION_FAILED, asks(frame(wire.HEADERS, encoded)))
    shifted = frame(wire.HEADERS, b"\0\x05" + block()[2:])
    yield serves("4.5.1.2", "without references, any base will do", asks(shifted))
    trailers = frame(wire.HEADERS, b"\0\0\x80")
    yield ends("4.5.2", "the same in trailers", QPACK_DECOMPRESSION_FAILED, asks(headers() + trailers))


def streams() -> Iterator[Case]:
    both = begins(ENCODER, 6), begins(DECODER, 10)
    yield serves("4.2", "a client may open both streams", *both, asks(headers()))
    yield serves("4.3.1", "and set the capacity of its table to 0", begins(ENCODER + b"\x20", 6), asks(headers()))
    yield serves("4.4.2", "and cancel streams", begins(DECODER + b"\x40\x44\x7f\x05\x7f\xff\x05", 10), asks(headers()))
    unsettled = begins(wire.control(frame(wire.GOAWAY, b"\0")), 2)
    yield ends("4.2", "in any order", H3_MISSING_SETTINGS, begins(ENCODER, 6), unsettled, opening=b"")
    longest = b"\x7f" + b"\xff" * 8 + b"\0\x44"
    yield serves("4.1.1", "numbers of 62 bits end", begins(DECODER + longest, 10), asks(headers()))
    short = begins(DECODER + b"\x7f\x7f\x44", 10)
    yield serves("4.1.1", "with the first byte below 128", short, asks(headers()))
    zeros = begins(DECODER + b"\x7f\x80\0\x44", 10)
    yield serves("4.1.1", "even with zeros at their end", zeros, asks(headers()))
    for says, kind in (("encoder", ENCODER), ("decoder", DECODER)):
        yield ends("4.2", f"there is one {says} stream", H3_STREAM_CREATION_ERROR, begins(kind, 6), begins(kind, 10))
        yield ends("4.2", f"the {says} stream does not end", H3_CLOSED_CRITICAL_STREAM, begins(kind, 6), Step(6, b""))
        yield ends("4.2", f"not even a {says} stream at once", H3_CLOSED_CRITICAL_STREAM, Step(6, kind))
        reset = Step(6, b"", RESET)
        yield ends("4.2", f"nor is the {says} stream reset", H3_CLOSED_CRITICAL_STREAM, begins(kind, 6), reset)
    for says, sent in (
        ("3.2.3: a table with a capacity", b"\x3f\x01"),
        ("4.3.2: an insertion with a static name", b"\xc0\x01a"),
        ("4.3.3: an insertion with its name", b"\x41a\x01b"),
        ("4.3.4: a duplicate", b"\0"),
    ):
        section, _, what = says.partition(": ")
        yield ends(section, what, QPACK_ENCODER_STREAM_ERROR, begins(ENCODER + sent, 6))
    for says, sent in (
        ("4.4.1: an acknowledgement of a section", b"\x80"),
        ("4.4.3: an increment without insertions", b"\x01"),
        ("4.4.3: an increment of 0", b"\0"),
        ("4.1.1: a number that is too long", b"\x7f" + b"\xff" * 9),
        ("4.1.1: or has a zero too many", b"\x7f" + b"\xff" * 8 + b"\x80"),
        ("4.4.3: an increment of 0 after a number", b"\x7f\x7f\0"),
    ):
        section, _, what = says.partition(": ")
        yield ends(section, what, QPACK_DECODER_STREAM_ERROR, begins(DECODER + sent, 10))


def cases() -> Iterator[Case]:
    yield from sections()
    yield from streams()
    table = wire.control(wire.settings((1, 4096), (7, 100)))
    yield goes_on("5", "the client's own table does not matter", opening=table)
