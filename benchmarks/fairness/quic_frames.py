"""Frames and packets of QUIC as bytes, made by hand, in the name of a client of aioquic's (RFC 9000 section 19)."""

from typing import Any

from aioquic import tls
from aioquic.buffer import encode_uint_var as varint
from aioquic.quic.connection import QuicConnection

ROOM = 1150
"""Bytes of frames that fit into a datagram."""

PING, ACK, RESET_STREAM, STOP_SENDING, CRYPTO, STREAM, MAX_DATA = 1, 2, 4, 5, 6, 8, 16
MAX_STREAM_DATA, RETIRE_CONNECTION_ID, PATH_CHALLENGE = 17, 25, 26


def frame(kind: int, *numbers: int, rest: bytes = b"") -> bytes:
    """A frame that consists of numbers, and possibly of bytes."""
    return b"".join([varint(kind), *map(varint, numbers)]) + rest


def stream(number: int, offset: int, data: bytes, *, end: bool = False) -> bytes:
    """STREAM with offset and length."""
    return frame(STREAM | 6 | end, number, offset, len(data), rest=data)


def crypto(offset: int, data: bytes) -> bytes:
    """CRYPTO."""
    return frame(CRYPTO, offset, len(data), rest=data)


def packed(frames: list[bytes]) -> list[bytes]:
    """The frames, as many in each piece as fit into a datagram."""
    pieces = [b""]
    for one in frames:
        if len(pieces[-1]) + len(one) > ROOM:
            pieces.append(b"")
        pieces[-1] += one
    return pieces


class Forger:
    """Makes packets of a connection, beside those that aioquic makes of it."""

    def __init__(self, connection: QuicConnection) -> None:
        self._connection = connection

    def packet(self, frames: bytes) -> bytes:
        """A packet with a short header and these frames."""
        inside: Any = vars(self._connection)  # aioquic makes no packets by hand
        number = inside["_packet_number"]
        inside["_packet_number"] = number + 1
        header = b"\x41" + inside["_peer_cid"].cid + (number & 0xFFFF).to_bytes(2, "big")
        packet: bytes = inside["_cryptos"][tls.Epoch.ONE_RTT].encrypt_packet(header, frames.ljust(4, b"\0"), number)
        return packet
