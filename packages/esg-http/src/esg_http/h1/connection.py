"""One HTTP/1.1 connection: the events of its transport, its deadlines, and how it ends.

`H1Input` reads, `H1Output` writes. This class adds the events, the deadlines (rule H-17: numbers that the context's
sweeper looks at, no timers) and the ways to close: at once, after everything written, or after lingering until the
client has read its last response (rule H-8).
"""

import asyncio
from math import inf
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from esg_core.asgi import Headers
from esg_core.errors import ClientDisconnected, RequestError
from esg_core.sockets.ends import abort, close, end_for_client, end_sending, reset
from esg_core.sockets.tcp import Departure, WriteWatch, delivery, departure, has_input
from esg_core.sockets.tls_link import outlives_input
from esg_core.write_pace import LOOKS
from esg_http.call.peer import Peer
from esg_http.call.refusals import answer_late, answer_unreadable, warn
from esg_http.h1.input import H1Input
from esg_http.h1.output import BY_LENGTH
from esg_http.h1.settings import H1Settings
from esg_http.h1.states import BODY, CLOSING, DISCARD, ENDING, GONE, HEAD, HOLD, IDLE, NEXT, SKIP
from esg_http.settings import LOOK

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.call.cycle import Cycle
    from esg_http.h2.settings import H2Settings

LINGER = 1.0
"""Seconds to discard input after the last response, so that the client can read it (rule H-8)."""

TLS_LINGER = 5.0
"""Seconds to wait for a client's close_notify, which it need not send (RFC 8446 section 6.1)."""


class H1Connection(H1Input):
    """One accepted connection; see `esg_core.contracts.Connection`, and see `esg_core.contracts.Stream`."""

    protocol_name = "HTTP/1.1"

    __slots__ = ("_sends_file", "_written", "check_at")

    def __init__(self, context: "Context", settings: H1Settings) -> None:
        super().__init__(context, settings)
        self._sends_file = False
        self._written: WriteWatch | None = None
        self.check_at = 0

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        self._peer = Peer(self._context, self.transport, self._settings.root_path, self._settings.extensions)
        h2 = self._settings.h2 if self._peer.protocol == "h2" else None
        if self._settings.alternatives is not None:
            self._prefix = self._settings.prefix_for(self._peer)
        if self._context.tally is not None:
            self._context.tally.has_accepted("1.1" if h2 is None else "2")
        if h2 is not None:
            self._hand_over(h2, b"")
            return
        self._await(self._time() + self._settings.request_headers)
        self._context.join(self)
        if self._settings.entrance is not None:
            self._call_limit = self._settings.entrance.call_limit()

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self.transport, exc)
        self._context.leave(self)
        self._context.budget.leave(self._go_on)
        self._reading = GONE
        self._unwritten.clear()
        self._leave_cycle()
        self.gate.open()

    def eof_received(self) -> bool:
        """Close, unless a response is due: a client may end its sending side and still read (rule H-9)."""
        self._eof = True
        may_stay = outlives_input(self.transport)
        if self._is_behind and may_stay:
            return True
        cycle = self._cycle
        is_held = self._reading is NEXT or (self._reading is HOLD and cycle is not None and not cycle.is_waiting)
        if is_held and may_stay:
            self._look_soon(-1 if cycle is None else cycle.sent)
            return True
        self._leave_cycle()
        self._close()
        return False

    def pause_writing(self) -> None:
        self.gate.close()
        self._watch_writing(self._time())

    def resume_writing(self) -> None:
        if self._reading not in ENDING:  # else everything written must be sent before the end
            self._write_deadline = inf
            self.deadline = self._read_deadline
        self.gate.open()
        self._next()

    def _leave_cycle(self) -> None:
        """Tell the cycle, if one runs, that its client is gone, and forget it."""
        cycle, self._cycle = self._cycle, None
        if cycle is not None:
            cycle.disconnect()

    def _lose_client(self) -> None:
        self._leave_cycle()
        self._keep_alive = False
        self._reading = CLOSING

    # Called by the cycle.

    @property
    def connection(self) -> Self:
        return self

    @property
    def is_trusted(self) -> bool:
        return self._peer.trust is not None

    def finished(self) -> None:
        """See `Stream.finished`; goes on with the next request, or closes."""
        self._cycle = None
        if not self._keep_alive or self._context.draining or self._body is not None:
            self._finish_unusually()
        elif self._held or self.gate.closed:
            self._reading = NEXT
            self._next_soon()
        elif self._eof:
            self._close()
        else:
            self._reading = IDLE
            # the gate is open, so no writing is watched
            self._read_deadline = self.deadline = self._time() + self._settings.keep_alive

    def _finish_unusually(self) -> None:
        """Go on after a response that is the last, or whose request is not complete yet, or while the server drains."""
        if not self._keep_alive or (self._body is not None and not self._can_skip(self._body)):
            self._end()
        elif self._body is not None:
            self._reading = SKIP
            self._resume()
        else:  # the response began before the drain did, so the client may have sent its next request
            self._reading = NEXT
            self._next_soon()

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int:
        """See `Stream.switch`; answers 101 and hands the connection to `protocol` (RFC 9110 section 7.8)."""
        self.respond_switching(headers)
        self._cycle = None
        self._reading = GONE
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self._context.leave(self)
        if self.gate.closed:
            protocol.pause_writing()
        if self._paused and not self.transport.is_closing():
            self.transport.resume_reading()  # first, so that the protocol can pause it when it is given data
        if self._held:
            protocol.data_received(self._held)
        if self._eof and not protocol.eof_received():
            close(self.transport)
        return 101

    def _hand_over(self, settings: "H2Settings", data: bytes) -> None:
        """Continue as HTTP/2: ALPN has agreed on it, or `data` begins with its preface."""
        from esg_http.h2.connection import H2Connection

        connection = H2Connection(self._context, settings)
        self._reading = GONE
        self._context.leave(self)
        self.transport.set_protocol(connection)
        connection.connection_made(self.transport)
        if data:
            connection.data_received(data)

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        """See `Stream.send_file`, which may be the first to notice that the client is gone."""
        self._sends_file = True
        try:
            await super().send_file(file, offset, size)
        except ClientDisconnected:
            self.give_up()
            raise
        finally:
            self._sends_file = False

    def give_up(self) -> None:
        if self._reading is GONE:
            return
        self._leave_cycle()
        self._prepare_end()
        self._cut()

    def drop(self) -> None:
        """See `Stream.drop`; over TCP, what has been written may be lost with the connection."""
        self._flush()
        self._lose_client()
        self._forget_input()
        reset(self.transport)

    def abort(self) -> None:
        self._cut()
        abort(self.transport)

    # Deadlines.

    def expire(self, now: float) -> None:
        """See `Connection.expire`; answers 408 if a request has begun, else closes."""
        if self._write_deadline <= now:
            self._expire_writing(now)
        elif self._reading is HEAD:
            self._refuse(RequestError(408, "the request head did not arrive in time", "RFC 9110 section 15.5.9"))
        elif self._reading is BODY:
            self._refuse(RequestError(408, "the request body did not arrive in time", "RFC 9110 section 15.5.9"))
        elif self._reading in ENDING:
            self._expire_end(now)
        elif self._reading is HOLD or self._reading is NEXT:
            self._look_for_client(now)
        else:
            self._close()

    def _look_for_client(self, now: float) -> None:
        """Ask the kernel whether the client is still there, because nothing is read from it (rules H-9, H-16)."""
        left = departure(self.transport)
        if left is Departure.GONE:
            abort(self.transport)
            return
        cycle = self._cycle
        if cycle is not None:
            is_idle = cycle.sent == self._sent_before and not self.gate.closed and not self._sends_file
            self._sent_before = cycle.sent
            if is_idle and (self._eof or left is Departure.SILENT):
                self._ask_silent(cycle)
                cycle.end_input()
        self._await(now + LOOK)

    def _ask_silent(self, cycle: "Cycle") -> None:
        """Send a client that looks gone something harmless, once: one that is gone answers with a reset (rule H-25)."""
        if self._settings.asks_silent and not cycle.input_over and not cycle.response_started:
            self.inform(100, [])

    def _expire_end(self, now: float) -> None:
        """Close, unless something written is still to be sent, for which there is timeout-write."""
        if delivery(self.transport).unsent:
            self._await(now + LINGER)
        elif self._reading is DISCARD:
            self._hang_up()
        else:
            abort(self.transport)

    def _watch_writing(self, now: float) -> None:
        settings = self._settings
        self._written = written = WriteWatch(self.transport, settings.write, now)
        self._write_deadline = written.due
        self.deadline = min(self._read_deadline, written.due)
        if settings.write.timeout < LOOKS * settings.shortest_timeout:
            self._hasten()

    def _expire_writing(self, now: float) -> None:
        """Check that the client still reads; abort if it has read too little for too long (timeout-write)."""
        written = self._written
        assert written is not None
        if written.is_given_up(self.transport, now):
            if written.unsent:
                self._context.logger.warning("%s does not read its response: aborted (timeout-write)", self._peer)
            reset(self.transport)
            return
        self._write_deadline = written.due
        self.deadline = min(self._read_deadline, written.due)

    def _hasten(self) -> None:
        self._context.sweeper.hasten(self)

    # Ends.

    def drain(self) -> None:
        """See `Connection.drain`; closes an idle connection, unless its next request is already here (rule L-2)."""
        is_new = not self._served
        if self._reading is IDLE and not (is_new and self._context.patient) and not has_input(self.transport):
            self._hang_up()

    def _refuse(self, error: RequestError) -> None:
        """Answer a request that breaks HTTP, and close (rule H-11)."""
        warn(self._context, self._peer, error)
        self._keep_alive = False
        cycle = self._cycle
        if cycle is None:
            self.is_head = False
            answer_unreadable(self._context, self, self._peer, error)
            self._end()
        elif cycle.response_started:
            self.give_up()
        else:
            answer_late(cycle, error)

    def _end(self) -> None:
        """Let the client read the last response before the connection is closed."""
        if self._reading is CLOSING:
            return
        self._framing = BY_LENGTH
        unread = self._body is not None or bool(self._held) or self._intake is not None
        if self._eof or (not unread and (self._peer.is_tls or self._context.draining)):
            self._close()
            return
        self._reading = DISCARD
        self._forget_input()
        if self._paused:
            self._resume()
        end_sending(self.transport)
        self._watch_writing(self._time())
        self._await(self._time() + LINGER)
        self._hasten()

    def _close(self) -> None:
        """Close once everything written has been sent, within timeout-write."""
        self._prepare_end()
        self._forget_input()
        close(self.transport)

    def _prepare_end(self) -> None:
        """Read nothing more, and watch that everything written is sent and that TLS ends."""
        is_watched = self._reading is DISCARD
        self._reading = CLOSING
        self._read_deadline = inf
        if is_watched:
            self.deadline = self._write_deadline
        else:
            self._watch_writing(self._time())
        if self._peer.is_tls:
            self._await(self._time() + TLS_LINGER)
            self._hasten()

    def _hang_up(self) -> None:
        """Close without waiting for the close_notify of a client that has its response."""
        sent = not delivery(self.transport).unsent
        self._close()
        if sent and self._peer.is_tls:
            self._context.loop.call_soon(abort, self.transport)

    def _forget_input(self) -> None:
        self._body = None
        self._held = b""
        self._intake = None
