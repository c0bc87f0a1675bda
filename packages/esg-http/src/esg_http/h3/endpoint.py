"""The QUIC connections of one UDP socket: which datagram is for which, and what is done with all others (Q-10 to Q-15).

Knows IDs, limits and the order of a turn; of a connection, what `AioquicTransport` says. Nothing is kept for a client
that has not proven that it speaks QUIC, and little before it has proven where it is.
"""

import asyncio
import logging
import math
import secrets
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from esg_core.contracts import DatagramPath, DatagramPort
from esg_core.figures.quic import QuicFigures
from esg_core.turns import Stretch
from esg_core.waiting import Waiters
from esg_http.h3.aioquic_transport import AioquicTransport, Origin, QuicSettings
from esg_http.h3.connection_ids import LENGTH, ConnectionIds
from esg_http.h3.packets import (
    LARGEST_RESET,
    LONG,
    NEGOTIATION,
    SMALLEST_INITIAL,
    LongHeader,
    read_long_header,
    stateless_reset,
    version_negotiation,
)
from esg_http.h3.retry import Proven, Retries, read_initial
from esg_http.h3.timers import Timers

VERSIONS = (0x00000001, 0x6B3343CF)
"""QUIC 1 and 2 (RFC 9000, RFC 9369)."""

RETRY_FROM = 64
"""Open handshakes from which on a new client must prove its address first (RFC 9000 section 8.1.2)."""

MOST_HANDSHAKES = 512
"""Open handshakes from which on further ones are ignored."""

HANDSHAKE_TIME = 5.0
"""Seconds that a handshake may take."""

SMALLEST_ORIGINAL_ID = 8
"""Bytes of the ID that a client invents for its first packet (RFC 9000 section 7.2)."""

STRANGE, KNOWN, FAILED, HANDSHAKE = 10, 80, 400, 2500
"""Units of the turn's budget (rule H-22): a datagram for no connection, for one, for one that turned out not to be, and
the first one of a connection."""

DEAR = 200
"""Microseconds from which on a datagram for a connection costs what it took: its frames are many, or dear."""

FLUSHING = 0.005
"""Seconds of a turn in which connections send, or more after a long one; those that are left do so in the next turn."""


class Endpoint:
    """See `esg_core.contracts.DatagramEndpoint`, and see `esg_http.h3.aioquic_transport.Host`."""

    def __init__(
        self, socket: DatagramPort, ids: ConnectionIds, settings: QuicSettings, figures: QuicFigures | None = None
    ) -> None:
        self._socket = socket
        self._ids = ids
        self._settings = settings
        self.figures = QuicFigures() if figures is None else figures
        self._loop = asyncio.get_running_loop()
        self._logger = logging.getLogger("esg.error")
        self._routes: dict[bytes, AioquicTransport] = {}
        self._handshakes: set[AioquicTransport] = set()
        self._settled = Waiters(self._loop)
        self._retries = Retries()
        self._timers = Timers(self._loop, self._expire)
        self._to_flush: dict[AioquicTransport, None] = {}
        self._stretch = Stretch(FLUSHING, self._loop.time)
        self._will_flush = False
        self._is_refusing = False

    # What the socket calls.

    def received(self, datagram: bytes, path: DatagramPath) -> int:
        if datagram[0] & LONG:
            return self._long(datagram, path)
        transport = self._routes.get(datagram[1 : 1 + LENGTH])
        if transport is not None:
            return self._give(transport, datagram, path)
        self._reset(datagram, path)
        return self._drop("unknown_connection")

    @property
    def is_opening(self) -> bool:
        """Whether any handshake is not over."""
        return bool(self._handshakes)

    def refuse(self) -> None:
        """Let no new connection begin."""
        self._is_refusing = True

    async def settle(self) -> None:
        """Wait until no handshake is open."""
        while self._handshakes:
            await self._settled.wait()

    def close(self) -> None:
        """End the connections that are left, at once."""
        self._is_refusing = True
        for transport in set(self._routes.values()):
            self._guarded(transport, transport.abort)
        self._routes.clear()
        self._timers.close()
        self._to_flush.clear()

    # What connections call; see `Host`.

    def transmit(self, datagram: bytes, path: DatagramPath) -> None:
        self._socket.send(datagram, path)

    def flush_soon(self, transport: AioquicTransport) -> None:
        self._to_flush[transport] = None
        if not self._will_flush:
            self._will_flush = True
            self._loop.call_soon(self._flush)

    def established(self, transport: AioquicTransport, result: str) -> None:
        self._handshakes.discard(transport)
        if result:
            self.figures.handshakes[result] += 1
        if not self._handshakes:
            self._settled.wake()

    def retire(self, transport: AioquicTransport, connection_id: bytes) -> None:
        transport.ids.discard(connection_id)
        self._routes.pop(connection_id, None)

    def gone(self, transport: AioquicTransport) -> None:
        for one in transport.ids:
            self._routes.pop(one, None)
        transport.ids.clear()
        transport.timer = math.inf

    def moved(self, transport: AioquicTransport) -> None:
        self._timers.put(transport)

    def server_name(self, path: DatagramPath) -> tuple[Any, ...]:
        return self._socket.server_name(path)

    def now(self) -> float:
        return self._loop.time()

    def reset_token(self, connection_id: bytes) -> bytes:
        return self._ids.reset_token(connection_id)

    def has_fault(self, code: int, *, of_quic: bool) -> None:
        self.figures.has_fault(code, of_quic=of_quic)

    # Datagrams of no connection.

    def _long(self, datagram: bytes, path: DatagramPath) -> int:
        header = read_long_header(datagram)
        if header is None or header.version == NEGOTIATION:
            return self._drop("malformed")
        transport = self._routes.get(header.destination)
        if transport is not None:
            return self._give(transport, datagram, path)
        if self._is_refusing:
            return self._drop("draining")
        if len(datagram) < SMALLEST_INITIAL:
            return self._drop("unknown_connection")
        if header.version not in VERSIONS:
            self._negotiate(header, path)
            return self._drop("unknown_version")
        return self._initial(datagram, path)

    def _negotiate(self, header: LongHeader, path: DatagramPath) -> None:
        self._socket.send(version_negotiation(header, VERSIONS, secrets.randbits(7)), path)

    def _initial(self, datagram: bytes, path: DatagramPath) -> int:
        header = read_initial(datagram)
        if header is None or len(header.destination_cid) < SMALLEST_ORIGINAL_ID:
            return self._drop("malformed")
        if len(self._handshakes) >= MOST_HANDSHAKES:
            return self._drop("busy")
        now = self._loop.time()
        proven = self._retries.check(header, path, now) if header.token else None
        if proven is None and self._ids.is_ours(header.destination_cid):  # it is gone, or its token is not ours
            return self._drop("unknown_connection")
        if proven is None and len(self._handshakes) >= RETRY_FROM:
            self._socket.send(self._retries.packet(header, self._ids.make(), path, now), path)
            self.figures.retries += 1
            return STRANGE
        return self._begin(datagram, path, header.destination_cid, proven)

    def _begin(self, datagram: bytes, path: DatagramPath, sent_to: bytes, proven: Proven | None) -> int:
        """Make a connection; it is forgotten at once if nothing in its first datagram is authentic."""
        origin = Origin(path, self._loop.time() + HANDSHAKE_TIME, *(proven or (sent_to, None)))
        transport = AioquicTransport(self, self._settings, origin)
        self._claim(transport, sent_to)
        self._handshakes.add(transport)
        self._give(transport, datagram, path)
        if transport.has_authenticated:
            return HANDSHAKE
        transport.drop()
        self._drop("forged")
        return FAILED

    def _drop(self, reason: str) -> int:
        """Count a datagram that is for no connection; returns its price."""
        self.figures.dropped[reason] += 1
        return STRANGE

    def _reset(self, datagram: bytes, path: DatagramPath) -> None:
        """Tell the client of a connection that is gone; see RFC 9000 section 10.3."""
        connection_id = datagram[1 : 1 + LENGTH]
        if self._ids.is_ours(connection_id):
            answer = stateless_reset(
                self._ids.reset_token(connection_id), len(datagram), secrets.token_bytes(LARGEST_RESET)
            )
            if answer is not None:
                self._socket.send(answer, path)

    # The order of a turn.

    def _give(self, transport: AioquicTransport, datagram: bytes, path: DatagramPath) -> int:
        """Let a connection read a datagram; returns the price, which only the clock knows if it is high (rule Q-22)."""
        begin = perf_counter()
        self._guarded(transport, partial(transport.receive, datagram, path, self._loop.time()))
        took = int((perf_counter() - begin) * 1_000_000)
        return took if took > DEAR else KNOWN

    def _expire(self, transport: AioquicTransport, now: float) -> None:
        self._guarded(transport, partial(transport.expire, now))

    def _flush(self) -> None:
        """Send what connections have to send at the end of a turn, one after the other for as long as there is time."""
        now, to_flush = self._loop.time(), self._to_flush
        until = perf_counter() + FLUSHING * self._stretch.times()
        for transport in tuple(to_flush):
            to_flush.pop(transport, None)
            self._guarded(transport, partial(transport.flush, now))
            if perf_counter() >= until:
                break
        self._will_flush = bool(to_flush)
        if to_flush:
            self._stretch.goes_on()
            self._loop.call_soon(self._flush)

    def _guarded(self, transport: AioquicTransport, work: Callable[[], None]) -> None:
        """Do `work` of one connection; if it fails, only that connection ends."""
        try:
            work()
        except Exception as error:  # whatever a library or HTTP/3 got wrong, the others go on
            self._logger.exception("a QUIC connection has failed")
            try:
                transport.drop(error)
            except Exception:
                self._logger.exception("a failed QUIC connection could not be ended")

    # IDs.

    def make_id(self, transport: AioquicTransport) -> bytes:
        made = self._ids.make()
        while made in self._routes:
            made = self._ids.make()
        self._claim(transport, made)
        return made

    def _claim(self, transport: AioquicTransport, connection_id: bytes) -> None:
        self._routes[connection_id] = transport
        transport.ids.add(connection_id)
