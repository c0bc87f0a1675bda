"""One QUIC connection of aioquic's: datagrams on one side, `esg_http.h3.quic` on the other.

Knows no socket: its endpoint passes datagrams in and takes them out.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aioquic.quic import events

from esg_core.contracts import DatagramPath
from esg_http.h3.aioquic_connection import Identity, QuicLimits, ServerQuic

if TYPE_CHECKING:
    from esg_http.h3.certificates import Credentials
    from esg_http.h3.quic import QuicUser

NO_ERROR = 0x100
"""H3_NO_ERROR (RFC 9114 section 8.1)."""

FAULTLESS = (0, NO_ERROR)
"""Codes of an end without a fault: of QUIC, and of HTTP/3."""

_KEY_BITS = {"TLS_AES_128_GCM_SHA256": 128}


class Host(Protocol):
    """The endpoint, as its connections see it."""

    def transmit(self, datagram: bytes, path: DatagramPath) -> None:
        """Send a datagram now."""

    def flush_soon(self, transport: "AioquicTransport") -> None:
        """Call `flush()` at the end of this turn."""

    def established(self, transport: "AioquicTransport", result: str) -> None:
        """The handshake is over: `ok`, `failed` or `timeout`, or empty if it had not begun."""

    def has_fault(self, code: int, *, of_quic: bool) -> None:
        """The connection ends with an error that the client is told, of QUIC or of HTTP/3."""

    def make_id(self, transport: "AioquicTransport") -> bytes:
        """A new ID, whose datagrams come to this connection from now on."""

    def reset_token(self, connection_id: bytes) -> bytes:
        """The token of an ID's stateless reset."""

    def retire(self, transport: "AioquicTransport", connection_id: bytes) -> None:
        """Forget one of its IDs."""

    def gone(self, transport: "AioquicTransport") -> None:
        """Forget all of its IDs: nothing that comes for it matters any more."""

    def moved(self, transport: "AioquicTransport") -> None:
        """Its timer has moved."""

    def server_name(self, path: DatagramPath) -> tuple[Any, ...]:
        """The address that a client sends to."""

    def now(self) -> float:
        """The time of the loop."""


class QuicSettings(NamedTuple):
    """What all connections of a server share."""

    limits: QuicLimits
    credentials: "Callable[[str | None], Credentials]"
    make_user: "Callable[[], QuicUser]"
    """Makes the HTTP/3 connection, once the handshake is complete."""


class Origin(NamedTuple):
    """How a connection began."""

    path: DatagramPath
    deadline: float
    """Loop time at which the handshake must be over."""

    original_id: bytes
    """The ID that the client sent its first packet to."""

    retry_id: bytes | None
    """The ID that a Retry has asked it to send to."""


class AioquicTransport:
    """See `esg_http.h3.quic.QuicTransport`."""

    __slots__ = (
        "_closed",
        "_deadline",
        "_farewell",
        "_host",
        "_is_established",
        "_late",
        "_make_user",
        "_path",
        "_pinged_for",
        "_quic",
        "_user",
        "ids",
        "queued",
        "timer",
    )

    def __init__(self, host: Host, settings: QuicSettings, origin: Origin) -> None:
        self._host = host
        self._make_user = settings.make_user
        self._path = origin.path
        self._deadline = origin.deadline
        self.ids: set[bytes] = set()
        identity = Identity(partial(host.make_id, self), host.reset_token, settings.credentials)
        self._quic = ServerQuic(settings.limits, identity, origin.original_id, origin.retry_id)
        self._user: QuicUser | None = None
        self._is_established = False
        self._closed = False
        self._pinged_for = math.inf
        self._late = 0
        self._farewell: list[tuple[bytes, DatagramPath]] = []
        self.timer = math.inf
        self.queued: list[float] = []

    # What HTTP/3 calls.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return self._current_path.peer
        if name == "sockname":
            return self._host.server_name(self._current_path)
        if name == "cipher" and not self._closed and self._quic.cipher is not None:
            return self._quic.cipher, "TLSv1.3", _KEY_BITS.get(self._quic.cipher, 256)
        if name == "server_hostname" and not self._closed:
            return self._quic.server_name
        return default

    def is_closing(self) -> bool:
        return self._closed or self._quic.is_closing

    def send(self, stream: int, data: bytes, end: bool) -> None:
        if not self._closed:
            try:
                self._quic.send_stream_data(stream, data, end)
            except (ValueError, RuntimeError):  # aioquic's, for a stream that is over
                return
            self._host.flush_soon(self)

    def open_unidirectional(self) -> int:
        number: int = self._quic.get_next_available_stream_id(is_unidirectional=True)
        self._quic.send_stream_data(number, b"")  # now it counts as opened
        return number

    def reset(self, stream: int, code: int) -> None:
        if not self._closed:
            try:
                self._quic.reset_stream(stream, code)
            except ValueError:  # the client's own, or one that was never opened
                return
            self._quic.changed()
            self._host.flush_soon(self)

    def stop(self, stream: int, code: int) -> None:
        if not self._closed:
            try:
                self._quic.stop_stream(stream, code)
            except ValueError:  # it is over
                return
            self._host.flush_soon(self)

    def window(self, stream: int) -> int:
        return 0 if self._closed else self._quic.window(stream)

    def connection_window(self) -> int:
        return 0 if self._closed else self._quic.connection_window()

    def unsent(self) -> int:
        return 0 if self._closed else self._quic.unsent()

    def is_delivered(self) -> bool:
        return self._closed or self._quic.is_delivered

    def consumed(self, stream: int, size: int) -> None:
        if not self._closed and self._quic.open_window(stream, size):
            self._host.flush_soon(self)

    def close(self, code: int, reason: str) -> None:
        if not self._closed:
            self._quic.close(error_code=code, reason_phrase=reason)
            self._host.flush_soon(self)

    def abort(self) -> None:
        """See `QuicTransport.abort`; the client is told, in one datagram that is not repeated."""
        if not self._closed:
            self._quic.close(error_code=NO_ERROR)
            self.flush(self._host.now())

    # What the endpoint calls.

    @property
    def has_authenticated(self) -> bool:
        """Whether any packet of the client's could be decrypted."""
        return self._closed or self._quic.has_authenticated

    def receive(self, datagram: bytes, path: DatagramPath, now: float) -> None:
        """Take in a datagram for one of its IDs."""
        if self._closed:
            self._repeat_farewell(len(datagram))
            return
        self._quic.receive_datagram(datagram, path, now)
        self._take_events(now)

    def expire(self, now: float) -> None:
        """Its timer is due."""
        self.timer = math.inf
        if self._closed:
            self._host.gone(self)
            return
        if not self._is_established and now >= self._deadline:
            self.drop(TimeoutError("the QUIC handshake took too long"))
            return
        due = self._quic.get_timer()
        if due is not None and now >= due:
            self._quic.handle_timer(now)
        elif self._pinged_for != self._quic.ends_at:
            self._pinged_for = self._quic.ends_at
            if self._quic.has_requests:  # a slow application must not look like a dead connection
                self._quic.send_ping(0)
        self._take_events(now)

    def flush(self, now: float) -> None:
        """Send what there is to send, as far as the client's windows and the network allow."""
        if self._closed:
            return
        datagrams = self._quic.datagrams_to_send(now)
        for datagram, path in datagrams:
            self._host.transmit(datagram, path)
        self._quic.changed()
        if self._quic.has_ended:
            self._end(datagrams)
            return
        self._set_timer()
        if self._user is not None:
            self._user.progressed()

    def drop(self, exc: Exception | None = None) -> None:
        """Forget the connection without a word to the client."""
        if not self._closed:
            self._lose(exc)
        self._host.gone(self)

    # Inside.

    @property
    def _current_path(self) -> DatagramPath:
        """Where the client is now."""
        current = None if self._closed else self._quic.get_peer_address()
        return self._path if current is None else current

    def _take_events(self, now: float) -> None:
        """Tell HTTP/3 what has happened."""
        self._quic.changed()
        while not self._closed:
            event = self._quic.next_event()
            if event is None:
                break
            handle = _HANDLERS.get(type(event))
            if handle is not None:
                handle(self, event)
        if self._closed:
            return
        if self._quic.has_ended:
            self._end([])
        else:
            self._host.flush_soon(self)

    def _on_data(self, event: events.StreamDataReceived) -> None:
        if self._user is not None:
            self._user.stream_data(event.stream_id, event.data, event.end_stream)

    def _on_reset(self, event: events.StreamReset) -> None:
        if self._user is not None:
            self._user.stream_reset(event.stream_id, event.error_code)

    def _on_stop(self, event: events.StopSendingReceived) -> None:
        if self._user is not None:
            self._user.stream_stopped(event.stream_id, event.error_code)

    def _on_handshake(self, _event: events.HandshakeCompleted) -> None:
        self._establish("ok")
        self._user = self._make_user()
        self._user.connected(self)

    def _on_retired(self, event: events.ConnectionIdRetired) -> None:
        self._host.retire(self, event.connection_id)

    def _establish(self, result: str) -> None:
        if not self._is_established:
            self._is_established = True
            self._host.established(self, result)

    def _set_timer(self) -> None:
        due = self._quic.get_timer()
        timer = math.inf if due is None else due
        if not self._is_established:
            timer = min(timer, self._deadline)
        elif self._pinged_for != self._quic.ends_at:
            timer = min(timer, self._quic.ends_at - self._quic.idle_limit / 2)
        self.timer = timer
        self._host.moved(self)

    def _end(self, farewell: list[tuple[bytes, DatagramPath]]) -> None:
        """The connection is over: its IDs stay known for a while, so that what is on its way is not answered."""
        self._farewell = farewell
        ended, self.timer = self._quic.closing_event, self._quic.ends_at
        if self.timer == math.inf:  # it has been silent for long enough
            self._host.gone(self)
        else:
            self._host.moved(self)
        if farewell and ended is not None and ended.error_code not in FAULTLESS:
            self._host.has_fault(ended.error_code, of_quic=ended.frame_type is not None)
        self._lose(_fault(ended))

    def _lose(self, exc: Exception | None) -> None:
        self._path = self._current_path
        self._establish(_result(exc) if self.has_authenticated else "")
        self._closed = True
        self._quic.forget()
        user, self._user = self._user, None
        if user is not None:
            user.lost(exc)

    def _repeat_farewell(self, size: int) -> None:
        """Say again that the connection is closed, ever more rarely (RFC 9000 section 10.2.1)."""
        self._late += 1
        if self._late & (self._late - 1) == 0:
            for datagram, path in self._farewell:
                if len(datagram) <= size:
                    self._host.transmit(datagram, path)


_HANDLERS: dict[type[events.QuicEvent], Callable[[AioquicTransport, Any], None]] = {
    events.StreamDataReceived: AioquicTransport._on_data,  # noqa: SLF001 - its own methods
    events.StreamReset: AioquicTransport._on_reset,  # noqa: SLF001
    events.StopSendingReceived: AioquicTransport._on_stop,  # noqa: SLF001
    events.HandshakeCompleted: AioquicTransport._on_handshake,  # noqa: SLF001
    events.ConnectionIdRetired: AioquicTransport._on_retired,  # noqa: SLF001
}


def _result(exc: Exception | None) -> str:
    """What became of a handshake that was not completed."""
    return "timeout" if isinstance(exc, TimeoutError) else "failed"


def _fault(ended: events.ConnectionTerminated | None) -> Exception | None:
    """The fault that ended a connection; None if it was none."""
    if ended is None or ended.error_code in FAULTLESS:
        return None
    if ended.reason_phrase == "Idle timeout":
        return TimeoutError("the client has been silent for too long")
    return ConnectionAbortedError(f"QUIC error {ended.error_code:#x}: {ended.reason_phrase}")
