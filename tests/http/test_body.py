"""Framing of request bodies (rules H-12, H-20; RFC 9112 sections 6 and 7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.errors import RequestError
from esg_core.testing import pieces
from esg_http.body import CHUNK_LINE_LIMIT, Body, ChunkedBody, LengthBody

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
    """RFC 9112 section 6.2: ends where its length says, and leaves the rest."""
    assert read(LengthBody(len(content)), content + rest, sizes) == (content, rest)


def test_what_remains_of_a_body() -> None:
    """H-8."""
    body = LengthBody(5)
    body.feed(b"ab")
    assert body.remaining == 3
    body.feed(b"cde")
    assert body.remaining == 0
    assert ChunkedBody(OVERHEAD).remaining is None


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=20), segments)
def test_a_chunked_body(chunks: list[bytes], rest: bytes, sizes: list[int]) -> None:
    """RFC 9112 section 7.1: the content of all chunks, whatever is in it, and what follows."""
    wire = b"".join(b'%X;a="\\;"\r\n%b\r\n' % (len(chunk), chunk) for chunk in chunks)
    wire += b"000;last\r\nTrailer: x\r\n\r\n"
    assert read(ChunkedBody(10_000), wire + rest, sizes) == (b"".join(chunks), rest)


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
    """H-12, H-20: refused however they arrive, at the latest at their line's end."""
    with pytest.raises(RequestError) as caught:
        read(ChunkedBody(OVERHEAD), data + b"\r\n", sizes)
    assert caught.value.status == status


def test_a_huge_chunk_is_not_waited_for() -> None:
    """H-20: its content is passed on as it comes."""
    body = ChunkedBody(OVERHEAD)
    assert body.feed(b"fffffffffffffff\r\nabc") == (b"abc", None)
    assert body.feed(b"def") == (b"def", None)
