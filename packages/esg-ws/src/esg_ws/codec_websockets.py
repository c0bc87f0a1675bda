"""The codec that uses the library `websockets`.

Sans-I/O. The library only reads: what it would write is dropped, because the connection answers by itself.
"""

from typing import cast

from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from esg_ws.codec import Sink
from esg_ws.frames import PROTOCOL_ERROR, WebSocketError


class WebsocketsCodec:
    """Reads frames with `websockets.server.ServerProtocol`; see `esg_ws.codec.Codec`."""

    __slots__ = ("_protocol", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._protocol = ServerProtocol(state=OPEN, max_size=None)

    def feed(self, frame: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(frame)
        protocol.data_to_send()
        for event in protocol.events_received():
            read = cast(Frame, event)  # the other events belong to the handshake
            self._sink(bytes(read.data), read.fin)
        if protocol.parser_exc is not None:
            raise WebSocketError(PROTOCOL_ERROR, str(protocol.parser_exc))
