"""TLS handshakes of accepted connections, each step in its turn (rule H-23).

A handshake takes the server a millisecond or two, almost all of it for one signature, so a burst of them would hold up
everything else that the loop serves. Therefore TLS does not begin when a connection is accepted, but when the client's
first bytes have come; these and all further ones of the handshake wait for a turn of the loop, and a step that may
contain the signature uses up the whole budget of its turn. The time-out of the handshake still begins when the
connection is accepted.

Works with every loop that has `start_tls()`, and knows no protocol within TLS.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, cast

from esg_core.figures.labels import HANDSHAKE_RESULTS
from esg_core.sockets.ends import abort, end_for_client
from esg_core.sockets.tls_link import TLSLink
from esg_core.turns import UNITS_A_TURN, TurnBudget
from esg_core.waiting import finite

PIECE = 4096
"""Bytes read at a time during a handshake; a client's first message has a few hundred."""

DEAR, CHEAP = UNITS_A_TURN, 250
"""What a step of a handshake costs of the turn's budget, and how many microseconds a cheap one takes at most.

The first step, in which most clients have their signature made, is a dear one.
"""


_GONE = "the client has gone during its TLS handshake"


class TLSOptions(NamedTuple):
    """How accepted connections speak TLS."""

    context: Callable[[], ssl.SSLContext]
    """Returns the TLS context of the next connection."""

    handshake_timeout: float
    """Seconds that a connection has to agree on TLS; `inf` for no limit."""


class Secured(NamedTuple):
    """A connection that has agreed on TLS: its transport, and what the client has already sent."""

    transport: asyncio.Transport
    early: bytes

    def hand_over(self, protocol: asyncio.Protocol, shown: asyncio.Transport | None = None) -> None:
        """Give the connection to `protocol`, with `shown` as its transport if it is not to see the real one."""
        self.transport.set_protocol(protocol)
        protocol.connection_made(shown or self.transport)
        if self.early:
            made = cast(asyncio.Protocol, self.transport.get_protocol())  # it may have been replaced by now: HTTP/2
            made.data_received(self.early)


class Handshakes:
    """The handshakes of all connections of one server, in the running loop; `counts` has them by their result."""

    def __init__(self, tls: TLSOptions, budget: TurnBudget, counts: dict[str, int] | None = None) -> None:
        self._tls = tls
        self._counts = dict.fromkeys(HANDSHAKE_RESULTS, 0) if counts is None else counts
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._waiting: set[_Handshake] = set()

    @property
    def are_waiting(self) -> bool:
        """Whether clients that have sent something wait for their turn."""
        return bool(self._waiting)

    async def accept(self, connection: socket.socket, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Agree on TLS with a client that has just been accepted, then make its protocol.

        Raises `OSError` if that fails. The connection is closed then, and if this is cancelled.
        """
        handshake = self._make()
        transport, _ = await self._loop.connect_accepted_socket(lambda: handshake, connection)
        secured = await self._shake_hands(transport, handshake)
        try:
            secured.hand_over(cast(asyncio.Protocol, factory()))
        except BaseException:
            abort(secured.transport)
            raise

    async def secure(self, transport: asyncio.Transport) -> Secured:
        """Agree on TLS on a connection that began in cleartext; see `accept()`, except that no protocol is made.

        Reading must be paused, so that nothing is lost.
        """
        if transport.is_closing():
            raise ConnectionResetError(_GONE)
        handshake = self._make()
        transport.set_protocol(handshake)
        handshake.connection_made(transport)
        transport.resume_reading()
        return await self._shake_hands(transport, handshake)

    def _make(self) -> "_Handshake":
        return _Handshake(self._loop, self._budget, self._waiting)

    async def _shake_hands(self, transport: asyncio.Transport, handshake: "_Handshake") -> Secured:
        early = _EarlyData()
        try:
            async with asyncio.timeout(finite(self._tls.handshake_timeout)):
                secured = await self._begin_tls(transport, handshake, early)
            if secured is not None and not secured.is_closing():
                handshake.link(secured)
            if secured is None or transport.is_closing() or early.is_lost:
                raise ConnectionResetError(_GONE)
        except TimeoutError:
            self._counts["timeout"] += 1
            abort(transport)
            raise TimeoutError("the TLS handshake did not end in time") from None
        except BaseException:
            self._counts["failed"] += 1
            abort(transport)
            raise
        self._counts["ok"] += 1
        return Secured(secured, b"".join(early.data))

    async def _begin_tls(
        self, transport: asyncio.Transport, handshake: "_Handshake", protocol: asyncio.Protocol
    ) -> asyncio.Transport | None:
        if not await handshake.has_turn:
            return None
        self._loop.call_soon(handshake.step_between)  # before the loop's TLS does anything
        return await self._loop.start_tls(
            transport,
            protocol,
            self._tls.context(),
            server_side=True,
            ssl_handshake_timeout=math.inf,
            ssl_shutdown_timeout=math.inf,  # a client may read slowly what was written before: see timeout-write
        )


class _Handshake(asyncio.BufferedProtocol):
    """Reads for a handshake, a piece at a time, and hands each piece to the loop's TLS in its turn.

    `has_turn` is done in the first piece's turn, when there is no TLS yet to hand it to; it is False if the client has
    gone before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: TurnBudget, waiting: "set[_Handshake]") -> None:
        self._loop = loop
        self._budget = budget
        self._waiting = waiting
        self._transport: asyncio.Transport
        self._piece = bytearray()
        self._size = 0
        self._has_ended = False
        self._tls: asyncio.BufferedProtocol | None = None
        self.has_turn: asyncio.Future[bool] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it

    def get_buffer(self, sizehint: int) -> bytearray:
        self._piece = bytearray(PIECE)
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        self._size = nbytes
        self._transport.pause_reading()
        self._wait()

    def eof_received(self) -> bool:
        """See `asyncio.BufferedProtocol`; the handshake may be over, although the link is not there yet."""
        if self._tls is None:
            return False
        self._has_ended = True
        self._loop.call_soon(self._end)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self._transport)  # an error may be TLS's
        self._stop_waiting()
        if self._tls is not None:
            self._tls.connection_lost(exc)
        elif not self.has_turn.done():
            self.has_turn.set_result(False)

    def pause_writing(self) -> None:
        if self._tls is not None:
            self._tls.pause_writing()

    def resume_writing(self) -> None:
        if self._tls is not None:
            self._tls.resume_writing()

    def step_between(self) -> None:
        """The loop's TLS is now the transport's protocol: give it the first piece, and go on reading in its place."""
        found = self._transport.get_protocol()
        if found is not None:  # else the connection has been lost meanwhile
            self._tls = cast(asyncio.BufferedProtocol, found)
            self._transport.set_protocol(self)
            self._hand_on()

    def link(self, secured: asyncio.Transport) -> None:
        """The handshake is over: from now on the loop's TLS reads by itself."""
        assert self._tls is not None
        link = TLSLink(self._loop, self._transport, self._tls, secured)
        self._transport.set_protocol(link)
        self._stop_waiting()
        self._hand_on()
        if self._has_ended:
            link.eof_received()
        else:
            self._transport.resume_reading()

    def _wait(self) -> None:
        self._waiting.add(self)
        self._budget.wait(self._go_on)

    def _stop_waiting(self) -> None:
        self._waiting.discard(self)
        self._budget.leave(self._go_on)

    def _go_on(self) -> None:
        """Take the next step: it is this handshake's turn."""
        self._waiting.discard(self)
        if self._tls is None:
            self._budget.spend(DEAR)
            if not self.has_turn.done():
                self.has_turn.set_result(True)
        else:
            began = perf_counter()
            self._hand_on()
            self._budget.spend(CHEAP if (perf_counter() - began) * 1_000_000 < CHEAP else DEAR)
            self._transport.resume_reading()

    def _end(self) -> None:
        """The client has ended its side: within its handshake, unless the connection has been linked by now."""
        if self._tls is not None and self._transport.get_protocol() is self:
            self._tls.eof_received()

    def _hand_on(self) -> None:
        size, self._size = self._size, 0
        if size:
            assert self._tls is not None
            memoryview(self._tls.get_buffer(size))[:size] = self._piece[:size]
            self._tls.buffer_updated(size)


class _EarlyData(asyncio.Protocol):
    """Keeps what a client sends along with the end of its handshake, until its protocol is made."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self.data.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
