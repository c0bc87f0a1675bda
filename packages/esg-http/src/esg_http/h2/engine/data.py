"""DATA, the frames of request bodies (RFC 9113 section 6.1), and the windows that they are sent within.

Sans-I/O. Content is handed on as it comes, even before its frame is complete.
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.codes import DATA, END_STREAM, PADDED, PROTOCOL_ERROR
from esg_http.h2.coding.frames import content_of, window_frame
from esg_http.h2.engine.malformed import MALFORMED
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.streams import StreamTable
from esg_http.h2.engine.windows import ConnectionWindow
from esg_http.multiplexed.account import SMALL_DATA, Account
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.bodies import BaseBodies


class DataFrames(BaseBodies[S], Generic[S]):
    """Receives bodies. `window` is what all streams together may send.

    While a frame has come only in part, `left` is how many bytes are missing, and `stream` its stream, or None if the
    frame is ignored.
    """

    __slots__ = ("_account", "_live", "_streams", "left", "stream", "window")

    errors = MALFORMED

    def __init__(self, streams: StreamTable[S], sending: Sending[S], account: Account) -> None:
        super().__init__(sending)
        self._streams = streams
        self._live = streams.live
        self._account = account
        self.window = ConnectionWindow()
        self.left = 0
        self.stream: S | None = None

    def on_data(self, flags: int, number: int, payload: bytes) -> None:
        """A whole DATA frame (RFC 9113 section 6.1)."""
        stream = self._take_window(number, len(payload))
        if stream is None:
            return
        if flags & PADDED:
            payload = self._without_padding(stream, payload)
        if len(payload) < SMALL_DATA and not flags & END_STREAM:
            self._account.charge_small(payload)
        if payload:
            self._take_content(stream, payload)
        if flags & END_STREAM:
            self.end(stream)

    def on_data_part(self, number: int, size: int, part: bytes) -> None:
        """The beginning of an unpadded DATA frame, of which `size` bytes are still to come."""
        self.left = size
        self.stream = stream = self._take_window(number, len(part) + size)
        if stream is not None and part:
            self._take_content(stream, part)

    def on_more_data(self, flags: int, part: bytes) -> None:
        """The next part of that frame."""
        stream = self.stream
        self.left -= len(part)
        if not self.left:
            self.stream = None
        if stream is not None:
            self._take_content(stream, part)
            if not self.left and flags & END_STREAM:
                self.end(stream)

    def _take_window(self, number: int, size: int) -> S | None:
        """Count the bytes of a DATA frame; returns its stream, or None if the frame is to be ignored."""
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA on no stream", "RFC 9113 section 6.1")
        opened = self.window.take(size)
        if opened:
            self._sending.put(window_frame(0, opened))
        stream = self._live.get(number)
        if stream is None or stream.upload is None:
            self._streams.effect(DATA, number)
            if size < SMALL_DATA:
                self._account.charge_small(size)
            return None
        stream.upload.window.take(size)
        return stream

    def _without_padding(self, stream: S, payload: bytes) -> bytes:
        content, _ = content_of(payload, PADDED)
        self.consumed(stream, len(payload) - len(content))
        return content

    def consumed(self, stream: S, size: int) -> None:
        if stream.upload is not None:
            opened = stream.upload.window.read(size)
            if opened:
                self._sending.put(window_frame(stream.id, opened))
