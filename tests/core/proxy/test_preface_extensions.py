"""The extensions of the PROXY protocol's preface (rule H-19)."""

import struct

import pytest

from esg_core.proxy.preface import SIGNATURE, PrefaceError, parse
from esg_core.proxy.preface_extensions import Extension, ExtensionError, crc32c, read_extensions, tells_of_tls

ADDRESSES = bytes(range(12))


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def preface(*extensions: bytes) -> bytes:
    payload = ADDRESSES + b"".join(extensions)
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(payload)) + payload


def with_checksum(*extensions: bytes, wrong: int = 0) -> bytes:
    """Computed as by proxies: over the whole preface, with zeros in place of the checksum."""
    zeros = preface(tlv(3, bytes(4)), *extensions)
    return preface(tlv(3, struct.pack("!I", crc32c(zeros) ^ wrong)), *extensions)


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_checksum(data: bytes, expected: int) -> None:
    """The examples of RFC 3720, appendix B.4."""
    assert crc32c(data) == expected


def test_extensions_are_handed_on() -> None:
    """Known or not: ALPN, AUTHORITY, UNIQUE_ID, one of a cloud."""
    given = [(1, b"h2"), (2, b"shop.example"), (5, b"unique"), (0xEA, b"\x01vpce-1")]
    route = parse(preface(*(tlv(*one) for one in given), tlv(4, bytes(9))))
    assert route is not None
    assert route.extensions == tuple(Extension(*one) for one in given)


@pytest.mark.parametrize("extensions", [[], [tlv(2, b"shop.example")]])
def test_a_checksum_that_is_right(extensions: list[bytes]) -> None:
    assert parse(with_checksum(*extensions)) is not None


@pytest.mark.parametrize(
    "data",
    [
        with_checksum(wrong=1),
        with_checksum(tlv(2, b"shop.example")).replace(b"shop", b"shoq"),
        preface(tlv(3, b"")),
        preface(tlv(3, bytes(3))),
        preface(tlv(3, bytes(5))),
    ],
)
def test_a_checksum_that_is_wrong(data: bytes) -> None:
    """Section 2.2.3: the connection must be closed."""
    with pytest.raises(PrefaceError, match="the checksum is wrong"):
        parse(data)


@pytest.mark.parametrize(
    "rest", [b"\x02", b"\x02\x00", b"\x02\x00\x01", tlv(2, b"name")[:-1], tlv(2, b"name") + b"\x04"]
)
def test_extensions_that_are_cut_off(rest: bytes) -> None:
    with pytest.raises(ExtensionError, match="cut off"):
        read_extensions(preface(rest), 28)
    with pytest.raises(PrefaceError, match="cut off"):
        parse(preface(rest))


@pytest.mark.parametrize("kind", [0xEA, 4])
def test_extensions_are_bounded_by_their_number(kind: int) -> None:
    """H-20: 65,535 bytes would have room for 21,845."""
    assert parse(preface(tlv(kind, b"") * 256)) is not None
    with pytest.raises(PrefaceError, match="there are too many extensions"):
        parse(preface(tlv(kind, b"") * 257))


def test_there_is_one_checksum() -> None:
    """H-20: each takes a look at all bytes."""
    first = tlv(3, bytes(4))
    zeros = preface(first, first)
    number = struct.pack("!I", crc32c(zeros))
    with pytest.raises(PrefaceError, match="checksum"):
        parse(preface(tlv(3, number), tlv(3, number)))


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([], False),
        ([Extension(0x20, bytes(5))], False),
        ([Extension(0x20, b"")], False),
        ([Extension(0x20, b"\x01" + bytes(4))], True),
        ([Extension(2, b"\x01"), Extension(0x20, b"\x07" + bytes(4))], True),
    ],
)
def test_whether_the_client_speaks_tls(extensions: list[Extension], expected: bool) -> None:
    """Section 2.2.6."""
    assert tells_of_tls(tuple(extensions)) is expected
