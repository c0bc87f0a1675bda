"""The client's control stream: settings, and frames about the connection (RFC 9114 sections 6.2.1 and 7.2).

Sans-I/O. Frames that honest clients rarely send are charged to an allowance (rule 2-3).
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import (
    CANCEL_PUSH,
    DATA,
    ENABLE_CONNECT_PROTOCOL,
    GOAWAY,
    H3_CLOSED_CRITICAL_STREAM,
    H3_DATAGRAM,
    H3_EXCESSIVE_LOAD,
    H3_FRAME_ERROR,
    H3_FRAME_UNEXPECTED,
    H3_ID_ERROR,
    H3_MISSING_SETTINGS,
    H3_SETTINGS_ERROR,
    HEADERS,
    MAX_PUSH_ID,
    OF_HTTP2,
    PRIORITY_UPDATE,
    PRIORITY_UPDATE_OF_PUSH,
    PUSH_PROMISE,
    SETTINGS,
)
from esg_http.h3.coding.frames import FrameReader, FrameTooLarge, read_only_varint, read_settings
from esg_http.h3.coding.varints import read_varint
from esg_http.h3.engine.sending import Sending
from esg_http.h3.engine.streams import StreamTable
from esg_http.multiplexed.account import SMALL_DATA, Account
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.costs import BYTES_A_UNIT, FRAME
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.priority import read_priority

LARGEST_FRAME = 4096
"""Bytes of a frame on the control stream: settings, and a priority."""

_WHOLE = frozenset((SETTINGS, GOAWAY, MAX_PUSH_ID, PRIORITY_UPDATE))
_NOT_HERE = OF_HTTP2 | {DATA, HEADERS, PUSH_PROMISE}


class ControlStream(Generic[S]):
    """Obeys the frames of the control stream; see `unidirectional.CriticalStream`."""

    __slots__ = ("_account", "_limits", "_most_push", "_reader", "_sending", "_streams", "_their_end", "settings")

    def __init__(self, streams: StreamTable[S], sending: Sending[S], account: Account, limits: Limits) -> None:
        self._streams = streams
        self._sending = sending
        self._account = account
        self._limits = limits
        self._reader = FrameReader(_WHOLE, LARGEST_FRAME)
        self._most_push = -1
        self._their_end = -1
        self.settings: dict[int, int] | None = None

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        reader = self._reader
        reader.add(data)
        try:
            while (piece := reader.next()) is not None:
                self._account.room -= FRAME + len(piece[1]) // BYTES_A_UNIT
                self._handle(*piece)
        except FrameTooLarge:
            raise ConnectionFault(
                H3_EXCESSIVE_LOAD, "a frame on the control stream is too large", "RFC 9114 section 10.5"
            ) from None
        if self.settings is None and reader.kind not in (-1, SETTINGS):
            raise _not_settings()

    def end(self) -> None:
        """Always an error: this stream lasts as long as the connection."""
        raise ConnectionFault(H3_CLOSED_CRITICAL_STREAM, "the control stream has ended", "RFC 9114 section 6.2.1")

    def _handle(self, kind: int, payload: bytes, is_whole: bool) -> None:
        if self.settings is None and kind != SETTINGS:
            raise _not_settings()
        if kind in _NOT_HERE:
            raise ConnectionFault(
                H3_FRAME_UNEXPECTED, "a frame that the control stream does not have", "RFC 9114 section 7.2"
            )
        if kind == SETTINGS:
            self._on_settings(payload)
            return
        if is_whole or len(payload) < SMALL_DATA:
            self._account.charge_useless()
        if kind == PRIORITY_UPDATE:
            self._on_priority_update(payload)
        elif kind == GOAWAY:
            self._on_goaway(payload)
        elif kind == MAX_PUSH_ID:
            self._on_max_push_id(payload)
        elif kind in (CANCEL_PUSH, PRIORITY_UPDATE_OF_PUSH):
            raise ConnectionFault(H3_ID_ERROR, "a push that was never promised", "RFC 9114 section 7.2.3")

    def _on_settings(self, payload: bytes) -> None:
        if self.settings is not None:
            raise ConnectionFault(H3_FRAME_UNEXPECTED, "a second SETTINGS", "RFC 9114 section 7.2.4")
        self.settings = settings = read_settings(payload)
        for name in (ENABLE_CONNECT_PROTOCOL, H3_DATAGRAM):
            if settings.get(name, 0) > 1:
                raise ConnectionFault(
                    H3_SETTINGS_ERROR, "a setting that must be 0 or 1", "RFC 9220 section 3, RFC 9297 section 2.1.1"
                )

    def _on_goaway(self, payload: bytes) -> None:
        """The client accepts no more pushes, of which there are none (RFC 9114 section 5.2)."""
        number = read_only_varint(payload)
        if 0 <= self._their_end < number:
            raise ConnectionFault(H3_ID_ERROR, "GOAWAY with a higher number than before", "RFC 9114 section 5.2")
        self._their_end = number

    def _on_max_push_id(self, payload: bytes) -> None:
        """How many pushes the client would accept (RFC 9114 section 7.2.7)."""
        number = read_only_varint(payload)
        if number < self._most_push:
            raise ConnectionFault(H3_ID_ERROR, "MAX_PUSH_ID with a lower number than before", "RFC 9114 section 7.2.7")
        self._most_push = number

    def _on_priority_update(self, payload: bytes) -> None:
        """A priority that comes before its request, or changes (RFC 9218 section 7.2)."""
        number, at = read_varint(payload, 0)
        if number < 0:
            raise ConnectionFault(H3_FRAME_ERROR, "PRIORITY_UPDATE is too short", "RFC 9218 section 7.2")
        if number & 3:
            raise ConnectionFault(H3_ID_ERROR, "PRIORITY_UPDATE for no request stream", "RFC 9218 section 7.2")
        streams = self._streams
        stream = streams.live.get(number)
        priority = read_priority(payload[at:])
        if stream is not None:
            self._sending.reprioritise(stream, priority)
        elif number in streams.inputs:
            streams.inputs[number].priority = priority
        elif streams.numbers.is_ahead(number):
            streams.early_priorities[number] = priority
            if len(streams.early_priorities) > self._limits.streams:
                raise ConnectionFault(
                    H3_EXCESSIVE_LOAD, "too many priorities ahead of their requests", "RFC 9218 section 7.2"
                )


def _not_settings() -> ConnectionFault:
    return ConnectionFault(H3_MISSING_SETTINGS, "the first frame is not SETTINGS", "RFC 9114 section 6.2.1")
