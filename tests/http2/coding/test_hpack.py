"""HPACK (RFC 7541): against another implementation, and against what no decoder may accept."""

import gc
import sys
from contextlib import suppress
from types import FrameType

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.asgi import Headers
from esg_http.coding import huffman
from esg_http.coding.faults import ConnectionFault, TooManyFields
from esg_http.h2.coding.codes import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from esg_http.h2.coding.hpack import LITERALS_BEYOND, HeaderDecoder, HeaderEncoder

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
    """RFC 7541 sections 4 and 6, even while the size of the table changes (section 4.2)."""
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
    """RFC 7541 section 4.4: this is not an error."""
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


ENTRY = b"\x40\x01%c\x01%c"
"""A literal for the table."""


def test_the_tables_stay_in_step_behind_a_section_that_is_too_large_in_each_way() -> None:
    """References of one and two bytes are skipped, literals of all kinds are read."""
    own = decoder()
    own.decode(b"".join([ENTRY % (97, 97)] * 70))
    behind = (b"\x00\x01x\x00", ENTRY % (98, 98), b"\xff\x05\xbe", b"\x10\x01y\x00", b"\x7e\x01z")
    with pytest.raises(TooManyFields):
        own.decode(b"\xff\x00" * 129 + b"".join(behind))
    assert own.decode(b"\xbe\xbf\xc0") == [(b"b", b"z"), (b"b", b"b"), (b"a", b"a")]


def test_a_table_size_update_behind_the_last_field_that_may_be_is_broken() -> None:
    """RFC 7541 section 4.2."""
    for broken in (b"\x20", b"\x80"):
        with pytest.raises(ConnectionFault) as caught:
            decoder().decode(b"\x82" * 129 + broken)
        assert caught.value.code == COMPRESSION_ERROR


@pytest.mark.parametrize(
    ("references", "is_right"),
    [
        (b"\xbe\x82", True),
        (b"\xbf\x82", False),
        (b"\x82\xbf", False),
        (b"\xff\x00", False),
        (b"\xfe", False),
        (b"\xff\x80\x00", False),
    ],
)
def test_an_index_beyond_the_tables_is_found_behind_the_last_field_that_may_be(
    references: bytes, is_right: bool
) -> None:
    """RFC 7541 section 2.3.3."""
    own = decoder()
    own.decode(ENTRY % (97, 97))
    with pytest.raises(TooManyFields if is_right else ConnectionFault):
        own.decode(b"\x82" * 129 + references)


def test_the_highest_index_of_two_bytes_is_found() -> None:
    own = decoder()
    own.decode(ENTRY % (97, 97) * 100)
    with pytest.raises(TooManyFields):
        own.decode(b"\x82" * 129 + b"\xff\x22\xff\x00\x82")
    with pytest.raises(ConnectionFault):
        own.decode(b"\x82" * 129 + b"\xff\x23\xff\x00\x82")


@pytest.mark.parametrize(("more", "code"), [(0, None), (1, ENHANCE_YOUR_CALM)])
@pytest.mark.parametrize("literal", [b"\x00\x01a\x00", b"\x40\x01a\x00", b"\x10\x01a\x00", b"\x41\x00"])
def test_h_20_so_many_literals_are_read_for_the_table(literal: bytes, more: int, code: int | None) -> None:
    block = b"\x82" * 129 + literal * (LITERALS_BEYOND + more)
    with pytest.raises(TooManyFields if code is None else ConnectionFault) as caught:
        decoder().decode(block)
    assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize(
    "block",
    [b"\x82" * 60_000, b"\x40\x01a\x00" * 70 + b"\xff\x00" * 30_000, b"\x00\x01a\x00" * 15_000, b"\x41\x00" * 30_000],
    ids=["references", "references of two bytes", "literals", "literals for the table"],
)
def test_h_20_what_is_too_large_costs_few_calls(block: bytes) -> None:
    """As many as the fields allowed and those read for the table, not as many as there are."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    own = decoder()
    gc.collect()  # what other tests have left would be collected now, and calls when it goes
    sys.setprofile(count)
    try:
        with suppress(TooManyFields, ConnectionFault):
            own.decode(block)
    finally:
        sys.setprofile(None)
    assert calls < 7 * (129 + LITERALS_BEYOND)


FLEETING = b"age content-length content-range etag expires last-modified location retry-after x-request-id".split()
SECRET = [b"authorization", b"proxy-authorization", b"set-cookie"]


@pytest.mark.parametrize(
    ("name", "pattern"), [*((name, 0x00) for name in FLEETING), *((name, 0x10) for name in SECRET)]
)
def test_7_1_secrets_and_fleeting_values_stay_out_of_the_table(name: bytes, pattern: int) -> None:
    """RFC 7541 sections 6.2.2 (not indexed), and 6.2.3 for secrets: never indexed, not even by intermediaries."""
    encoder = HeaderEncoder()
    block = encoder.encode([(name, b"a")])
    assert encoder.encode([(name, b"a")]) == block
    assert block[0] & 0xF0 == pattern
    assert encoder.changes == 0


@pytest.mark.parametrize(("fields", "size", "is_read"), [(3, 12, True), (2, 12, False), (3, 11, False)])
def test_2_3_a_section_may_be_as_large_as_its_bounds(fields: int, size: int, is_read: bool) -> None:
    """Of fields, and of the bytes of names and values together."""
    own = HeaderDecoder(most_fields=fields, most_bytes=size)
    block = b"\x00\x02ab\x02cd" * 3
    if is_read:
        assert own.decode(block) == [(b"ab", b"cd")] * 3
    else:
        with pytest.raises(TooManyFields):
            own.decode(block)


@pytest.mark.parametrize(
    ("integer", "value"),
    [(b"\x7e", 126), (b"\x7f\x00", 127), (b"\x7f\x01", 128), (b"\x7f\x7f", 254), (b"\x7f\x80\x01", 255)],
)
def test_5_1_integers(integer: bytes, value: int) -> None:
    assert decoder().decode(b"\x00\x01a" + integer + b"x" * value) == [(b"a", b"x" * value)]
    assert HeaderEncoder().encode([(b"etag", b"\xff" * value)]) == b"\x0f\x13" + integer + b"\xff" * value


@pytest.mark.parametrize(("zeros", "is_read"), [(3, True), (4, False)])
def test_5_1_an_integer_has_at_most_four_more_bytes(zeros: int, is_read: bool) -> None:
    block = b"\x00\x01a\x7f" + b"\x80" * zeros + b"\x00" + b"x" * 127
    if is_read:
        assert decoder().decode(block) == [(b"a", b"x" * 127)]
    else:
        with pytest.raises(ConnectionFault, match="an integer is too long"):
            decoder().decode(block)


def test_5_1_an_integer_is_its_parts_together() -> None:
    size = 127 + 3 + (2 << 7) + (1 << 14)
    assert decoder().decode(b"\x00\x01a\x7f\x83\x82\x01" + b"x" * size) == [(b"a", b"x" * size)]


def entry(size: int, name: bytes = b"a") -> bytes:
    """A literal that takes that many bytes of the table."""
    length = size - 32 - len(name) - 127
    return b"\x40\x01" + name + b"\x7f" + bytes((length & 127 | 128, length >> 7)) + b"v" * (length + 127)


@pytest.mark.parametrize(("size", "is_there"), [(4096, True), (4097, False)])
def test_4_1_an_entry_may_fill_the_table(size: int, is_there: bool) -> None:
    own = decoder()
    own.decode(entry(size))
    if is_there:
        assert own.decode(b"\xbe")[0][0] == b"a"
    else:
        with pytest.raises(ConnectionFault):
            own.decode(b"\xbe")


def test_4_4_the_oldest_entries_go_first_and_no_more_than_have_to() -> None:
    own = decoder()
    for name in (b"a", b"b", b"c", b"d"):
        own.decode(entry(1024, name))
    assert [name for name, _ in own.decode(b"\xbe\xbf\xc0\xc1")] == [b"d", b"c", b"b", b"a"]
    own.decode(entry(1025, b"e"))
    assert [name for name, _ in own.decode(b"\xbe\xbf\xc0")] == [b"e", b"d", b"c"]
    with pytest.raises(ConnectionFault):
        own.decode(b"\xc1")


def test_4_2_a_table_may_be_made_smaller_and_larger_again() -> None:
    own = decoder()
    own.decode(entry(1024, b"a"))
    own.decode(entry(1024, b"b"))
    assert own.decode(b"\x3f\xe1\x0f\xbe\xbf")[1][0] == b"a", "2,048 are enough for both"
    assert own.decode(b"\x3f\xe1\x07\xbe")[0][0] == b"b", "1,024 for one"
    own.decode(b"\x3f\xe1\x1f" + entry(3072, b"c"))
    assert [name for name, _ in own.decode(b"\xbe\xbf")] == [b"c", b"b"], "up to 4,096 again"


def test_2_1_every_change_of_the_table_is_counted() -> None:
    own = decoder()
    seen = [own.changes]
    for block in (b"\x82", b"\x40\x01a\x01b", b"\xbe", b"\x00\x01a\x01b", b"\x10\x01a\x01b", b"\x20"):
        own.decode(block)
        seen.append(own.changes)
    assert seen == [0, 0, 1, 1, 1, 1, 2]


def test_6_1_index_0_is_invalid() -> None:
    for block in (b"\x80", b"\x82\x80", b"\x80\x82"):
        with pytest.raises(ConnectionFault, match="index 0"):
            decoder().decode(block)


def test_6_2_1_a_name_may_be_an_entry_of_the_table() -> None:
    own = decoder()
    assert own.decode(b"\x40\x01a\x01b\x7e\x01c\x0f\x30\x01d") == [(b"a", b"b"), (b"a", b"c"), (b"a", b"d")]
    assert own.decode(b"\xbe\xbf") == [(b"a", b"c"), (b"a", b"b")]


def read_sizes(block: bytes) -> list[int]:
    """The size updates at the beginning of a block."""
    sizes = []
    while block and block[0] & 0xE0 == 0x20:
        value, block = block[0] & 31, block[1:]
        shift = 0
        while value >= 31 and block:
            byte, block = block[0], block[1:]
            value += (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        sizes.append(value)
    return sizes


@pytest.mark.parametrize(
    ("sizes", "said"),
    [([], []), ([4096], []), ([10000], []), ([100], [100]), ([100, 200], [100, 200]), ([200, 100], [100, 100])],
)
def test_4_2_the_smallest_size_since_the_last_block_is_said_and_the_latest(sizes: list[int], said: list[int]) -> None:
    encoder = HeaderEncoder()
    for size in sizes:
        encoder.resize(size)
    assert read_sizes(encoder.encode([])) == said
    assert encoder.encode([]) == b"", "once"
    assert encoder.changes == len([size for size in sizes if size < 4096])


def test_4_2_the_size_before_and_after() -> None:
    encoder = HeaderEncoder()
    for size in (50, 300, 20000):
        encoder.resize(size)
    assert read_sizes(encoder.encode([])) == [50, 4096]
    encoder.resize(4096)
    assert encoder.encode([]) == b""


def test_4_4_what_is_encoded_stays_in_the_table_while_there_is_room() -> None:
    """Four entries of 1,024 bytes; the fifth evicts the oldest."""
    encoder = HeaderEncoder()
    fields = [(b"x-%d" % number, b"v" * (1024 - 32 - 3)) for number in range(5)]
    for field in fields[:4]:
        encoder.encode([field])
    assert [encoder.encode([field]) for field in fields[:4]] == [b"\xc1", b"\xc0", b"\xbf", b"\xbe"]
    assert encoder.changes == 4
    assert encoder.encode([fields[4]])[:1] == b"\x40"
    assert [encoder.encode([field]) for field in fields[1:]] == [b"\xc1", b"\xc0", b"\xbf", b"\xbe"]
    assert encoder.changes == 5
    encoder.resize(2048)
    assert encoder.encode([fields[3], fields[4]]) == b"\x3f\xe1\x0f\xbf\xbe"
    assert encoder.encode([fields[2]])[:1] == b"\x40"


@pytest.mark.parametrize(("length", "goes_in"), [(4096 - 32 - 3, True), (4096 - 32 - 2, False)])
def test_4_1_what_is_larger_than_the_table_is_not_put_there(length: int, goes_in: bool) -> None:
    encoder = HeaderEncoder()
    field = (b"x-a", b"\xff" * length)
    first = encoder.encode([field])
    assert first[0] == (0x40 if goes_in else 0x00)
    assert decoder().decode(first) == [field]
    assert encoder.encode([field]) == (b"\xbe" if goes_in else first)


def test_5_2_a_string_is_huffman_coded_if_that_is_shorter() -> None:
    encoder = HeaderEncoder()
    assert encoder.encode([(b"x-a", b"aaaaaaaa")]) == b"\x40\x03x-a\x85" + huffman.encode(b"aaaaaaaa")
    assert encoder.encode([(b"x-b", b"\xff\xff")]) == b"\x40\x03x-b\x02\xff\xff"


def test_6_what_each_kind_of_field_is_written_as() -> None:
    encoder = HeaderEncoder()
    written = {
        (b":status", b"200"): b"\x88",
        (b"vary", b""): b"\xbb",
        (b":status", b"299"): b"\x48\x03299",
        (b"set-cookie", b"a"): b"\x1f\x28\x01a",
        (b"etag", b"a"): b"\x0f\x13\x01a",
        (b"x-request-id", b"a"): b"\x00" + HeaderEncoder().encode([(b"x-request-id", b"a")])[1:],
        (b"vary", b"\xff"): b"\x7b\x01\xff",
    }
    for field, block in written.items():
        assert encoder.encode([field]) == block
        assert decoder().decode(block) == [field]


@pytest.mark.parametrize("update", [b"\x20", b"\x21", b"\x3f\x00"])
def test_4_2_a_size_update_comes_first(update: bytes) -> None:
    with pytest.raises(ConnectionFault, match="a table size update after the first field"):
        decoder().decode(b"\x82" + update)


def test_6_1_an_index_may_have_two_bytes() -> None:
    own = decoder()
    own.decode(b"".join([b"\x40\x01" + bytes((65 + number,)) + b"\x00" for number in range(100)]))
    oldest = 61 + 100
    assert own.decode(b"\xff" + bytes((oldest - 127,)) + b"\x82") == [(b"A", b""), (b":method", b"GET")]
    assert own.decode(b"\xff\x00") == [(bytes((65 + 161 - 127,)), b"")]


def test_5_2_a_value_ends_with_its_block() -> None:
    with pytest.raises(ConnectionFault, match="a string ends beyond the block"):
        decoder().decode(b"\x00\x01a\x03bc")


def test_4_4_one_byte_too_many_drives_out_the_oldest() -> None:
    encoder = HeaderEncoder()
    fields = [(b"x-%d" % number, b"v" * (1024 - 32 - 3 + (number == 3))) for number in range(4)]
    encoder.encode(fields)
    assert encoder.encode(fields[1:]) == b"\xc0\xbf\xbe"
    assert encoder.encode(fields[:1])[:1] == b"\x40"


def test_6_1_a_far_entry_is_written_in_two_bytes() -> None:
    encoder = HeaderEncoder()
    fields = [(b"%c" % (65 + number), b"") for number in range(100)]
    encoder.encode(fields)
    assert encoder.encode([fields[100 - 65], fields[100 - 66], fields[0]]) == b"\xfe\xff\x00\xff\x22"
