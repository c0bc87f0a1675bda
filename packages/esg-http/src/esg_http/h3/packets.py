"""What every QUIC packet shows without keys, and the two answers that need none (RFC 8999, RFC 9000).

Pure: bytes to values and back. Knows neither connections nor sockets.
"""

from typing import NamedTuple

LONG = 0x80
"""The bit of a packet's first byte that says that its header is long."""

NEGOTIATION = 0
"""The version of a Version Negotiation packet, which is never answered (RFC 9000 section 6.1)."""

SMALLEST_INITIAL = 1200
"""Bytes that a client's first datagrams have at least (RFC 9000 section 14.1)."""

SMALLEST_RESET = 21
"""Bytes of the shortest stateless reset (RFC 9000 section 10.3)."""

LARGEST_RESET = 43
"""Bytes of the longest one that is sent: enough to look like any other short packet."""


class LongHeader(NamedTuple):
    """The start of a packet with a long header (RFC 8999 section 5.1)."""

    version: int
    destination: bytes
    source: bytes


def read_long_header(datagram: bytes) -> LongHeader | None:
    """The header of the datagram's first packet, which must be a long one; None if it is cut."""
    try:
        end = 6 + datagram[5]
        source_end = end + 1 + datagram[end]
    except IndexError:
        return None
    if source_end > len(datagram):
        return None
    return LongHeader(int.from_bytes(datagram[1:5], "big"), datagram[6:end], datagram[end + 1 : source_end])


def version_negotiation(asked: LongHeader, versions: tuple[int, ...], noise: int) -> bytes:
    """The answer to a version that is not served (RFC 9000 section 17.2.1); `noise` is a random byte."""
    return b"".join(
        (
            bytes((LONG | noise,)),
            bytes(4),
            bytes((len(asked.source),)),
            asked.source,
            bytes((len(asked.destination),)),
            asked.destination,
            *(version.to_bytes(4, "big") for version in versions),
        )
    )


def stateless_reset(token: bytes, received: int, noise: bytes) -> bytes | None:
    """The answer to a packet of a connection that is not here, `received` bytes long; None if that was too short.

    It is shorter than what it answers, so that two servers cannot keep each other busy (RFC 9000 section 10.3.3).
    `noise` are at least `LARGEST_RESET` random bytes.
    """
    size = min(received - 1, LARGEST_RESET)
    if size < SMALLEST_RESET:
        return None
    return bytes((noise[0] & 0x3F | 0x40,)) + noise[1 : size - len(token)] + token
