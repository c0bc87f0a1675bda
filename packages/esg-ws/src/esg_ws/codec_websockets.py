"""The codec over the library `websockets`.

Sans-I/O. The library is used to read: what it would write in answer is dropped, as the connection answers by itself.
"""

from codecs import getincrementaldecoder
from typing import cast

from websockets.exceptions import ProtocolError
from websockets.extensions.base import Extension
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import ExtensionName

from esg_ws.codec import Sink
from esg_ws.deflate import Deflate
from esg_ws.frames import INVALID_DATA, PROTOCOL_ERROR, WebSocketError

_utf8_decoder = getincrementaldecoder("utf-8")


class WebsocketsCodec:
    """Reads frames by `websockets.server.ServerProtocol`."""

    __slots__ = ("_decoder", "_is_text", "_protocol", "_sink")

    def __init__(self, sink: Sink, deflate: Deflate | None) -> None:
        self._sink = sink
        self._protocol = ServerProtocol(state=OPEN, max_size=None)
        if deflate is not None:
            self._protocol.extensions = [_DeflateExtension(deflate)]
        self._decoder = _utf8_decoder()
        self._is_text = False

    def feed(self, data: bytes) -> None:
        """As `Codec.feed`."""
        protocol = self._protocol
        protocol.receive_data(data)
        protocol.data_to_send()
        for event in protocol.events_received():
            self._read_data(cast(Frame, event))  # the others are of the handshake
        if protocol.parser_exc is not None:
            raise _failure(protocol.parser_exc)

    def _read_data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        if not self._is_text:
            self._sink.on_binary(bytes(frame.data), frame.fin)
            return
        try:
            text = self._decoder.decode(frame.data, frame.fin)
        except UnicodeDecodeError as error:
            raise WebSocketError(INVALID_DATA, "a text message is not UTF-8") from error
        self._sink.on_text(text, frame.fin)


def _failure(error: Exception) -> WebSocketError:
    if isinstance(error.__cause__, WebSocketError):
        return error.__cause__
    return WebSocketError(PROTOCOL_ERROR, str(error))


class _DeflateExtension(Extension):
    """Lets the library pass on messages that are compressed, inflated by `Deflate`."""

    name = ExtensionName("permessage-deflate")

    def __init__(self, deflate: Deflate) -> None:
        self._deflate = deflate
        self._is_compressed = False

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """As `Extension.decode`."""
        if frame.opcode >= Opcode.CLOSE:
            return frame
        if frame.opcode is not Opcode.CONT:
            self._is_compressed = frame.rsv1
        elif frame.rsv1:
            raise ProtocolError("reserved bits must be 0")
        if not self._is_compressed:
            return frame
        try:
            data = self._deflate.inflate(bytes(frame.data), frame.fin)
        except WebSocketError as error:
            raise ProtocolError(str(error)) from error
        return Frame(frame.opcode, data, frame.fin, False, frame.rsv2, frame.rsv3)

    def encode(self, frame: Frame) -> Frame:
        """As `Extension.encode`, for the answers of the library, which are dropped."""
        return frame


__all__ = ["WebsocketsCodec"]
