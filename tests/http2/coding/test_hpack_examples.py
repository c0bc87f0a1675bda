"""The examples of RFC 7541 appendix C, and all edge cases of its integers and strings, in both directions."""

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from esg_core.asgi import Headers
from esg_http.coding import huffman
from esg_http.coding.faults import ConnectionFault
from esg_http.coding.literals import encoded_integer, read_integer
from esg_http.h2.coding.hpack import HeaderDecoder, HeaderEncoder

AUTHORITY = (b":authority", b"www.example.com")
ASK: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), AUTHORITY]
REQUESTS: list[Headers] = [
    ASK,
    [*ASK, (b"cache-control", b"no-cache")],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        AUTHORITY,
        (b"custom-key", b"custom-value"),
    ],
]
PRIVATE, LOCATION = (b"cache-control", b"private"), (b"location", b"https://www.example.com")
DATES = [(b"date", b"Mon, 21 Oct 2013 20:13:2%d GMT" % second) for second in (1, 2)]
RESPONSES: list[Headers] = [
    [(b":status", b"302"), PRIVATE, DATES[0], LOCATION],
    [(b":status", b"307"), PRIVATE, DATES[0], LOCATION],
    [
        (b":status", b"200"),
        PRIVATE,
        DATES[1],
        LOCATION,
        (b"content-encoding", b"gzip"),
        (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
]

PLAIN_REQUESTS = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
]
CODED_REQUESTS = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]
PLAIN_RESPONSES = [
    (
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f"
        "7777772e6578616d706c652e636f6d"
    ),
    "4803333037c1c0bf",
    (
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b42"
        "5a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31"
    ),
]
CODED_RESPONSES = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    (
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f"
        "3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
    ),
]
SMALL_TABLE = b"\x3f\xe1\x01"
"""A size update to the 256 bytes used in the response examples."""


def decoder() -> HeaderDecoder:
    return HeaderDecoder(most_fields=128, most_bytes=65536)


@pytest.mark.parametrize(
    ("block", "field", "size"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", (b"custom-key", b"custom-header"), 55),
        ("040c2f73616d706c652f70617468", (b":path", b"/sample/path"), 0),
        ("100870617373776f726406736563726574", (b"password", b"secret"), 0),
        ("82", (b":method", b"GET"), 0),
    ],
)
def test_appendix_c2_representations(block: str, field: tuple[bytes, bytes], size: int) -> None:
    own = decoder()
    assert own.decode(bytes.fromhex(block)) == [field]
    assert own._size == size


@pytest.mark.parametrize(
    ("blocks", "sections", "sizes", "opening"),
    [
        (PLAIN_REQUESTS, REQUESTS, [57, 110, 164], b""),
        (CODED_REQUESTS, REQUESTS, [57, 110, 164], b""),
        (PLAIN_RESPONSES, RESPONSES, [222, 222, 215], SMALL_TABLE),
        (CODED_RESPONSES, RESPONSES, [222, 222, 215], SMALL_TABLE),
    ],
    ids=["C.3", "C.4", "C.5", "C.6"],
)
def test_sections_one_after_the_other(
    blocks: list[str], sections: list[Headers], sizes: list[int], opening: bytes
) -> None:
    own = decoder()
    for block, section, size in zip(blocks, sections, sizes, strict=True):
        assert own.decode(opening + bytes.fromhex(block)) == section
        assert own._size == size
        opening = b""


def test_appendix_c4_is_what_is_written() -> None:
    own = HeaderEncoder()
    assert [own.encode(section).hex() for section in REQUESTS] == CODED_REQUESTS


def test_appendix_c6_is_read_by_another_decoder() -> None:
    own, other = HeaderEncoder(), hpack.Decoder()
    own.resize(256)
    other.max_allowed_table_size = 256
    for section in RESPONSES:
        assert [tuple(field) for field in other.decode(own.encode(section), raw=True)] == section
        assert own._size <= 256


EDGES = sorted(
    {
        mask + more
        for mask in (15, 31, 63, 127)
        for more in (-mask, 1 - mask, -1, 0, 1, 126, 127, 128, 129, 16383, 16384, 2**21 - 1, 2**21, 2**28 - 1)
    }
)


@pytest.mark.parametrize("mask", [15, 31, 63, 127])
def test_appendix_c1_integers(mask: int) -> None:
    assert encoded_integer(10, 0, 31) == b"\x0a"
    assert encoded_integer(1337, 0, 31) == b"\x1f\x9a\x0a"
    for value in EDGES:
        written = encoded_integer(value, 0, mask)
        assert written == bytes(hpack.hpack.encode_integer(value, mask.bit_length()))
        if value <= mask + 2**28 - 1:
            for pattern in (0, 0xFF ^ mask):
                assert read_integer(bytes((written[0] | pattern,)) + written[1:] + b"more", 0, mask) == (
                    value,
                    len(written),
                )


@pytest.mark.parametrize("more", [b"", b"\x80", b"\xff\xff\xff\xff\x00", b"\x80\x80\x80\x80\x00", b"\xff" * 1000])
def test_5_1_integers_without_end(more: bytes) -> None:
    for first in (b"\xff", b"\x7f", b"\x0f", b"\x1f", b"\x3f"):
        with pytest.raises(ConnectionFault):
            decoder().decode(first + more)


def test_appendix_b_has_the_codes() -> None:
    other = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
    for byte in range(256):
        for text in (bytes((byte,)), bytes((byte, 0x61, byte)), bytes((byte,)) * 8):
            assert huffman.encode(text) == other.encode(text)
            assert huffman.decode(other.encode(text)) == text


def test_5_2_padding_is_the_beginning_of_eos_and_shorter_than_a_byte() -> None:
    for byte in range(256):
        check_paddings(byte)


def check_paddings(byte: int) -> None:
    digits = f"{REQUEST_CODES[byte]:0{REQUEST_CODES_LENGTH[byte]}b}"
    free = -len(digits) % 8
    for padding in range(2**free):
        coded = int(digits + (f"{padding:0{free}b}" if free else ""), 2).to_bytes((len(digits) + free) // 8, "big")
        if padding == 2**free - 1:
            assert huffman.decode(coded) == bytes((byte,))
            with pytest.raises(ValueError, match="padded"):
                huffman.decode(coded + b"\xff")
        else:
            check_other_padding(coded, byte)


def check_other_padding(coded: bytes, byte: int) -> None:
    """Other bits are not padding: they may begin another symbol."""
    try:
        text = huffman.decode(coded)
    except ValueError:
        return
    assert len(text) == 2
    assert text[0] == byte


@pytest.mark.parametrize("before", [b"", b"\x1f", b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4"])
def test_5_2_eos_is_no_symbol(before: bytes) -> None:
    for rest in (b"\xff\xff\xff\xff", b"\xff\xff\xff\xfc", b"\xff" * 5):
        with pytest.raises(ValueError, match="EOS"):
            huffman.decode(before + rest)
