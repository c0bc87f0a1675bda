"""The codec that uses the library `wsproto`.

Sans-I/O. The library only reads; the connection answers by itself.
"""

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection

from esg_ws.codec import Sink
from esg_ws.frames import WebSocketError


class WsprotoCodec:
    """Reads frames with `wsproto.connection.Connection`; see `esg_ws.codec.Codec`."""

    __slots__ = ("_connection", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._connection = Connection(ConnectionType.SERVER)

    def feed(self, frame: bytes) -> None:
        self._connection.receive_data(frame)
        for event in self._connection.events():
            if isinstance(event, BytesMessage):
                self._sink(bytes(event.data), event.message_finished)
            elif isinstance(event, CloseConnection):  # not a frame, but how the library reports an error
                raise WebSocketError(int(event.code), event.reason or "")
