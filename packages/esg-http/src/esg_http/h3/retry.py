"""Proof that a client is where it says, before anything is kept for it: Retry (RFC 9000 section 8.1.2).

Knows packets, not connections. A token is good for half a minute, for the address and the ID that it was made for, in
the process that made it.
"""

from typing import NamedTuple

from aioquic._buffer import Buffer
from aioquic.quic.packet import QuicHeader, QuicPacketType, encode_quic_retry, pull_quic_header
from aioquic.quic.retry import QuicRetryTokenHandler

from esg_core.contracts import DatagramPath
from esg_http.h3 import connection_ids


class Proven(NamedTuple):
    """What a valid token says."""

    original_id: bytes
    """The first ID that the client has sent to."""

    retry_id: bytes
    """The ID that the Retry asked it to send to."""


def read_initial(datagram: bytes) -> QuicHeader | None:
    """The header of the datagram's first packet, if that is a whole Initial packet of a version that is served."""
    try:
        header = pull_quic_header(Buffer(data=datagram), host_cid_length=connection_ids.LENGTH)
    except ValueError:  # aioquic's errors of a buffer are ValueErrors too
        return None
    return header if header.packet_type is QuicPacketType.INITIAL else None


class Retries:
    """Makes Retry packets, and checks the tokens that come back."""

    def __init__(self) -> None:
        self._tokens = QuicRetryTokenHandler()

    def packet(self, header: QuicHeader, retry_id: bytes, path: DatagramPath, now: float) -> bytes:
        """The Retry packet that answers an Initial and asks the client to send to `retry_id`."""
        token = self._tokens.create_token(
            address=path.peer,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=retry_id,
            now=now,
        )
        assert header.version is not None
        return encode_quic_retry(
            version=header.version,
            source_cid=retry_id,
            destination_cid=header.source_cid,
            original_destination_cid=header.destination_cid,
            retry_token=token,
        )

    def check(self, header: QuicHeader, path: DatagramPath, now: float) -> Proven | None:
        """What the token of an Initial proves; None if it is none of ours, not for this client, or too old."""
        try:
            original = self._tokens.validate_token(
                address=path.peer, destination_cid=header.destination_cid, token=header.token, now=now
            )
        except ValueError:
            return None
        return Proven(original, header.destination_cid)
