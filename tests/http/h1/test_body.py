"""Framing of request bodies (rules H-12, H-20; RFC 9112 sections 6 and 7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.errors import RequestError
from esg_core.testing import pieces
from esg_http.h1.body import CHUNK_LINE_LIMIT, Body, LengthBody
from tests.support.http.bodies import WholeBody

OVERHEAD = 200


def read(body: Body, data: bytes, sizes: list[int] | int) -> tuple[bytes, bytes | None]:
    """The content in these segments, and what follows the body if it ends."""
    content, taken = b"", 0
    for piece in pieces(data, sizes):
        taken += len(piece)
        part, rest = body.feed(piece)
        content += part
        if rest is not None:
            return content, rest + data[taken:]
    return content, None


segments = st.lists(st.integers(1, 9), min_size=1)


@given(st.binary(min_size=1, max_size=50), st.binary(max_size=20), segments)
def test_a_body_of_known_length(content: bytes, rest: bytes, sizes: list[int]) -> None:
    """RFC 9112 section 6.2: it ends where its length says, and leaves the rest."""
    assert read(LengthBody(len(content)), content + rest, sizes) == (content, rest)


def test_what_remains_of_a_body() -> None:
    """H-8."""
    body = LengthBody(5)
    body.feed(b"ab")
    assert body.remaining == 3
    body.feed(b"cde")
    assert body.remaining == 0
    assert WholeBody(OVERHEAD).remaining is None


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=20), segments)
def test_a_chunked_body(chunks: list[bytes], rest: bytes, sizes: list[int]) -> None:
    """RFC 9112 section 7.1: the content of all chunks, whatever it is, and what follows."""
    wire = b"".join(b'%X;a="\\;"\r\n%b\r\n' % (len(chunk), chunk) for chunk in chunks)
    wire += b"000;last\r\nTrailer: x\r\n\r\n"
    assert read(WholeBody(10_000), wire + rest, sizes) == (b"".join(chunks), rest)


@pytest.mark.parametrize("sizes", [1, 3, 10_000])
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"x\r\n", 400),
        (b"\r\n", 400),
        (b" 5\r\n", 400),
        (b"+5\r\n", 400),
        (b"0x5\r\n", 400),
        (b"5\n", 400),
        (b"5 \n", 400),
        (b"5\rx", 400),
        (b"5;\r\n", 400),
        (b"5;=\r\n", 400),
        (b"5;a=\r\n", 400),
        (b'5;a="\r\n', 400),
        (b"5;a=\x01\r\n", 400),
        (b"1" * 16 + b"\r\n", 400),
        (b"5;" + b"a" * CHUNK_LINE_LIMIT, 400),
        (b"2\r\nabc", 400),
        (b"2\r\nab\n", 400),
        (b"2\r\nab\rx", 400),
        (b"0\r\na\r\n", 400),
        (b"0\r\n a: b\r\n", 400),
        (b"0\r\na: b\n\r\n", 400),
        (b"0\r\na: \0\r\n", 400),
        (b"5;" + b"a" * 201, 431),
        (b"0\r\na: " + b"b" * 201, 431),
        (b"1;aaaaaaaaa\r\nx\r\n" * 21, 431),
    ],
)
def test_chunks_that_are_none(data: bytes, status: int, sizes: int) -> None:
    """H-12, H-20: refused however they arrive, at the end of their line at the latest."""
    with pytest.raises(RequestError) as caught:
        read(WholeBody(OVERHEAD), data + b"\r\n", sizes)
    assert caught.value.status == status


def status_of(data: bytes, sizes: int, overhead: int) -> int:
    """The status that these segments of a chunked body are refused with, or 0."""
    try:
        read(WholeBody(overhead), data, sizes)
    except RequestError as error:
        return error.status
    return 0


@pytest.mark.parametrize("sizes", [1, 3, 10_000])
@pytest.mark.parametrize(
    ("data", "largest"),
    [
        (b"1;aaaaaaaaa\r\n", 10),
        (b"1;aaaaaaaaa\r\nx\r\n1;aaaa\r\n", 15),
        (b"0\r\na: bbbbbb\r\n", 9),
        (b"0\r\na: bbbbbb", 9),
        (b"0\r\na: bbbbbb\r", 9),
        (b"0;a=b\r\na: bbbbbb\r\nc: d\r\n\r\n", 17),
    ],
)
def test_extensions_and_trailers_are_counted(data: bytes, largest: int, sizes: int) -> None:
    """H-20: their bytes together, without line ends."""
    assert status_of(data, sizes, largest) == 0
    assert status_of(data, sizes, largest - 1) == 431


@pytest.mark.parametrize("sizes", [1, 10_000])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_the_longest_chunk_line(sizes: int, end: bytes) -> None:
    """H-20: extensions that are allowed in total are not allowed in one line; its end counts."""
    longest = b"1;" + b"a" * (CHUNK_LINE_LIMIT - 2 - len(end))
    assert status_of(longest + end, sizes, 10_000) == 0
    assert status_of(longest + b"a" + end, sizes, 10_000) == 400
    assert CHUNK_LINE_LIMIT == 4096


@pytest.mark.parametrize("digits", [b"fffffffffffffff", b"000000000000001"])
def test_the_longest_size_of_a_chunk(digits: bytes) -> None:
    """H-12: fifteen digits, so that no size is too large for other programs."""
    for sizes in (1, 100):
        assert status_of(digits + b"\r\n", sizes, 0) == 0
        assert status_of(b"0" + digits + b"\r\n", sizes, 0) == 400
        assert status_of(b"0" + digits, sizes, 0) == 400


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x", "a chunk line is malformed"),
        (b"1\r\nab\r\n", "does not end where its size says"),
        (b"0\r\na: b\nc", "bare CR or LF"),
        (b"0\r\na: b\rc", "bare CR or LF"),
        (b"0\r\na\r\n", "no colon"),
        (b"0\r\na: b\0\r\n", "control byte"),
    ],
)
def test_the_reason_of_a_refusal(data: bytes, reason: str) -> None:
    """H-12: it is in the log."""
    for sizes in (1, 100):
        with pytest.raises(RequestError, match=reason):
            read(WholeBody(OVERHEAD), data, sizes)


def test_several_chunks_in_one_piece() -> None:
    """RFC 9112 section 7.1."""
    body = WholeBody(OVERHEAD)
    assert body.feed(b"1\r\na\r\n2\r\nbc\r\n2\r\nd") == (b"abcd", None)
    assert body.feed(b"e\r\n1\r\nf\r\n0\r\n\r\nrest") == (b"ef", b"rest")


@pytest.mark.parametrize("bare", [b"\r", b"\n"])
def test_a_bare_end_of_a_trailer_line_is_refused_at_once(bare: bytes) -> None:
    """H-12: even if little of the line came before."""
    body = WholeBody(OVERHEAD)
    body.feed(b"0\r\na")
    with pytest.raises(RequestError, match="bare CR or LF"):
        body.feed(b": b%bccccccc" % bare)


def test_a_short_trailer_after_a_long_one_that_dripped_in() -> None:
    """H-12: each line is checked from its own beginning."""
    body = WholeBody(OVERHEAD)
    assert body.feed(b"0\r\nlong: a trailer that is not") == (b"", None)
    assert body.feed(b" complete yet\r\na: b\r\n\r\nrest") == (b"", b"rest")


def test_a_huge_chunk_is_not_waited_for() -> None:
    """H-20: its content is passed on as it comes."""
    body = WholeBody(OVERHEAD)
    assert body.feed(b"fffffffffffffff\r\nabc") == (b"abc", None)
    assert body.feed(b"def") == (b"def", None)
