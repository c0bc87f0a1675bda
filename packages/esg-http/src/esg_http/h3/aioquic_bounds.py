"""What the frames of one client may make aioquic hold and do, where aioquic has no bound or a wide one (rule Q-22).

Knows private names of aioquic, as `aioquic_connection` does, and neither sockets nor HTTP/3.
"""

from typing import TYPE_CHECKING

from aioquic.quic.connection import QuicConnection, QuicConnectionError
from aioquic.quic.packet import QuicErrorCode

if TYPE_CHECKING:
    from aioquic._buffer import Buffer
    from aioquic.quic.connection import QuicReceiveContext
    from aioquic.quic.stream import QuicStream, QuicStreamReceiver

MOST_GAPS = 512
"""Pieces of one stream that may wait for what is missing before them: each frame of it is compared with all of them."""

MOST_CRYPTO = 16384
"""Bytes of the handshake that may wait for what is missing before them; RFC 9000 section 7.5 asks for 4,096."""


class BoundedQuic(QuicConnection):
    """A connection that is closed if its client sends streams in too many pieces."""

    def held_back(self) -> int:
        """Bytes of all streams that were received, or reserved, beyond something that is missing."""
        return sum([len(stream.receiver._buffer) for stream in self._streams.values()])

    def _get_or_create_stream(self, frame_type: int, stream_id: int) -> "QuicStream":
        """As aioquic's, for each frame of a stream."""
        stream = super()._get_or_create_stream(frame_type, stream_id)
        if stream.receiver._buffer:
            _check(stream.receiver, frame_type)
        return stream

    def _handle_crypto_frame(self, context: "QuicReceiveContext", frame_type: int, buf: "Buffer") -> None:
        """As aioquic's, which keeps 512 KiB for each handshake."""
        at = buf.tell()
        end = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(at)
        receiver = self._crypto_streams[context.epoch].receiver
        if end - receiver.starting_offset() > MOST_CRYPTO:
            raise QuicConnectionError(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "too far ahead")
        _check(receiver, frame_type)
        super()._handle_crypto_frame(context, frame_type, buf)


def _check(receiver: "QuicStreamReceiver", frame_type: int) -> None:
    """Refuse a stream with too many gaps (RFC 9000 section 21.6)."""
    if len(receiver._ranges) > MOST_GAPS:
        raise QuicConnectionError(QuicErrorCode.INTERNAL_ERROR, frame_type, "too many gaps in a stream")
