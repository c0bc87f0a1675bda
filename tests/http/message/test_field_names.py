"""Names of header fields (rules H-1, H-20)."""

import pytest

from esg_http.message.field_names import LOWER, LowerNames, is_name, split_fields


def test_names_are_lower_cased_and_known_the_next_time() -> None:
    """H-1."""
    names = LowerNames()
    assert names[b"X-Yz"] == b"x-yz"
    assert names[b"X-Yz"] is names[b"X-Yz"]
    assert LOWER[b"Content-Type"] == b"content-type"


def test_what_is_known_is_bounded() -> None:
    """H-20: later names are still answered."""
    names = LowerNames()
    for number in range(5000):
        assert names[b"X-%d" % number] == b"x-%d" % number
    assert len(names) == 1024


def test_long_names_are_not_kept() -> None:
    """H-20: a thousand of 64 KB would stay forever."""
    names = LowerNames()
    for size in (64, 65):
        assert names[b"X" * size] == b"x" * size
    assert list(names) == [b"X" * 64]


@pytest.mark.parametrize("name", [b"a", b"A-1", b"!#$%&'*+-.^_`|~"])
def test_tokens(name: bytes) -> None:
    """RFC 9110 section 5.6.2."""
    assert is_name(name)


@pytest.mark.parametrize("name", [b"", b" ", b"a b", b"a:", b"a\n", b"\xe9", b"a/b", b"(a)", b'"a"', b"a\0"])
def test_no_tokens(name: bytes) -> None:
    """RFC 9110 section 5.6.2."""
    assert not is_name(name)


def test_fields_are_split_as_they_stand() -> None:
    """H-12: values keep everything except the space around them."""
    block = b"A:b\r\nc: \t d: e \t\r\nf:\r\nA: \xe9\r\nX: X x X\r\n"
    assert split_fields(block) == [(b"a", b"b"), (b"c", b"d: e"), (b"f", b""), (b"a", b"\xe9"), (b"x", b"X x X")]
    assert split_fields(b"") == []
