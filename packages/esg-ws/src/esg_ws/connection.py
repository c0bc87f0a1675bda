"""One WebSocket connection: the events of its transport, its deadlines, and how it ends.

Knows frames and the transport, no ASGI: messages go to an `Inbox`, the cycle of the application, which is also told
when the connection ends. `FrameReader` reads. Deadlines are numbers that the sweeper looks at: the next ping or a
missing pong, a client that does not read, the end of the closing handshake (rules S-3, S-4).
"""

import asyncio
from math import inf
from typing import TYPE_CHECKING, NamedTuple, cast

from esg_core.sockets.ends import abort, close, end_for_client, end_sending, reset
from esg_core.sockets.tcp import Delivery, Departure, WriteWatch, delivery, departure
from esg_core.waiting import WriteGate
from esg_ws.assembler import Inbox
from esg_ws.deflate import WORTH_COMPRESSING, Deflate
from esg_ws.frames import (
    ABNORMAL,
    CLOSE,
    INTERNAL_ERROR,
    PING,
    PONG,
    REASONS,
    RSV1,
    SERVICE_RESTART,
    SHORT_HEADS,
    WebSocketError,
    close_payload,
    control,
    head,
)
from esg_ws.intake import FrameReader
from esg_ws.keepalive import Keepalive
from esg_ws.settings import Settings

if TYPE_CHECKING:
    from esg_core.context import Context

CLOSE_PATIENCE = 5.0
"""Seconds for a client to answer a close (rule S-4); they restart while it reads what was sent before."""

LAST_MESSAGES = 1.0
"""Seconds for the application to receive and answer the messages that came before the end (rule S-5)."""

LARGE_PAYLOAD = 262144
"""A payload of at least this size, in bytes, goes to the transport as it is instead of being copied behind its head."""

LINGER = 1.0
"""Seconds to discard input over TLS after a client broke a rule, so that it can read why."""

OPEN, CLOSING, PARTING, LINGERING, ENDED = range(5)
"""CLOSING: our close is sent, and the client's is awaited. From PARTING on nothing is read, and our close is due; from
LINGERING on it is sent, and the transport must be closed."""


class Farewell(NamedTuple):
    """How a connection ends that the client has ended: what the application is told, and the answer to the client."""

    code: int
    reason: str
    answer: bytes
    is_failure: bool


class Connection(asyncio.Protocol):
    """One accepted WebSocket; see `esg_core.contracts.Connection`, and see `esg_ws.intake.Controls`."""

    websockets = 1
    protocol_name = "WebSocket"

    __slots__ = (
        "_context",
        "_deflate",
        "_delivered",
        "_end_deadline",
        "_farewell",
        "_inbox",
        "_intake",
        "_keepalive",
        "_left",
        "_opened_at",
        "_owed_pong",
        "_settings",
        "_state",
        "_tally",
        "_transport",
        "_write_deadline",
        "_written",
        "check_at",
        "deadline",
        "gate",
        "is_logged",
        "paused",
    )

    def __init__(self, context: "Context", settings: Settings, inbox: Inbox, deflate: Deflate | None) -> None:
        self._context = context
        self._tally, self._opened_at = context.tally, context.loop.time()
        self._settings = settings
        self._inbox = inbox
        self._deflate = deflate
        self._intake = FrameReader(settings.make_codec, self, inbox, deflate, settings.max_size, context.budget)
        self._state = OPEN
        self._delivered = Delivery(0, 0)
        self._written: WriteWatch | None = None
        self._left = 0
        self._farewell: Farewell | None = None
        self._owed_pong: bytes | None = None
        self._write_deadline = self._end_deadline = self.deadline = inf
        self.check_at = 0
        self.paused = False
        self.is_logged = False  # whether the access log tells of it
        self.gate = WriteGate(context.loop)

    @property
    def transport(self) -> asyncio.Transport:
        """For the log at the level trace."""
        return self._transport

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        settings = self._settings
        self._keepalive = Keepalive(settings.ping_interval, settings.ping_timeout, self._context.loop.time())
        self.deadline = self._keepalive.due
        self._context.join(self)
        if self._tally is not None:
            self._tally.ws_opened += 1

    def data_received(self, data: bytes) -> None:
        if self.paused:
            self._intake.hold(data)
            self._transport.pause_reading()  # other code has resumed it
        elif self._state < PARTING:
            try:
                is_done = self._intake.feed(data)
            except WebSocketError as error:
                self._refuse(error)
            else:
                if not is_done and self._state < PARTING:
                    self._pause()

    def eof_received(self) -> bool:
        """A client that ends its sending side without a close is gone."""
        self._lose()
        self._end_by(CLOSE_PATIENCE)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self._transport, exc)
        context = self._context
        context.leave(self)
        context.budget.leave(self._read_on)
        self._settings.seats.give_back()
        self._lose()
        if self._tally is not None:
            self._tally.ws_duration.observe(context.loop.time() - self._opened_at)
        self.gate.open()
        self._intake.close()
        if self.is_logged and context.access is not None:
            context.access.tell("connection closed", self._inbox)
        del self._inbox, self._intake  # they refer to this object, and all would wait for the garbage collector

    def pause_writing(self) -> None:
        self.gate.close()
        self._watch_writing(self._context.loop.time())

    def resume_writing(self) -> None:
        self._write_deadline = inf
        self._set_deadline()
        self.gate.open()
        if self._owed_pong is not None:
            payload, self._owed_pong = self._owed_pong, None
            self.on_ping(payload)

    # Called by the cycle.

    def send(self, first: int, payload: bytes) -> None:
        """Send a whole message; `first` is `frames.TEXT_MESSAGE` or `BINARY_MESSAGE`.

        Drops it if the connection is lost and the loop has had no chance to say so.
        """
        if self._transport.is_closing():
            self._lose()
            return
        if self._tally is not None:
            self._tally.has_sent_message()
        if self._deflate is not None and len(payload) >= WORTH_COMPRESSING:
            first |= RSV1
            payload = self._deflate.compress(payload)
        size = len(payload)
        if size < 126:
            self._transport.write(SHORT_HEADS[first][size] + payload)
        elif size < LARGE_PAYLOAD:
            self._transport.write(head(first, size) + payload)
        else:
            # Two writes: asyncio's own writelines() copies before 3.12, and does not pause in some versions since.
            self._transport.write(head(first, size))
            self._transport.write(payload)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake, unless it has begun."""
        if self._state == OPEN:
            self._inbox.end(code, reason)
            self._transport.write(control(CLOSE, close_payload(code, reason)))
            self._state = CLOSING
            self._intake.drop()
            self._delivered = delivery(self._transport)
            self._end_by(CLOSE_PATIENCE)
            self.go_on()
        else:
            self._part()

    def go_on(self) -> None:
        """Resume reading in one of the next turns of the loop, if it was paused and there is room again."""
        if self.paused and self._may_go_on:
            self._context.budget.wait(self._read_on)

    def _read_on(self) -> None:
        """Resume reading: it is this connection's turn."""
        if not self._may_go_on or self._transport.is_closing():
            return
        self.paused = False
        self._keepalive.postpone(self._context.loop.time())
        self.data_received(b"")
        if not self.paused and not self._transport.is_closing():
            self._transport.resume_reading()

    @property
    def _may_go_on(self) -> bool:
        if self._state != OPEN:  # after our close, messages are dropped
            return self._state == CLOSING
        return self._inbox.has_room_for(self._intake.collected)

    # Called by the reader.

    def on_ping(self, payload: bytes) -> None:
        """See `Controls.on_ping`; only the latest ping needs an answer (RFC 6455 section 5.5.3)."""
        if self.gate.closed:
            self._owed_pong = payload
        elif self._state == OPEN and not self._transport.is_closing():  # asyncio warns about each late write
            self._transport.write(control(PONG, payload))

    def on_pong(self, payload: bytes) -> None:
        if self._keepalive.answer(payload):
            self._intake.rest()
            self._set_deadline()
            self._context.sweeper.hasten(self)

    def on_close(self, code: int, reason: str) -> None:
        """See `Controls.on_close`; answers and closes the connection (RFC 6455 section 7.1.1)."""
        self._part_soon(Farewell(code, reason, close_payload(code, reason), is_failure=False))

    # Deadlines.

    def expire(self, now: float) -> None:
        if self._end_deadline <= now:
            self._expire_end()
        elif self._write_deadline <= now:
            self._expire_writing(now)
        elif self._keepalive.due <= now:
            self._keep_alive(now)
        self._set_deadline()

    def _set_deadline(self) -> None:
        self.deadline = min(self._keepalive.due, self._write_deadline, self._end_deadline)

    def _end_by(self, seconds: float) -> None:
        """Set the deadline for the next step of closing."""
        self._keepalive.stop()
        self._delivered = delivery(self._transport)
        self._end_deadline = self._context.loop.time() + seconds
        self._set_deadline()
        self._context.sweeper.hasten(self)

    def _expire_end(self) -> None:
        if self._state == PARTING:
            self._part()
        elif self._state == LINGERING:
            self._state = ENDED
            self._end_by(CLOSE_PATIENCE)
            close(self._transport)
        elif self._is_being_read():
            self._end_by(CLOSE_PATIENCE)
        else:
            abort(self._transport)

    def _is_being_read(self) -> bool:
        """Whether the client is still reading what was sent before the close; a drain does not wait for that."""
        found = delivery(self._transport)
        return not self._context.draining and found.unsent > 0 and found.moved_since(self._delivered) > 0

    def _keep_alive(self, now: float) -> None:
        is_waiting = self._keepalive.is_waiting
        left = departure(self._transport) if self.paused else Departure.NONE  # unseen while nothing is read
        is_silent = left is Departure.SILENT
        if left is Departure.GONE or (is_silent and is_waiting and not self._transport.can_write_eof()):
            abort(self._transport)
        elif is_silent or not is_waiting:  # ping a half-closed client again: one that is gone answers with a reset
            self._transport.write(control(PING, self._keepalive.ping(now)))
            self._left = self._intake.left
        elif self._may_be_there():
            self._keepalive.postpone(now)
        else:
            self._context.logger.info("%s does not answer pings: closed (ws-ping-timeout)", self._inbox)
            self.close(INTERNAL_ERROR, "keepalive ping timeout")

    def _may_be_there(self) -> bool:
        """Whether the pong may merely be late: reading or writing is paused, or a long message comes before it."""
        before, self._left = self._left, self._intake.left
        return self.paused or self.gate.closed or self._left not in (0, before)

    def _watch_writing(self, now: float) -> None:
        self._written = WriteWatch(self._transport, self._settings.write, now)
        self._write_deadline = self._written.due
        self._set_deadline()
        self._context.sweeper.hasten(self)

    def _expire_writing(self, now: float) -> None:
        """Check that the client still reads; abort if it has read nothing for too long (timeout-write)."""
        written = self._written
        assert written is not None
        self._write_deadline = inf
        if not written.is_given_up(self._transport, now):
            self._write_deadline = written.due
        else:
            self._context.logger.warning("%s does not read its messages: aborted (timeout-write)", self._inbox)
            reset(self._transport)

    # Ends.

    def drain(self) -> None:
        """See `Connection.drain` (rule S-4)."""
        self.close(SERVICE_RESTART, "service restart")

    def drop(self) -> None:
        """Break off with a reset, of the connection or in HTTP/2 of the stream (rule H-26)."""
        self._lose()
        reset(self._transport)

    def abort(self) -> None:
        abort(self._transport)

    def _refuse(self, error: WebSocketError) -> None:
        """Fail the connection of a client that broke a rule, and say why (RFC 6455 section 7.1.7)."""
        self._context.logger.warning("closed the WebSocket of %s: %s (%d)", self._inbox, error, error.code)
        reason = REASONS[error.code]
        self._part_soon(Farewell(error.code, reason, close_payload(error.code, reason), is_failure=True))

    def _part_soon(self, farewell: Farewell) -> None:
        """Stop reading, and end the connection when the application has what came before (rule S-5)."""
        self._farewell = farewell
        if self._state != OPEN:
            self._hang_up(farewell)
            return
        self._state = PARTING
        self._end_by(LAST_MESSAGES)
        self._inbox.when_empty(self._part)

    def _part(self) -> None:
        """Send the close frame, if that is still to be done."""
        farewell = self._farewell
        if self._state == PARTING and farewell is not None:
            self._transport.write(control(CLOSE, farewell.answer))
            self._inbox.end(farewell.code, farewell.reason)
            self._hang_up(farewell)

    def _hang_up(self, farewell: Farewell) -> None:
        """Close, but only after a client that is still sending has had time to read why."""
        self._state = ENDED
        self._end_by(CLOSE_PATIENCE)
        if not farewell.is_failure:
            close(self._transport)
        elif not end_sending(self._transport):
            self._state = LINGERING
            self._end_by(LINGER)

    def _lose(self) -> None:
        """The client is gone."""
        self._state = ENDED
        self.paused = False
        self._inbox.end(*(self._farewell[:2] if self._farewell is not None else (ABNORMAL, "")))

    def _pause(self) -> None:
        """Stop reading until the cycle has room, or until other connections have had their turn."""
        self.paused = True
        self._transport.pause_reading()
        self.go_on()
