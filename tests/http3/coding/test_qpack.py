"""QPACK (RFC 9204): against another implementation, and against what no decoder may accept."""

from contextlib import suppress

import pylsqpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.asgi import Headers
from esg_http.coding.faults import ConnectionFault, TooManyFields
from esg_http.h3.coding.codes import QPACK_DECOMPRESSION_FAILED
from esg_http.h3.coding.qpack import _ENCODED, REMEMBERED_FIELDS, FieldEncoder, decode
from esg_http.h3.coding.static_table import STATIC_TABLE
from tests.support.http3.wire import GET, block, fields_of

NAMES = st.sampled_from([*{name for name, _ in STATIC_TABLE}, b"x-a", b"x-" + b"l" * 150])
VALUES = st.binary(max_size=40) | st.sampled_from([b"", b"v", b"w" * 150, b"z" * 700])
FIELDS = st.tuples(NAMES, VALUES) | st.sampled_from(STATIC_TABLE)
SECTIONS = st.lists(FIELDS, min_size=1, max_size=12)


def read(encoded: bytes) -> Headers:
    return decode(encoded, 1000, 10**9)


def test_the_static_table_is_that_of_another_implementation() -> None:
    """RFC 9204 appendix A: every entry, by its index and as a name."""
    for index, field in enumerate(STATIC_TABLE):
        reference = bytes((0xC0 | index,)) if index < 63 else bytes((0xFF, index - 63))
        assert fields_of(b"\0\0" + reference) == read(b"\0\0" + reference) == [field]
        assert FieldEncoder().encode([field])[2:] == (reference if STATIC_TABLE.index(field) == index else b"")


@settings(deadline=None)
@given(SECTIONS)
def test_another_decoder_reads_what_is_encoded(section: Headers) -> None:
    assert fields_of(FieldEncoder().encode(section)) == section


@settings(deadline=None)
@given(SECTIONS)
def test_what_another_encoder_writes_is_read(section: Headers) -> None:
    assert read(block(section)) == section


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_garbage_means_what_it_means_to_another_decoder_or_is_refused(encoded: bytes) -> None:
    with suppress(ConnectionFault):
        found = read(encoded)
        with suppress(pylsqpack.DecompressionFailed, pylsqpack.StreamBlocked):
            assert fields_of(encoded) == found


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        (b"", "4.5.1: no prefix"),
        (b"\0", "4.5.1: half a prefix"),
        (b"\x02\0\x80", "4.5.1: a dynamic table"),
        (b"\0\x80", "4.5.1.2: a negative base"),
        (b"\0\0\x80", "4.5.2: an entry of the dynamic table"),
        (b"\0\0\x10", "4.5.3: an entry after the base"),
        (b"\0\0\x40\x01a", "4.5.4: a name of the dynamic table"),
        (b"\0\0\x00\x01a", "4.5.5: a name after the base"),
        (b"\0\0\xff\x24", "3.1: an index beyond the static table"),
        (b"\0\0\xff", "4.1.1: an integer that does not end"),
        (b"\0\0\xff" + b"\xff" * 20 + b"\0", "4.1.1: an integer beyond all bounds"),
        (b"\0\0\x27\x01a", "4.5.6: a name longer than its section"),
        (b"\0\0\x21a\x05abc", "4.1.2: a value longer than its section"),
        (b"\0\0\x51", "4.5.4: no value"),
        (b"\0\0\x21a\x81\0", "4.1.2: padding that is not the beginning of EOS"),
        (b"\0\0\x29\0\0", "4.1.2: the same, of a name"),
    ],
)
def test_a_broken_section_ends_the_connection(encoded: bytes, why: str) -> None:
    with pytest.raises(ConnectionFault) as caught:
        read(encoded)
    assert caught.value.code == QPACK_DECOMPRESSION_FAILED, why


def test_a_section_within_the_bounds_is_read_and_no_other() -> None:
    """RFC 6585 section 5; the bounds count fields, and the bytes of names and values."""
    section = FieldEncoder().encode([*GET, (b"x", b"y" * 10)])
    size = sum(len(name) + len(value) for name, value in GET) + 11
    assert decode(section, 5, size)[-1] == (b"x", b"y" * 10)
    with pytest.raises(TooManyFields):
        decode(section, 4, size)
    with pytest.raises(TooManyFields):
        decode(section, 5, size - 1)
    with pytest.raises(TooManyFields):
        decode(b"\0\0" + b"\xd1" * 100000 + b"\x80", 100, 10**9)


def test_only_so_many_fields_are_remembered() -> None:
    encoder = FieldEncoder()
    for number in range(2000):
        section = [(b"x-request-id", b"%d" % number)]
        assert fields_of(encoder.encode(section)) == section
    assert len(_ENCODED) <= REMEMBERED_FIELDS


def test_secrets_are_marked_so_that_no_intermediary_remembers_them() -> None:
    """RFC 9204 section 7.1.3."""
    for name in (b"authorization", b"set-cookie", b"proxy-authorization"):
        first = FieldEncoder().encode([(name, b"s")])[2]
        assert first & 0xF0 == (0x70 if first >= 0x40 else 0x30)
