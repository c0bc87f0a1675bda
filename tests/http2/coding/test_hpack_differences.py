"""The server's decoder and the hpack library's must agree on blocks of every kind (RFC 7541)."""

from collections.abc import Iterable

import hpack
from hpack.huffman_table import decode_huffman
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.asgi import Headers
from esg_http.coding import huffman
from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.hpack import HeaderDecoder, HeaderEncoder

BEYOND = "an integer is too long"
"""What only the server refuses: integers beyond any size that it accepts."""


def integer(value: int, pattern: int, bits: int) -> bytes:
    encoded = bytearray(hpack.hpack.encode_integer(value, bits))
    encoded[0] |= pattern
    return bytes(encoded)


def string(text: bytes, coded: bool) -> bytes:
    data = huffman.encode(text) if coded else text
    return integer(len(data), 0x80 if coded else 0, 7) + data


TEXTS = st.builds(string, st.binary(max_size=12) | st.just(b"v" * 900), st.booleans())
INDICES = st.integers(0, 75) | st.sampled_from([126, 127, 128, 200, 2**20])
NAMES = st.builds(lambda text: b"\0" + text, TEXTS)


def opened(pattern: int, bits: int) -> st.SearchStrategy[bytes]:
    """The beginning of a literal: with a literal name, or an index."""
    new = TEXTS.map(lambda text: bytes((pattern,)) + text)
    return new | INDICES.filter(bool).map(lambda index: integer(index, pattern, bits))


FIELDS = (
    INDICES.map(lambda index: integer(index, 0x80, 7))
    | st.builds(bytes.__add__, opened(0x40, 6), TEXTS)
    | st.builds(bytes.__add__, opened(0x00, 4), TEXTS)
    | st.builds(bytes.__add__, opened(0x10, 4), TEXTS)
)
RESIZES = st.sampled_from([0, 1, 31, 32, 33, 64, 100, 1000, 4095, 4096, 4097]).map(lambda size: integer(size, 0x20, 5))
BLOCKS = st.builds(
    lambda sizes, fields, rest: b"".join([*sizes, *fields, rest]),
    st.lists(RESIZES, max_size=2),
    st.lists(FIELDS, max_size=8),
    st.just(b"") | st.binary(max_size=4) | RESIZES,
)


def own_reading(own: HeaderDecoder, block: bytes) -> Headers | str:
    try:
        return own.decode(block)
    except ConnectionFault as fault:
        return str(fault)


def other_reading(other: hpack.Decoder, block: bytes) -> Headers | None:
    try:
        return [(bytes(name), bytes(value)) for name, value, *_ in other.decode(block, raw=True)]
    except hpack.HPACKError:
        return None


def compare(blocks: Iterable[bytes]) -> None:
    """Both read the same up to the first broken block, and both refuse that one."""
    own, other = HeaderDecoder(10**6, 10**9), hpack.Decoder(max_header_list_size=10**9)
    for block in blocks:
        mine, theirs = own_reading(own, block), other_reading(other, block)
        if isinstance(mine, str):
            assert theirs is None or BEYOND in mine
            return
        assert mine == theirs
        assert own._size == other.header_table._current_size <= 4096
        assert own._table[62:] == [(bytes(name), bytes(value)) for name, value in other.header_table.dynamic_entries]


@settings(deadline=None, max_examples=150)
@given(st.lists(BLOCKS, max_size=6))
def test_decoders_agree_on_fields(blocks: list[bytes]) -> None:
    compare(blocks)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_decoders_agree_on_noise(blocks: list[bytes]) -> None:
    compare(blocks)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=30) | st.binary(max_size=20).map(huffman.encode).map(lambda coded: coded[:-1]))
def test_decoders_agree_on_huffman_codes(coded: bytes) -> None:
    try:
        theirs: bytes | None = decode_huffman(coded)
    except hpack.HPACKError:
        theirs = None
    try:
        mine: bytes | None = huffman.decode(coded)
    except ValueError:
        mine = None
    assert mine == theirs


SECTIONS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([b":status", b"a", b"content-length", b"set-cookie", b"x-" + b"n" * 60]),
            st.sampled_from([b"200", b"", b"v" * 31, b"w" * 1300]) | st.binary(max_size=8),
        ),
        max_size=6,
    ),
    max_size=10,
)


@settings(deadline=None)
@given(SECTIONS, st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 50, 400, 4096, 2**32 - 1])), max_size=4))
def test_what_is_written_while_the_table_is_resized(sections: list[Headers], changes: list[tuple[int, int]]) -> None:
    """RFC 7541 section 4.2: of the changes between two blocks, the smallest and the last must be announced."""
    own, other = HeaderEncoder(), hpack.Decoder(max_header_list_size=10**9)
    for number, section in enumerate(sections):
        for _, size in [change for change in changes if change[0] == number]:
            own.resize(size)
            other.max_allowed_table_size = min(size, 4096)
        assert other_reading(other, own.encode(section)) == section
        entries = [(bytes(name), bytes(value)) for name, value in other.header_table.dynamic_entries]
        assert list(own._entries) == entries[::-1]
