"""Heads that arrive in pieces (rules H-11, H-20)."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.errors import RequestError
from esg_core.testing import pieces
from esg_http.h1.head_intake import HeadReader
from esg_http.message.head_limits import HeadLimits

LIMITS = HeadLimits(request_line=40, fields=3, field_bytes=60)
HEAD = b"GET /a HTTP/1.1\r\nHost: t\r\nX: y\r\n\r\n"


def feed(data: bytes, sizes: list[int] | int = 1) -> bytes | None:
    """What an intake returns for these segments, as far as it takes them."""
    intake = HeadReader(LIMITS)
    taken = 0
    for piece in pieces(data, sizes):
        taken += len(piece)
        whole = intake.feed(piece)
        if whole is not None:
            return whole + data[taken:]
    return None


def feed_all(intake: HeadReader, segments: Iterable[bytes]) -> None:
    """Feed an intake with bytes that do not complete its head."""
    for segment in segments:
        assert intake.feed(segment) is None


def refusal(data: bytes, sizes: list[int] | int) -> int:
    with pytest.raises(RequestError) as caught:
        feed(data, sizes)
    return caught.value.status


@given(st.lists(st.integers(1, 9), min_size=1), st.integers(0, 2))
def test_a_head_is_given_back_whole(sizes: list[int], empty_lines: int) -> None:
    """H-20: with what followed it, and without the empty lines before it."""
    assert feed(b"\r\n" * empty_lines + HEAD + b"rest", sizes) == HEAD + b"rest"


@pytest.mark.parametrize("end", range(len(HEAD)))
def test_an_unfinished_head_is_waited_for(end: int) -> None:
    """H-11: no beginning of a sound head is refused."""
    for sizes in (1, 7, 100):
        assert feed(HEAD[:end], sizes) is None


def test_started() -> None:
    """H-17: at the first byte that is not an empty line."""
    intake = HeadReader(LIMITS)
    assert not intake.started
    intake.feed(b"\r\n")
    assert not intake.started
    intake.feed(b"\r")
    assert intake.started
    intake.feed(b"\nG")
    assert intake.started


def test_what_has_been_taken() -> None:
    """H-20: everything but the empty lines."""
    intake = HeadReader(LIMITS)
    intake.feed(b"\r\nGET")
    intake.feed(b" /")
    assert intake.taken == b"GET /"


PREFACE = b"PRI * HTTP/2.0\r\n"


@pytest.mark.parametrize("end", range(1, len(PREFACE)))
def test_a_preface_in_two_pieces(end: int) -> None:
    """RFC 9113 section 3.4: recognised by its whole first line, whatever follows in the same piece."""
    intake = HeadReader(LIMITS)
    intake.feed(PREFACE[:end])
    assert not intake.is_preface(PREFACE[end:-1])
    assert not intake.is_preface(PREFACE[end:-1] + b" ")
    assert intake.is_preface(PREFACE[end:])
    assert intake.is_preface(PREFACE[end:] + b"\r\nSM\r\n\r\n")


def test_a_preface_in_one_piece_and_what_is_not_a_preface() -> None:
    """RFC 9113 section 3.4."""
    assert HeadReader(LIMITS).is_preface(PREFACE)
    assert not HeadReader(LIMITS).is_preface(HEAD)
    for begun in (b"PRI * HTTP/1.1\r\n", HEAD[:-2]):
        intake = HeadReader(LIMITS)
        intake.feed(begun)
        assert not intake.is_preface(PREFACE)


@pytest.mark.parametrize("sizes", [1, 1000])
@pytest.mark.parametrize("before", [b"GET /", HEAD[:-2] + b"Y: "])
def test_a_bare_cr_late_in_a_long_line(before: bytes, sizes: int) -> None:
    """H-12: even in a line so long that only its new bytes are checked."""
    for bare in (b"\rb", b"\nb"):
        intake = HeadReader(HeadLimits(request_line=1000, fields=3, field_bytes=1000))
        feed_all(intake, pieces(before + b"a" * 400, sizes))
        with pytest.raises(RequestError, match="bare CR or LF"):
            feed_all(intake, pieces(bare, sizes))


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\n", HEAD[:-2] + b"Y: " + b"z" * 300 + b"\r\n"])
def test_a_line_that_nothing_can_make_right_is_refused_at_once(before: bytes) -> None:
    """H-11: in the second piece of a line as well as in the first."""
    for pieces_of_it in ([b"a\0"], [b"a", b"\0"], [b"aa", b"a\0a"], [b"a" * 300 + b"\0a"]):
        intake = HeadReader(HeadLimits(request_line=1000, fields=10, field_bytes=1000))
        intake.feed(before)
        with pytest.raises(RequestError):
            feed_all(intake, pieces_of_it)


LINE = b"GET /%b HTTP/1.1\r\n"


@pytest.mark.parametrize("sizes", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (LINE % (b"a" * 26) + b"\r\n", 0),
        (LINE % (b"a" * 27) + b"\r\n", 414),
        (b"G" * 41, 414),
        (LINE % b"" + b"a: b\r\n" * 3 + b"\r\n", 0),
        (LINE % b"" + b"a: b\r\n" * 4 + b"\r\n", 431),
        (LINE % b"" + b"a: " + b"b" * 55 + b"\r\n\r\n", 0),
        (LINE % b"" + b"a: " + b"b" * 56 + b"\r\n\r\n", 431),
        (LINE % b"" + b"a: " + b"b" * 60, 431),
        (LINE % b"" + b"a" * 61, 431),
        (b"\r\n" * 3 + HEAD, 400),
        (LINE % b"" + b"a: b\r\nc: " + b"d" * 48 + b"e\r\n\r\n", 0),
        (LINE % b"" + b"a: b\r\nc: " + b"d" * 48 + b"ef\r\n\r\n", 431),
        (LINE % b"" + b"a: b\r\nc: " + b"d" * 48 + b"ef", 431),
        (LINE % b"" + b"a: " + b"b" * 55 + b"\r\nc", 431),
        (LINE % b"" + b"a: " + b"b" * 55 + b"\r\n\r", 0),
        (b"G" * 40 + b"\r", 0),
        (LINE % b"" + b"a" * 57, 0),
        (LINE % b"" + b"a" * 57 + b":\r", 0),
        (LINE % b"" + b"a" * 58 + b"\r", 0),
        (LINE % b"" + b"a" * 59, 431),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\r\na: b\n", 400),
        (b"GET / HTTP/1.1\r\n a: b\r\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
    ],
)
def test_limits_and_faults_for_any_segments(data: bytes, status: int, sizes: int) -> None:
    """H-11, H-12, H-20: the same however it arrives."""
    if status:
        assert refusal(data, sizes) == status
    else:
        assert feed(data, sizes) == (data if data.endswith(b"\r\n\r\n") else None)
