"""The codec over the library `wsproto`.

Sans-I/O. The library is used to read only; the connection answers by itself.
"""

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

from esg_ws.codec import Sink
from esg_ws.deflate import Deflate
from esg_ws.frames import WebSocketError


class WsprotoCodec:
    """Reads frames by `wsproto.connection.Connection`."""

    __slots__ = ("_connection", "_sink")

    def __init__(self, sink: Sink, deflate: Deflate | None) -> None:
        self._sink = sink
        extensions: list[Extension] = [] if deflate is None else [_DeflateExtension(deflate)]
        self._connection = Connection(ConnectionType.SERVER, extensions)

    def feed(self, data: bytes) -> None:
        """As `Codec.feed`."""
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, TextMessage):
                self._sink.on_text(event.data, event.message_finished)
            elif isinstance(event, BytesMessage):
                self._sink.on_binary(bytes(event.data), event.message_finished)
            elif isinstance(event, CloseConnection):  # no frame, but the library's word for an error
                raise WebSocketError(int(event.code), event.reason or "")


class _DeflateExtension(Extension):
    """Lets the library pass on messages that are compressed, inflated by `Deflate`."""

    name = "permessage-deflate"

    def __init__(self, deflate: Deflate) -> None:
        self._deflate = deflate
        self._is_compressed = self._inflates = False

    def enabled(self) -> bool:
        """As `Extension.enabled`: it has been agreed on in the handshake."""
        return True

    def offer(self) -> bool:
        """As `Extension.offer`, which is for clients."""
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """As `Extension.frame_inbound_header`: which of the reserved bits may be set."""
        is_first = opcode in (Opcode.TEXT, Opcode.BINARY)
        if is_first:
            self._is_compressed = rsv.rsv1
        self._inflates = self._is_compressed and not opcode.iscontrol()
        return RsvBits(is_first, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """As `Extension.frame_inbound_payload_data`."""
        return self._deflate.inflate(data, False) if self._inflates else data

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """As `Extension.frame_inbound_complete`."""
        return self._deflate.inflate(b"", True) if self._inflates and fin else None


__all__ = ["WsprotoCodec"]
