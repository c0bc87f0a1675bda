"""HPACK (RFC 7541): against an implementation of others, and against what no decoder may accept."""

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.asgi import Headers
from esg_http.h2 import huffman
from esg_http.h2.codes import COMPRESSION_ERROR
from esg_http.h2.faults import ConnectionFault, TooManyFields
from esg_http.h2.hpack import HeaderDecoder, HeaderEncoder

NAMES = st.sampled_from([b":path", b"accept", b"content-length", b"cookie", b"date", b"set-cookie", b"x-a", b"x-long"])
VALUES = st.binary(max_size=40) | st.sampled_from([b"", b"v", b"w" * 150, b"z" * 700])
SECTIONS = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8), max_size=12)
SIZES = st.sampled_from([None, None, 0, 100, 500, 4096])


def decoder() -> HeaderDecoder:
    return HeaderDecoder(most_fields=128, most_bytes=65536)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_huffman_codes_are_read_back(text: bytes) -> None:
    """RFC 7541 section 5.2."""
    assert huffman.decode(huffman.encode(text)) == text


@settings(deadline=None)
@given(SECTIONS, SIZES)
def test_another_decoder_reads_what_is_encoded(sections: list[Headers], size: int | None) -> None:
    """RFC 7541 sections 4 and 6, also while the size of the table changes (section 4.2)."""
    encoder, other = HeaderEncoder(), hpack.Decoder(max_header_list_size=10**9)
    for number, section in enumerate(sections):
        if size is not None and number == 1:
            encoder.resize(size)
            other.max_allowed_table_size = size
        fields = other.decode(encoder.encode(section), raw=True)
        assert [(bytes(name), bytes(value)) for name, value, *_ in fields] == section


@settings(deadline=None)
@given(SECTIONS, SIZES, st.booleans())
def test_what_another_encoder_writes_is_read(sections: list[Headers], size: int | None, coded: bool) -> None:
    other, own = hpack.Encoder(), HeaderDecoder(most_fields=1000, most_bytes=10**9)
    for number, section in enumerate(sections):
        if size is not None and number == 1:
            other.header_table_size = size
        assert own.decode(other.encode(section, huffman=coded)) == section


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x80", "6.1: index 0"),
        (b"\xc6", "2.3.3: an index beyond the tables"),
        (b"\x7f\x7f\x01a", "2.3.3: the same, of a name"),
        (b"\xff\xff", "5.1: an integer that does not end"),
        (b"\xff" + b"\xff" * 20 + b"\x00", "5.1: an integer beyond all bounds"),
        (b"\xff" + b"\x80" * 8 + b"\x00", "5.1: an integer padded with zeros"),
        (b"\x40", "6.2: a literal without its strings"),
        (b"\x40\x05abc", "5.2: a string longer than its block"),
        (b"\x00\x83\x49\x50\x90\x01a", "5.2: padding that is not the beginning of EOS"),
        (b"\x00\x01x\x81\xff", "5.2: padding of a whole byte"),
        (b"\x00\x88\xf2\xb2\x4a\x84\xff\xff\xff\xff\x01a", "5.2: EOS"),
        (b"\x3f\xe2\x1f\x82", "6.3: a table larger than allowed"),
        (b"\x82\x20", "4.2: a size update after a field"),
    ],
)
def test_a_broken_block_ends_the_connection(block: bytes, why: str) -> None:
    with pytest.raises(ConnectionFault) as caught:
        decoder().decode(block)
    assert caught.value.code == COMPRESSION_ERROR, why


def test_a_smaller_table_forgets_what_does_not_fit() -> None:
    """RFC 7541 section 4.3."""
    own = decoder()
    assert own.decode(b"\x40\x01a\x01b") == own.decode(b"\xbe") == [(b"a", b"b")]
    with pytest.raises(ConnectionFault):
        own.decode(b"\x20\xbe")


def test_an_entry_larger_than_the_table_empties_it() -> None:
    """RFC 7541 section 4.4: that is no error."""
    own = decoder()
    own.decode(b"\x40\x01a\x01b")
    big = b"x" * 5000
    assert own.decode(HeaderEncoder().encode([(b"etag", big)])) == [(b"etag", big)]
    assert own.decode(b"\x40\x01a\x7f\xff\x1f" + b"y" * 4222) == [(b"a", b"y" * 4222)]
    with pytest.raises(ConnectionFault):
        own.decode(b"\xbe")


@pytest.mark.parametrize(
    "block", [b"\x82" * 129, b"\x40\x01a\x00" + b"\xbe" * 5946, b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000 + b"\xbe" * 20]
)
def test_2_3_a_section_of_references_is_bounded_by_what_it_stands_for(block: bytes) -> None:
    with pytest.raises(TooManyFields):
        decoder().decode(block)


def test_the_tables_stay_in_step_after_a_section_that_is_too_large() -> None:
    own = decoder()
    with pytest.raises(TooManyFields):
        own.decode(b"\x82" * 200 + b"\x40\x01a\x01b")
    assert own.decode(b"\xbe") == [(b"a", b"b")]


def test_7_1_secrets_and_fleeting_values_stay_out_of_the_table() -> None:
    encoder = HeaderEncoder()
    section = [(b"set-cookie", b"secret"), (b"content-length", b"13")]
    assert encoder.encode(section) == encoder.encode(section)
    assert encoder.changes == 0
    assert encoder.encode(section)[0] & 0xF0 == 0x10, "never indexed (section 6.2.3)"
