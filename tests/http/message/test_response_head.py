"""The bytes of responses (rules H-1, H-3)."""

import asyncio
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from esg_core.errors import ApplicationError
from esg_core.testing import ManualLoop
from esg_http.message import response_head as wire
from esg_http.message.dates import http_date
from esg_http.message.response_head import (
    NO_LENGTH,
    SAYS_CHUNKED,
    SAYS_CLOSE,
    SAYS_DATE,
    SAYS_SERVER,
    HeadPrefix,
    encode_chunk,
    encode_fields,
    prepare_fields,
    status_line,
)

NOON = 1_700_000_000.0


class WallClock:
    def __init__(self) -> None:
        self.now = NOON
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (103, b"HTTP/1.1 103 Early Hints\r\n"),
        (413, b"HTTP/1.1 413 Content Too Large\r\n"),
        (299, b"HTTP/1.1 299 \r\n"),
        (999, b"HTTP/1.1 999 \r\n"),
    ],
)
def test_status_lines(status: int, line: bytes) -> None:
    """RFC 9112 section 4: the space stays if there is no phrase."""
    assert status_line(status) == line


def test_the_prefix_is_made_once_a_second(clock: WallClock, loop: ManualLoop) -> None:
    """H-1: when the wall clock's second turns, whatever the loop's clock says."""
    clock.now = NOON + 0.75
    prefix = HeadPrefix(True, http_date, (), clock, loop.call_later)
    first = prefix.get(200)
    assert first == b"HTTP/1.1 200 OK\r\nserver: esg\r\ndate: " + http_date(NOON) + b"\r\n"
    reads = clock.reads
    loop.advance(0.2)
    assert prefix.get(200) is first
    assert clock.reads == reads
    clock.now = NOON + 1.0
    loop.advance(0.05)
    assert http_date(NOON + 1) in prefix.get(200)
    assert prefix.get(404).startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_the_prefix_is_made_at_the_turn_of_the_second(clock: WallClock, loop: ManualLoop) -> None:
    """H-1: neither earlier nor later; in binary fractions, so that nothing is rounded."""
    clock.now = NOON + 0.75
    prefix = HeadPrefix(True, http_date, (), clock, loop.call_later)
    first = prefix.get(200)
    clock.now = NOON + 1.5
    loop.advance(0.25 - 2**-20)
    assert prefix.get(200) is first
    loop.advance(2**-20)
    second = prefix.get(200)
    assert http_date(NOON + 1) in second
    clock.now = NOON + 2.0
    loop.advance(0.5 - 2**-20)
    assert prefix.get(200) is second
    loop.advance(2**-20)
    assert http_date(NOON + 2) in prefix.get(200)


def test_the_prefix_of_a_second_is_forgotten_once(clock: WallClock, loop: ManualLoop) -> None:
    """L-5: a server that sends no responses has no timer; one that does has one, whatever statuses it sends."""
    prefix = HeadPrefix(True, http_date, (), clock, loop.call_later)
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    assert not scheduled
    for status in (200, 404, 200):
        assert prefix.get(status) is prefix.made[status]
    assert len(scheduled) == 1
    loop.advance(1.0)
    assert not prefix.made
    assert not scheduled


def test_without_a_date_there_is_nothing_to_renew(clock: WallClock, loop: ManualLoop) -> None:
    """L-5."""
    prefix = HeadPrefix(True, None, (), clock, loop.call_later)
    assert prefix.get(200) is prefix.get(200)
    assert not vars(loop)["_scheduled"]


def test_a_clock_that_is_set_back_is_followed(clock: WallClock, loop: ManualLoop) -> None:
    """H-1: within a second."""
    prefix = HeadPrefix(True, http_date, (), clock, loop.call_later)
    prefix.get(200)
    clock.now = NOON - 3600
    loop.advance(1.0)
    assert http_date(NOON - 3600) in prefix.get(200)


@pytest.mark.parametrize(
    ("server", "has_date", "extra", "expected"),
    [
        (True, False, (), b"server: esg\r\n"),
        (False, False, (), b""),
        (False, False, ((b"a", b"b"), (b"c", b"d")), b"a: b\r\nc: d\r\n"),
        (True, False, ((b"server", b"mine"),), b"server: mine\r\n"),
        (False, False, ((b"server", b"mine"), (b"date", b"today")), b"server: mine\r\ndate: today\r\n"),
        (True, True, ((b"date", b"today"),), b"server: esg\r\ndate: today\r\n"),
    ],
)
def test_default_fields(
    clock: WallClock,
    loop: ManualLoop,
    server: bool,
    has_date: bool,
    extra: tuple[tuple[bytes, bytes], ...],
    expected: bytes,
) -> None:
    """H-1: configured fields replace ESG's own."""
    prefix = HeadPrefix(server, http_date if has_date else None, extra, clock, loop.call_later)
    assert prefix.get(200) == b"HTTP/1.1 200 OK\r\n" + expected


def test_what_the_application_says_itself_is_left_out(clock: WallClock, loop: ManualLoop) -> None:
    """H-1: never two."""
    prefix = HeadPrefix(True, http_date, ((b"a", b"b"),), clock, loop.call_later)
    date = b"date: " + http_date(NOON) + b"\r\n"
    assert prefix.without(200, SAYS_SERVER) == b"HTTP/1.1 200 OK\r\n" + date + b"a: b\r\n"
    assert prefix.without(200, SAYS_DATE) == b"HTTP/1.1 200 OK\r\nserver: esg\r\na: b\r\n"
    assert prefix.without(200, SAYS_DATE | SAYS_SERVER) == b"HTTP/1.1 200 OK\r\na: b\r\n"


@pytest.mark.parametrize(
    ("headers", "block", "length", "says"),
    [
        ([], b"", NO_LENGTH, 0),
        ([(b"A", b"B")], b"a: B\r\n", NO_LENGTH, 0),
        ([(b"a", b""), (b"a", b"")], b"a: \r\na: \r\n", NO_LENGTH, 0),
        ([(b"Content-Length", b"007")], b"content-length: 007\r\n", 7, 0),
        ([(b"connection", b"close")], b"", NO_LENGTH, SAYS_CLOSE),
        ([(b"connection", b"x, Close")], b"", NO_LENGTH, SAYS_CLOSE),
        ([(b"connection", b"\tclose \t, x")], b"", NO_LENGTH, SAYS_CLOSE),
        ([(b"connection", b"Xclose")], b"", NO_LENGTH, 0),
        ([(b"connection", b"keep-alive")], b"", NO_LENGTH, 0),
        ([(b"keep-alive", b"close")], b"", NO_LENGTH, 0),
        ([(b"content-length", b"9" * 18)], b"content-length: %b\r\n" % (b"9" * 18), int("9" * 18), 0),
        ([(b"content-length", b"0")], b"content-length: 0\r\n", 0, 0),
        ([(b"a", b"\tb\x80\xff")], b"a: \tb\x80\xff\r\n", NO_LENGTH, 0),
        ([(b"connection", b"x"), (b"connection", b"close")], b"", NO_LENGTH, SAYS_CLOSE),
        ([(b"keep-alive", b"timeout=5")], b"", NO_LENGTH, 0),
        ([(b"Transfer-Encoding", b"gzip")], b"", NO_LENGTH, SAYS_CHUNKED),
        ([(b"Server", b"x"), (b"DATE", b"y")], b"server: x\r\ndate: y\r\n", NO_LENGTH, SAYS_SERVER | SAYS_DATE),
    ],
)
def test_fields(headers: list[tuple[bytes, bytes]], block: bytes, length: int, says: int) -> None:
    """H-1, H-2, H-3: the same whether they are known or not."""
    for _ in range(2):
        assert encode_fields(headers) == prepare_fields(201, headers) == (block, length, says)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"a\r", b"b")],
        [(b"", b"b")],
        [(b"a", b"b\n")],
        [(b"a", b"b\r\n"), (b"c", b"d")],
        [(b"a", b"\0")],
        [("a", b"b")],
        [(b"a", "b")],
        [(b"a",)],
        [b"ab"],
        [(b"a", [b"b"])],
        [([b"a"], b"b")],
        [(b"content-length", b"1"), (b"Content-Length", b"1")],
        [(b"content-length", b"")],
        [(b"content-length", b"9" * 19)],
    ],
)
def test_what_is_no_field(headers: list[tuple[bytes, bytes]]) -> None:
    """H-10: refused each time."""
    for _ in range(2):
        with pytest.raises(ApplicationError):
            encode_fields(headers)
        with pytest.raises(ApplicationError):
            prepare_fields(200, headers)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([("a", b"b")], "a header name must be bytes, not str "),
        ([(b"a b", b"c")], "b'a b' is not a header name"),
        *[([(b"a", b"b%c" % byte)], "a control byte") for byte in (*range(9), *range(10, 32), 127)],
        ([(b"a",)], "pairs of bytes"),
        ([(b"a", "b")], "pairs of bytes"),
        ([(b"content-length", b"x")], "must be a number, not b'x'"),
        ([(b"content-length", b"-1")], "must be a number"),
        ([(b"content-length", b"0"), (b"content-length", b"0")], "sent twice"),
    ],
)
def test_why_it_is_no_field(headers: list[tuple[bytes, bytes]], reason: str) -> None:
    """H-10: the error says what to do instead."""
    with pytest.raises(ApplicationError, match=reason):
        encode_fields(headers)


@pytest.mark.parametrize("status", [203, 204, 205])
def test_a_length_that_must_not_stand_is_left_out(status: int) -> None:
    """H-3: in a 204, and with the chunked coding."""
    headers = [(b"a", b"b"), (b"Content-Length", b"5")]
    block = b"a: b\r\n" if status == 204 else b"a: b\r\ncontent-length: 5\r\n"
    assert prepare_fields(status, headers) == (block, NO_LENGTH if status == 204 else 5, 0)
    chunked = [*headers, (b"transfer-encoding", b"chunked")]
    assert prepare_fields(status, chunked) == (b"a: b\r\n", NO_LENGTH, SAYS_CHUNKED)


def test_what_fields_say_can_be_told_apart() -> None:
    """H-1, H-3: each has its own bit."""
    said = (SAYS_CHUNKED, SAYS_CLOSE, SAYS_DATE, SAYS_SERVER)
    assert all(said)
    assert not any(one & other for one, other in combinations(said, 2))


def test_no_length_is_one_that_is_not_given() -> None:
    """H-3."""
    assert NO_LENGTH < 0


def test_fields_that_are_remembered_are_not_encoded_again() -> None:
    """H-1: up to that many bytes, including line ends."""
    for size, is_remembered in ((wire.LONGEST_REMEMBERED - 5, True), (wire.LONGEST_REMEMBERED - 4, False)):
        headers = [(b"b", b"c" * size)]
        assert (prepare_fields(200, headers)[0] is prepare_fields(200, headers)[0]) is is_remembered


def test_what_is_remembered_is_bounded() -> None:
    """H-20: neither many sets of fields, nor long ones, nor many names stay forever."""
    for number in range(3000):
        prepare_fields(200, [(b"x-%d" % number, b"%d" % number)])
        prepare_fields(200, [(b"x", b"%d" % number * 600)])
    assert len(wire._blocks) <= 1024
    assert all(len(block) <= wire.LONGEST_REMEMBERED for block, _, _ in wire._blocks.values())
    assert len(wire._prefixes) == 1024
    assert prepare_fields(200, [(b"X-2999", b"y")]) == (b"x-2999: y\r\n", NO_LENGTH, 0)


def test_sets_of_fields_are_forgotten_together() -> None:
    """H-20: when the memory is full and one more comes."""
    wire._blocks.clear()
    for number in range(1024):
        prepare_fields(200, [(b"a", b"%d" % number)])
    assert len(wire._blocks) == 1024
    prepare_fields(200, [(b"a", b"one more")])
    assert len(wire._blocks) == 1


def test_fields_that_are_lists_are_not_remembered() -> None:
    """H-1: in ASGI a field may be any pair, and a list may change later."""
    field: Any = [b"a", b"b"]
    assert prepare_fields(200, [field]) == (b"a: b\r\n", NO_LENGTH, 0)
    field[1] = b"c"
    assert prepare_fields(200, [field]) == (b"a: c\r\n", NO_LENGTH, 0)


@pytest.mark.parametrize(
    ("content", "end", "chunk"),
    [
        (b"", False, b""),
        (b"", True, b"0\r\n\r\n"),
        (b"hello", False, b"5\r\nhello\r\n"),
        (b"x" * 26, True, b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"),
    ],
)
def test_chunks(content: bytes, end: bool, chunk: bytes) -> None:
    """RFC 9112 section 7.1: an empty part does not end the body."""
    assert encode_chunk(content, end) == chunk
