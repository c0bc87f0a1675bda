"""One HTTP/2 connection: the events of its transport, its writes, and how it ends.

`Serving` handles requests, `Deadlines` watches. All frames collected in one turn of the loop go out in one write.
"""

import asyncio
from typing import TYPE_CHECKING, Self, cast

from esg_core.sockets.ends import abort, close, end_for_client, end_sending
from esg_core.sockets.tls_link import outlives_input
from esg_http.call.peer import Peer
from esg_http.h2.coding.codes import CANCEL, LAST_STREAM, NO_ERROR
from esg_http.h2.coding.frames import goaway_frame, ping_frame
from esg_http.h2.deadlines import DRAIN, END, LINGER, START, WRITE, Deadlines
from esg_http.h2.engine.engine import Engine
from esg_http.h2.settings import H2Settings

if TYPE_CHECKING:
    from esg_core.context import Context

MOST_UNREAD = 262144
"""Bytes that may wait for a client that does not read; beyond that, nothing more is read from it either."""

LAST_CALL = 1.0
"""Seconds between the two GOAWAYs of a drain if the client does not answer the PING between them (rule 2-5)."""

ROOM = 262144
"""Bytes written before all other connections get their turn."""

LARGE_WRITE = 65536
"""Bytes from which on frames go separately to a transport that can gather them, instead of being copied together."""

_LAST_CALL_PING = b"draining"


class H2Connection(Deadlines, asyncio.Protocol):
    """One accepted connection; see `esg_core.contracts.Connection`, and see `esg_http.h2.engine.link.EngineLink`."""

    protocol_name = "HTTP/2"

    __slots__ = ("_drains", "_gathers", "_has_ended", "_has_eof", "_is_lost", "_is_paused", "_will_flush")

    def __init__(self, context: "Context", settings: H2Settings) -> None:
        super().__init__(context, settings, Engine(settings.limits, context.budget, self))
        self._drains = self._gathers = self._has_ended = self._has_eof = False
        self._is_lost = self._is_paused = self._will_flush = False

    @property
    def connection(self) -> Self:
        return self

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        context = self._context
        http = self._settings.http
        self._peer = Peer(context, self.transport, http.root_path, http.extensions)
        if http.alternatives is not None:
            self.heads.prefix = http.prefix_for(self._peer)
        # Some of asyncio's own transports copy, and some do not pause; over TLS each part would be a record.
        self._gathers = not self._peer.is_tls and type(transport).__module__.startswith("uvloop")
        self._timers[START] = self.deadline = self.time() + self._settings.preface_timeout
        context.join(self)
        entrance = self._settings.http.entrance
        if entrance is not None:
            self._call_limit = entrance.call_limit()
        self.sending.put(self._settings.preface)
        if context.draining:
            self.drain()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self._receiving.is_behind:  # a TLS transport may have had more in hand
            self._receiving.keep(data)
            return
        self._receiving.receive(data, self.time())
        if self._receiving.is_behind:
            self._wait_for_turn()

    def _wait_for_turn(self) -> None:
        """Pause reading until the other connections have been read from (rule H-22)."""
        self._pause_reading()
        self._context.budget.wait(self._go_on)

    def _go_on(self) -> None:
        """Continue with what came before: it is this connection's turn."""
        if self._endings.is_over:
            return
        self._receiving.receive(b"", self.time())
        if self._receiving.is_behind:
            self._context.budget.wait(self._go_on)
            return
        self._catch_up()
        if self._has_eof and not self.eof_received():
            close(self.transport)
        else:
            self._resume_reading()

    def eof_received(self) -> bool:
        """Close, unless responses are due: a client may end its sending side and still read (rule H-9)."""
        self._has_eof = True
        may_stay = outlives_input(self.transport)
        if self._receiving.is_behind and may_stay:
            return True
        for stream in [stream for stream in self._streams.live.values() if stream.upload is not None]:
            stream.cut(CANCEL)
        self._requests.ignores_new = True
        if self._has_ended:
            return False
        if self._streams.live and may_stay:
            self._watch_half_closed(self.time())
        else:
            self._close()
        return may_stay

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self.transport, exc)
        self._endings.is_over = self._has_ended = self._is_lost = True
        self._context.leave(self)
        self._context.budget.leave(self._go_on)
        self._leave_all()
        self._engine.unlink()
        self.gate.open()

    def pause_writing(self) -> None:
        self.sending.set_stuck(True)
        self.gate.close()
        self._watch_writing(self.time())

    def resume_writing(self) -> None:
        self.sending.set_stuck(False)
        if not self._endings.is_over:
            self._timers.pop(WRITE, None)
        self._resume_reading()
        self.gate.open()
        self.has_output()

    # Reading.

    @property
    def _has_much_unread(self) -> bool:
        """Whether to take no more input: what is answered at once, such as a PING, has no flow control of its own."""
        return self.transport.get_write_buffer_size() > MOST_UNREAD

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        """Read on, unless there is another reason not to."""
        if self._is_paused and (self._has_ended or not (self._receiving.is_behind or self._has_much_unread)):
            self._is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    # Writing.

    def has_output(self) -> None:
        """See `EngineLink.has_output`; writes once, at the end of the loop's turn."""
        if not self._will_flush:
            self._will_flush = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        self._will_flush = True  # so that frames made here do not schedule another flush
        sending = self.sending
        more = not sending.is_stuck and not self._has_ended and sending.fill(ROOM)
        out = sending.out
        if out and not self._has_ended:
            if self._gathers and sending.out_size >= LARGE_WRITE:
                self.transport.writelines(out)
            else:
                self.transport.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
            sending.out_size = 0
            if sending.is_stuck and self._has_much_unread:
                self._pause_reading()
        self._will_flush = False
        if more and not sending.is_stuck:
            self.has_output()

    # Ends.

    def drain(self) -> None:
        """See `Connection.drain`; announces the end, and for one more round trip accepts what is on its way."""
        if self._drains or self._endings.is_over or (self._context.patient and not self._served):
            return
        self._drains = True
        self.sending.put(goaway_frame(LAST_STREAM, NO_ERROR) + ping_frame(_LAST_CALL_PING))
        self._watch(DRAIN, self.time() + LAST_CALL)

    def has_pong(self, payload: bytes) -> None:
        """See `EngineLink.has_pong`; a client that answers has read the first GOAWAY of a drain."""
        if payload == _LAST_CALL_PING and self._drains:
            self._last_call()

    def _last_call(self) -> None:
        if self._requests.ignores_new:
            return
        self._requests.ignores_new = True
        self.sending.put(goaway_frame(self._streams.last, NO_ERROR))
        if not self._streams.live:
            self._close()

    def abort(self) -> None:
        self._endings.is_over = True
        abort(self.transport)

    def has_failed(self) -> None:
        self._leave_all()
        self._close()

    def _close(self) -> None:
        """See `Deadlines._close`; discards further input, so that the client can read everything it was sent."""
        self._endings.is_over = True
        self.flush()
        if self._has_ended:
            return
        self._has_ended = True
        self._receiving.is_behind = False
        self._resume_reading()
        if self._has_eof or not end_sending(self.transport):
            close(self.transport)
        self._watch_writing(self.time())
        self._watch(END, self.time() + LINGER)
