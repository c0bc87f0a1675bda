"""The frames that are about the connection, or about a stream but not about its content (RFC 9113 section 6).

Sans-I/O. Each method takes one whole frame of its type. What an honest client sends seldom is paid for out of an
allowance (rule 2-3).
"""

from abc import abstractmethod

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
    STREAM_CLOSED,
    WINDOW_UPDATE,
)
from esg_http.h2.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.frames import SETTINGS_ACK, ping_frame, read_long, read_settings
from esg_http.h2.engine.allowance import Allowance
from esg_http.h2.engine.costs import BYTES_A_UNIT, CANCELLATION
from esg_http.h2.engine.limits import H2Limits
from esg_http.h2.engine.priority import Priority, read_priority
from esg_http.h2.engine.sending import S, Sending
from esg_http.h2.engine.states import AFTER_ALL, CLOSED, EFFECTS, GOES_ON, IDLE, OPENS, RESET, TOO_LATE, WRONG

SETTINGS_A_FRAME = 8
"""Settings that count as one frame."""


class ControlFrames(Sending[S]):
    """A connection that obeys control frames; `last` is the highest stream that the client has opened."""

    __slots__ = (
        "_client_resets",
        "_control_frames",
        "_early_priorities",
        "_limits",
        "_now",
        "_room",
        "is_settled",
        "last",
    )

    def __init__(self, limits: H2Limits) -> None:
        super().__init__()
        self._limits = limits
        self._client_resets = Allowance(limits.client_resets, "cancelled streams")
        self._control_frames = Allowance(limits.control_frames, "frames without use")
        self._early_priorities: dict[int, Priority] = {}
        self._now = 0.0
        self._room = 0
        self.last = 0
        self.is_settled = False

    def _state_of(self, number: int) -> int:
        stream = self.live.get(number)
        if stream is not None:
            return stream.state
        if number > self.last or not number & 1:
            return IDLE
        return RESET if number in self._resets else CLOSED

    def _effect(self, kind: int, number: int) -> int:
        """What a frame does in the state that its stream is in; raises what is wrong with it."""
        effect = EFFECTS[kind][self._state_of(number)]
        if effect == TOO_LATE:
            raise StreamFault(STREAM_CLOSED, "a frame after the end of its stream", "RFC 9113 section 5.1")
        if effect == AFTER_ALL:
            raise ConnectionFault(STREAM_CLOSED, "a frame on a closed stream", "RFC 9113 section 5.1")
        if effect == WRONG or effect == OPENS:
            raise ConnectionFault(PROTOCOL_ERROR, "a frame on a stream that cannot have it", "RFC 9113 section 5.1")
        return effect

    def on_settings(self, flags: int, number: int, payload: bytes) -> None:
        """The client's settings, or its word that it has read ours (RFC 9113 section 6.5)."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS of a stream", "RFC 9113 section 6.5")
        if flags & ACK:
            if payload:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a SETTINGS ack with a payload", "RFC 9113 section 6.5")
            self._control_frames.spend(self._now)
            self.is_settled = True
            return
        settings = list(read_settings(payload))
        self._control_frames.spend(self._now, 1 + len(settings) // SETTINGS_A_FRAME)
        self._room -= len(payload) // BYTES_A_UNIT
        for setting, value in settings:
            self._obey(setting, value)
        window = dict(settings).get(INITIAL_WINDOW_SIZE)
        if window is not None:  # the last of several: each would be a step for every stream
            self.set_stream_window(window)
        self.put(SETTINGS_ACK)

    def _obey(self, setting: int, value: int) -> None:
        """Check and obey one setting (RFC 9113 section 6.5.2), but for the window; unknown ones are ignored."""
        if setting == HEADER_TABLE_SIZE:
            self.encoder.resize(value)
        elif setting == INITIAL_WINDOW_SIZE:
            if value > LAST_STREAM:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "a window beyond 2^31-1", "RFC 9113 section 6.5.2")
        elif setting == MAX_FRAME_SIZE:
            if not DEFAULT_FRAME_SIZE <= value <= LARGEST_FRAME_SIZE:
                raise ConnectionFault(PROTOCOL_ERROR, "a frame size out of bounds", "RFC 9113 section 6.5.2")
            self.set_frame_size(value)
        elif setting in (ENABLE_PUSH, NO_RFC7540_PRIORITIES) and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "a setting that is neither on nor off", "RFC 9113 section 6.5.2")

    def on_ping(self, flags: int, number: int, payload: bytes) -> None:
        """Answered at once (RFC 9113 section 6.7)."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "PING of a stream", "RFC 9113 section 6.7")
        if len(payload) != 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PING without eight bytes", "RFC 9113 section 6.7")
        self._control_frames.spend(self._now)
        if flags & ACK:
            self._has_pong(payload)
        else:
            self.put(ping_frame(payload, ack=True))

    def on_goaway(self, _flags: int, number: int, payload: bytes) -> None:
        """The client opens no more streams (RFC 9113 section 6.8); those that there are go on."""
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "GOAWAY of a stream", "RFC 9113 section 6.8")
        if len(payload) < 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "GOAWAY is too short", "RFC 9113 section 6.8")
        self._control_frames.spend(self._now)

    def on_window_update(self, _flags: int, number: int, payload: bytes) -> None:
        """RFC 9113 section 6.9."""
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "WINDOW_UPDATE without four bytes", "RFC 9113 section 6.9")
        if self.updates_due > 0:
            self.updates_due -= 1
        else:
            self._control_frames.spend(self._now)
        increment = read_long(payload)
        if not number:
            if not increment:
                raise ConnectionFault(PROTOCOL_ERROR, "a window opened by nothing", "RFC 9113 section 6.9")
            self.widen(increment)
        elif self._effect(WINDOW_UPDATE, number) == GOES_ON:
            if not increment:
                raise StreamFault(PROTOCOL_ERROR, "a window opened by nothing", "RFC 9113 section 6.9")
            self.widen_stream(self.live[number], increment)

    def on_rst_stream(self, _flags: int, number: int, payload: bytes) -> None:
        """The client has lost interest in a stream (RFC 9113 section 6.4)."""
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "RST_STREAM without four bytes", "RFC 9113 section 6.4")
        if self._effect(RST_STREAM, number) == GOES_ON:
            self._client_resets.spend(self._now)
            self._room -= CANCELLATION
            stream = self.live[number]
            self._close_stream(stream, CLOSED)
            stream.on_reset()
        else:
            self._control_frames.spend(self._now)

    def on_priority(self, _flags: int, number: int, payload: bytes) -> None:
        """The priorities of RFC 7540, which nobody follows any more (RFC 9113 section 5.3); only checked."""
        self._control_frames.spend(self._now)
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY of no stream", "RFC 9113 section 6.3")
        if len(payload) != 5:
            raise self._fault_of(number, FRAME_SIZE_ERROR, "PRIORITY without five bytes")
        if read_long(payload) == number:
            raise self._fault_of(number, PROTOCOL_ERROR, "a stream depends on itself")

    def _fault_of(self, number: int, code: int, reason: str) -> ConnectionFault | StreamFault:
        """An error of a stream; of the connection if there is no such stream, because that cannot be reset."""
        kind = StreamFault if number in self.live else ConnectionFault
        return kind(code, reason, "RFC 9113 section 6.3")

    def on_priority_update(self, _flags: int, number: int, payload: bytes) -> None:
        """A priority that comes before its request, or changes (RFC 9218 section 7.1)."""
        self._control_frames.spend(self._now)
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE of a stream", "RFC 9218 section 7.1")
        if len(payload) < 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PRIORITY_UPDATE is too short", "RFC 9218 section 7.1")
        prioritised, priority = read_long(payload), read_priority(payload[4:])
        if not prioritised:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE for no stream", "RFC 9218 section 7.1")
        stream = self.live.get(prioritised)
        if stream is not None:
            self.reprioritise(stream, priority)
        elif prioritised > self.last:
            self._early_priorities[prioritised] = priority
            if len(self._early_priorities) + len(self.live) > self._limits.streams:
                raise ConnectionFault(PROTOCOL_ERROR, "too many priorities ahead", "RFC 9218 section 7.1")

    def on_push_promise(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Never right (RFC 9113 section 8.4)."""
        raise ConnectionFault(PROTOCOL_ERROR, "a client pushes", "RFC 9113 section 8.4")

    def on_unknown(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Ignored, as RFC 9113 section 5.5 wants."""
        self._control_frames.spend(self._now)

    @abstractmethod
    def _has_pong(self, payload: bytes) -> None:
        """The answer to a PING of this side has come."""
