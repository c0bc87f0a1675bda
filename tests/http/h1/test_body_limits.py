"""How long one chunk line may be, with and without its end (H-20)."""

import pytest

from esg_core.errors import RequestError
from esg_http.h1.body import CHUNK_LINE_LIMIT
from tests.support.http.bodies import WholeBody


def line(size: int) -> bytes:
    """A chunk line of that many bytes, its end included."""
    return b"5;" + b"x" * (size - 4) + b"\r\n"


def test_the_longest_line() -> None:
    assert CHUNK_LINE_LIMIT == 4096
    body = WholeBody(overhead=1 << 20)
    assert body.feed(line(4096) + b"hello\r\n0\r\n\r\n") == (b"hello", b"")


def test_a_line_that_is_longer() -> None:
    with pytest.raises(RequestError, match="a chunk line is too long"):
        WholeBody(overhead=1 << 20).feed(line(4097))


@pytest.mark.parametrize("sizes", [[4097], [4096, 1], [1] * 4097], ids=["at once", "at last", "byte by byte"])
def test_a_line_that_does_not_end(sizes: list[int]) -> None:
    """It is refused at the first byte too many, before its end."""
    body = WholeBody(overhead=1 << 20)
    rest = line(5000)
    *before, last = sizes
    for size in before:
        assert body.feed(rest[:size]) == (b"", None)
        rest = rest[size:]
    with pytest.raises(RequestError, match="a chunk line is too long"):
        body.feed(rest[:last])
