"""The frames about the connection, or about a stream but not its content (RFC 9113 section 6).

Sans-I/O. Each method takes one whole frame of its type. Frames that honest clients rarely send are charged to an
allowance (rule 2-3).
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import (
    ACK,
    DEFAULT_FRAME_SIZE,
    ENABLE_PUSH,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    LARGEST_FRAME_SIZE,
    LAST_STREAM,
    MAX_FRAME_SIZE,
    NO_RFC7540_PRIORITIES,
    PROTOCOL_ERROR,
    RST_STREAM,
    WINDOW_UPDATE,
)
from esg_http.h2.coding.frames import SETTINGS_ACK, ping_frame, read_long, read_settings
from esg_http.h2.engine.link import EngineLink
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.states import GOES_ON
from esg_http.h2.engine.streams import StreamTable
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.costs import BYTES_A_UNIT
from esg_http.multiplexed.engine.link import Linked
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.priority import read_priority
from esg_http.multiplexed.states import CLOSED

SETTINGS_A_FRAME = 8
"""Settings that count as one frame."""


class ControlFrames(Linked[EngineLink[S]], Generic[S]):
    """Obeys control frames; `is_settled`: the client has acknowledged the server's settings."""

    __slots__ = ("_account", "_limits", "_sending", "_streams", "is_settled")

    def __init__(
        self, streams: StreamTable[S], sending: Sending[S], account: Account, limits: Limits, link: EngineLink[S]
    ) -> None:
        super().__init__(link)
        self._streams = streams
        self._sending = sending
        self._account = account
        self._limits = limits
        self.is_settled = False

    def on_settings(self, flags: int, number: int, payload: bytes) -> None:
        """The client's settings, or its acknowledgement of ours (RFC 9113 section 6.5)."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS on a stream", "RFC 9113 section 6.5")
        if flags & ACK:
            if payload:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a SETTINGS ack with a payload", "RFC 9113 section 6.5")
            self._account.charge_useless()
            self.is_settled = True
            return
        settings = list(read_settings(payload))
        self._account.charge_useless(1 + len(settings) // SETTINGS_A_FRAME)
        self._account.room -= len(payload) // BYTES_A_UNIT
        for setting, value in settings:
            self._obey(setting, value)
        window = dict(settings).get(INITIAL_WINDOW_SIZE)
        if window is not None:  # only the last of several: each one touches every stream
            self._sending.set_stream_window(window)
        self._sending.put(SETTINGS_ACK)

    def _obey(self, setting: int, value: int) -> None:
        """Check and obey one setting (RFC 9113 section 6.5.2), except for the window; unknown ones are ignored."""
        if setting == HEADER_TABLE_SIZE:
            self._sending.encoder.resize(value)
        elif setting == INITIAL_WINDOW_SIZE:
            if value > LAST_STREAM:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "a window beyond 2^31-1", "RFC 9113 section 6.5.2")
        elif setting == MAX_FRAME_SIZE:
            if not DEFAULT_FRAME_SIZE <= value <= LARGEST_FRAME_SIZE:
                raise ConnectionFault(PROTOCOL_ERROR, "a frame size out of range", "RFC 9113 section 6.5.2")
            self._sending.set_frame_size(value)
        elif setting in (ENABLE_PUSH, NO_RFC7540_PRIORITIES) and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "a setting that must be 0 or 1", "RFC 9113 section 6.5.2")

    def on_ping(self, flags: int, number: int, payload: bytes) -> None:
        """Answer at once (RFC 9113 section 6.7)."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "PING on a stream", "RFC 9113 section 6.7")
        if len(payload) != 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "a PING that is not eight bytes long", "RFC 9113 section 6.7")
        self._account.charge_useless()
        if flags & ACK:
            self._link.has_pong(payload)
        else:
            self._sending.put(ping_frame(payload, ack=True))

    def on_goaway(self, _flags: int, number: int, payload: bytes) -> None:
        """The client opens no more streams (RFC 9113 section 6.8); open ones go on."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "GOAWAY on a stream", "RFC 9113 section 6.8")
        if len(payload) < 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "GOAWAY is too short", "RFC 9113 section 6.8")
        self._account.charge_useless()

    def on_window_update(self, _flags: int, number: int, payload: bytes) -> None:
        """The client lets more be sent (RFC 9113 section 6.9)."""
        if len(payload) != 4:
            raise ConnectionFault(
                FRAME_SIZE_ERROR, "a WINDOW_UPDATE that is not four bytes long", "RFC 9113 section 6.9"
            )
        if self._sending.updates_due > 0:
            self._sending.updates_due -= 1
        else:
            self._account.charge_useless()
        increment = read_long(payload)
        if not number:
            if not increment:
                raise ConnectionFault(PROTOCOL_ERROR, "a window opened by 0", "RFC 9113 section 6.9")
            self._sending.widen(increment)
        elif self._streams.effect(WINDOW_UPDATE, number) == GOES_ON:
            if not increment:
                raise StreamFault(PROTOCOL_ERROR, "a window opened by 0", "RFC 9113 section 6.9")
            self._sending.widen_stream(self._streams.live[number], increment)

    def on_rst_stream(self, _flags: int, number: int, payload: bytes) -> None:
        """The client has cancelled a stream (RFC 9113 section 6.4)."""
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "an RST_STREAM that is not four bytes long", "RFC 9113 section 6.4")
        if self._streams.effect(RST_STREAM, number) == GOES_ON:
            self._account.charge_cancelled()
            stream = self._streams.live[number]
            self._sending.close_stream(stream, CLOSED)
            stream.on_reset()
        else:
            self._account.charge_useless()

    def on_priority(self, _flags: int, number: int, payload: bytes) -> None:
        """A priority of RFC 7540, which is obsolete (RFC 9113 section 5.3): checked, and otherwise ignored."""
        self._account.charge_useless()
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY on no stream", "RFC 9113 section 6.3")
        if len(payload) != 5:
            raise self._fault_of(number, FRAME_SIZE_ERROR, "a PRIORITY that is not five bytes long")
        if read_long(payload) == number:
            raise self._fault_of(number, PROTOCOL_ERROR, "a stream depends on itself")

    def _fault_of(self, number: int, code: int, reason: str) -> ConnectionFault | StreamFault:
        """A stream error; a connection error if the stream does not exist and so cannot be reset."""
        kind = StreamFault if number in self._streams.live else ConnectionFault
        return kind(code, reason, "RFC 9113 section 6.3")

    def on_priority_update(self, _flags: int, number: int, payload: bytes) -> None:
        """A priority that comes before its request, or changes (RFC 9218 section 7.1)."""
        self._account.charge_useless()
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE on a stream", "RFC 9218 section 7.1")
        if len(payload) < 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PRIORITY_UPDATE is too short", "RFC 9218 section 7.1")
        prioritised, priority = read_long(payload), read_priority(payload[4:])
        if not prioritised:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE for no stream", "RFC 9218 section 7.1")
        stream = self._streams.live.get(prioritised)
        if stream is not None:
            self._sending.reprioritise(stream, priority)
        elif prioritised > self._streams.last:
            self._streams.early_priorities[prioritised] = priority
            if len(self._streams.early_priorities) + len(self._streams.live) > self._limits.streams:
                raise ConnectionFault(
                    PROTOCOL_ERROR, "too many priorities ahead of their requests", "RFC 9218 section 7.1"
                )

    def on_push_promise(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Always an error: only servers push (RFC 9113 section 8.4)."""
        raise ConnectionFault(PROTOCOL_ERROR, "a client must not push", "RFC 9113 section 8.4")
