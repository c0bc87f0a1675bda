"""What one HTTP/2 connection waits for, and what happens when it has waited long enough (rules H-17, 2-3, 2-5).

The streams' own deadlines are as in every version. Knows the connection and its streams; asks the transport only
whether the client still reads.
"""

import asyncio
from typing import TYPE_CHECKING

from esg_core.sockets.ends import abort, close, reset
from esg_core.sockets.tcp import Departure, WriteWatch, delivery, departure
from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.codes import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    SETTINGS_TIMEOUT,
)
from esg_http.h2.coding.frames import ping_frame
from esg_http.h2.engine.engine import Engine
from esg_http.h2.engine.receiving import Receiving
from esg_http.h2.engine.requests import RequestFrames
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.streams import StreamTable
from esg_http.h2.settings import H2Settings
from esg_http.multiplexed.connection import END, HEAD, IDLE, LINGER, START, StreamConnection
from esg_http.multiplexed.contracts import StreamCodes
from esg_http.multiplexed.stream import RequestStream
from esg_http.settings import LOOK

if TYPE_CHECKING:
    from esg_core.context import Context

_ARE_YOU_THERE = b"half-end"

WRITE, HALF = range(END + 1, END + 3)
"""What else it waits for: a client that does not read, a client that has closed its side."""


class Deadlines(StreamConnection):
    """A connection that does not wait forever.

    See `esg_core.contracts.Connection`, and see `esg_http.h2.engine.link.EngineLink`.
    """

    __slots__ = ("_control", "_sent_before", "_settings", "_written")

    http_version = "2"
    codes = StreamCodes(NO_ERROR, INTERNAL_ERROR, CANCEL)
    connect_section = "RFC 8441 section 4"
    transport: asyncio.Transport
    sending: Sending[RequestStream]
    _receiving: Receiving[RequestStream]
    _requests: RequestFrames[RequestStream]
    _streams: StreamTable[RequestStream]

    def __init__(self, context: "Context", settings: H2Settings, engine: Engine[RequestStream]) -> None:
        super().__init__(context, settings.http, engine)
        self._settings = settings
        self._control = engine.control
        self._written: WriteWatch | None = None
        self._sent_before = 0

    def _is_held_up(self, stream: RequestStream) -> bool:
        return stream.window <= 0

    def _count_fault(self, fault: ConnectionFault) -> None:
        if self._context.tally is not None:
            self._context.tally.has_h2_fault(fault.code)

    # Setting them.

    def _watch_writing(self, now: float) -> None:
        self._written = WriteWatch(self.transport, self._http.write, now)
        self._watch(WRITE, self._written.due)

    def _watch_half_closed(self, now: float) -> None:
        self._sent_before = self.sending.sent
        self._watch(HALF, now + LOOK)

    def has_started(self) -> None:
        self._watch(START, self._account.now + self._settings.settings_timeout)
        self._watch(IDLE, self._account.now + self._http.request_headers)

    def has_begun_block(self) -> None:
        self._watch(HEAD, self._account.now + self._http.request_headers)

    # When they pass.

    def _expire_timer(self, timer: int, now: float) -> None:
        if timer == WRITE:
            self._expire_writing(now)
        elif timer == HALF:
            self._expire_half_closed(now)
        else:
            super()._expire_timer(timer, now)

    def _expire_start(self) -> None:
        if not self._receiving.has_begun:
            self._endings.end_connection(
                ConnectionFault(PROTOCOL_ERROR, "the preface did not arrive in time", "RFC 9113 section 3.4")
            )
        elif not self._control.is_settled:
            self._endings.end_connection(
                ConnectionFault(
                    SETTINGS_TIMEOUT, "the settings were not acknowledged in time", "RFC 9113 section 6.5.3"
                )
            )

    def _expire_heads(self, now: float) -> None:
        if self._requests.block is not None:
            self._endings.end_connection(
                ConnectionFault(ENHANCE_YOUR_CALM, "a header block did not end in time", "RFC 9113 section 4.3")
            )

    def _expire_idle(self) -> None:
        if self._requests.block is None:
            super()._expire_idle()
        elif self._is_idle and not self._endings.is_over:  # a request is coming, and has its own deadline
            self._watch(IDLE, self.time() + self._http.keep_alive)

    def _expire_writing(self, now: float) -> None:
        """Check that the client still reads; abort if it has read nothing for too long (timeout-write)."""
        written = self._written
        assert written is not None
        if not written.is_given_up(self.transport, now):
            self._watch(WRITE, written.due)
            return
        if written.unsent:
            self._context.logger.warning("%s does not read its responses: aborted (timeout-write)", self._peer)
        reset(self.transport)

    def _expire_half_closed(self, now: float) -> None:
        """Reset streams that wait for a window, which nothing opens now; tell idle applications (rule H-9)."""
        if departure(self.transport) is Departure.GONE:
            self.abort()
            return
        is_idle = self.sending.sent == self._sent_before and not self.gate.closed
        if is_idle:
            self._ask_silent()
        for stream in list(self._streams.live.values()):
            if stream.unsent is not None and min(stream.window, self.sending.window) <= 0:
                stream.cut(CANCEL)
            elif is_idle and stream.unsent is None and stream.cycle is not None:
                stream.cycle.end_input()
        if self._streams.live:
            self._watch_half_closed(now)

    def _ask_silent(self) -> None:
        """Send a client that looks gone something harmless, once: one that is gone answers with a reset (rule H-25)."""
        cycles = [stream.cycle for stream in self._streams.live.values() if stream.cycle is not None]
        if self._http.asks_silent and not all(cycle.input_over for cycle in cycles):
            self.sending.put(ping_frame(_ARE_YOU_THERE))

    def _expire_end(self, now: float) -> None:
        """The client does not close its side; what is written must still be sent (timeout-write)."""
        if delivery(self.transport).unsent:
            self._watch(END, now + LINGER)
        elif self.transport.is_closing():
            abort(self.transport)
        else:
            close(self.transport)
