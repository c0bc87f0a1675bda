"""Header blocks in HPACK (RFC 7541), as they come in frames; `test_hpack*` check the coding alone."""

from collections.abc import Iterator

from tests.http2.conformance.case import Case, ends, serves
from tests.support.http2.wire import GET, Code, block, post, raw_headers

COMPRESSION = (Code.COMPRESSION_ERROR,)
WHOLE = block(GET)
HUFFMAN_NAME = b"\x85\xf2\xb2\x4a\x84\xff"
"""x-test"""
HUFFMAN_VALUE = b"\x84\x9c\x48\xac\xa4"
"""h2spec"""
PLAIN_NAME = b"\x06x-test"
PLAIN_VALUE = b"\x06h2spec"
USER_AGENT = 58


def representations() -> Iterator[Case]:
    """Section 6: each way to write a field, with and without a Huffman code."""
    yield serves("RFC 7541 6.1", "an indexed field", raw_headers(1, WHOLE + b"\xba"))
    dynamic = raw_headers(1, WHOLE + b"\x40\x01a\x01b\xbe") + raw_headers(3, WHOLE + b"\xbe")
    yield serves("RFC 7541 6.1", "an indexed field of the dynamic table", dynamic, streams=(1, 3))
    ways = {"6.2.1 with indexing": (0x40, 0x3F), "6.2.2 without": (0x00, 0x0F), "6.2.3 never": (0x10, 0x0F)}
    for way, (pattern, mask) in ways.items():
        section = f"RFC 7541 {way}"
        indexed = bytes((pattern | USER_AGENT,)) if mask > USER_AGENT else bytes((pattern | mask, USER_AGENT - mask))
        for coding, name, value in (("plain", PLAIN_NAME, PLAIN_VALUE), ("Huffman", HUFFMAN_NAME, HUFFMAN_VALUE)):
            sent = raw_headers(1, WHOLE + indexed + value)
            yield serves(section, f"an indexed name, {coding}", sent)
            sent = raw_headers(1, WHOLE + bytes((pattern,)) + name + value)
            yield serves(section, f"a new name, {coding}", sent)
            sent = raw_headers(1, WHOLE + bytes((pattern,)) + name + b"\0")
            yield serves(section, f"a new name without value, {coding}", sent)


def indices() -> Iterator[Case]:
    """Section 2.3.3."""
    for says, field in {
        "index 70 of an empty dynamic table": b"\xc6",
        "index 62 of an empty dynamic table": b"\xbe",
        "index 0": b"\x80",
        "a name with index 70": b"\x7f\x07\x01v",
        "a name with index 62, without indexing": b"\x0f\x2f\x01v",
        "an index of many bytes": b"\xff\xff\xff\x7f",
        "an index beyond all bounds": b"\xff" + b"\xff" * 10 + b"\x7f",
        "an index that does not end": b"\xff\x80\x80",
    }.items():
        yield ends("RFC 7541 2.3.3", says, raw_headers(1, WHOLE + field), codes=COMPRESSION)
        yield ends("RFC 7541 2.3.3", f"{says}, in trailers", post() + raw_headers(1, field), codes=COMPRESSION)
        yield ends("RFC 7541 2.3.3", f"{says}, alone", raw_headers(1, field), codes=COMPRESSION)


def strings() -> Iterator[Case]:
    """Section 5.2."""
    for says, value in {
        "padding of more than 7 bits": b"\x85\x9c\x48\xac\xa4\xff",
        "padding of zeros": b"\x81\x18",
        "EOS": b"\x84\xff\xff\xff\xff",
        "EOS behind a symbol": b"\x85\x9f\xff\xff\xff\xff",
        "a string that is longer than its block": b"\x7fabc",
        "a length that does not end": b"\x7f\x80",
        "a length beyond all bounds": b"\x7f\xff\xff\xff\xff\xff\xff\x01",
        "no value": b"",
    }.items():
        yield ends("RFC 7541 5.2", says, raw_headers(1, WHOLE + b"\0\x01x" + value), codes=COMPRESSION)


def table_sizes() -> Iterator[Case]:
    """Sections 4.2 and 6.3."""
    section = "RFC 7541 4.2"
    yield serves(section, "a size update", raw_headers(1, b"\x20" + WHOLE))
    yield serves(section, "two size updates", raw_headers(1, b"\x20\x3f\xe1\x1f" + WHOLE))
    yield ends(section, "a size update after a field", raw_headers(1, WHOLE + b"\x20"), codes=COMPRESSION)
    yield ends(section, "one between fields", raw_headers(1, b"\x82\x3f\xe1\x1f" + WHOLE), codes=COMPRESSION)
    yield ends("RFC 7541 6.3", "a size beyond the limit", raw_headers(1, b"\x3f\xe2\x1f" + WHOLE), codes=COMPRESSION)
    emptied = raw_headers(1, WHOLE + b"\x40\x01a\x01b") + raw_headers(3, b"\x20" + WHOLE + b"\xbe")
    yield ends("RFC 7541 4.3", "a reference to what was evicted", emptied, codes=COMPRESSION)


def cases() -> Iterator[Case]:
    yield from representations()
    yield from indices()
    yield from strings()
    yield from table_sizes()
