"""What one HTTP/2 connection sends at once is read in several turns of the loop (rule H-22)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from esg_core.testing import pieces
from esg_core.testing.transport import SEGMENT
from esg_core.turns import LEAST_ROOM, UNITS_A_TURN
from esg_http.h2.connection import MOST_UNREAD, H2Connection
from esg_http.multiplexed.costs import FRAME, OVERSIZED_BLOCK, REQUEST
from tests.http.corpus.case import get
from tests.support.http.asking import answers, echo
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.over_tls import over_tls
from tests.support.http.sockets import LOOPS_AND_WIRES, SocketServer, Wiring
from tests.support.http.turns import HeldTurns, WatchedTurns
from tests.support.http2 import wire
from tests.support.http2.raw import Raw
from tests.support.http2.wire import GET, Code, Frame, Kind, Setting

SMALL = 2 * UNITS_A_TURN // FRAME
"""DATA frames of one byte that take more than one turn."""

NUMBERS = range(1, 2**31, 2)


def upload(frames: int, number: int = 1) -> bytes:
    """A request whose body comes in frames of one byte, without the last one."""
    return wire.post(number) + wire.data(number, b"x") * frames


def bodies(frames: list[Frame]) -> list[bytes]:
    return [frame.payload for frame in frames if frame.kind == Kind.DATA and frame.payload]


@contextmanager
def held(app: Any = echo, **options: Any) -> Iterator[tuple[Raw, HeldTurns]]:
    """A connection whose turns end when the test says so."""
    with MemoryServer(app, **options) as server:
        turns = HeldTurns(server)
        yield Raw(server), turns


def connection(client: Raw) -> H2Connection:
    return cast(H2Connection, client.transport.get_protocol())


# How much one turn does.

REFERENCES = wire.literal(b"a", b"", how=0x40) * 66 + b"\xff\x00" * 30
FLOODS: dict[str, Callable[[], bytes]] = {
    "small DATA": lambda: upload(20_000),
    "requests": lambda: b"".join([wire.headers(number) for number in NUMBERS[:1000]]),
    "requests that are cancelled": lambda: b"".join([wire.headers(n) + wire.reset(n) for n in NUMBERS[:499]]),
    "requests with fields of their own": lambda: b"".join(
        [wire.headers(number, [*GET, (b"x-%d" % number, b"x" * 200)]) for number in NUMBERS[:500]]
    ),
    "references": lambda: b"".join(
        [wire.raw_headers(number, wire.block(GET) + REFERENCES) for number in NUMBERS[:300]]
    ),
    "SETTINGS": lambda: wire.settings(*[(Setting.INITIAL_WINDOW_SIZE, 65535)] * 2700) * 2 + upload(20_000),
    "oversized sections": lambda: b"".join(
        [wire.raw_headers(number, wire.block(GET) + b"\x90" * 16_000) for number in NUMBERS[:10]]
    ),
}

LARGEST = {"SETTINGS": 2025 + FRAME, "oversized sections": OVERSIZED_BLOCK + REQUEST + FRAME}
"""Units of the largest piece of work in a flood, unless it is small."""


@pytest.mark.parametrize("name", FLOODS)
def test_h_22_another_request_is_served_within_a_flood(name: str) -> None:
    sent = FLOODS[name]()
    with MemoryServer(Recorder()) as server:
        turns = WatchedTurns(server)
        client, other = Raw(server), server.connect()
        client.transport.feed(sent)
        other.feed(get(target=b"/other"))
        server.loop.settle()
        assert client.code is None
        assert len(turns.spent) > 2
        assert max(turns.spent) <= UNITS_A_TURN + LARGEST.get(name, 200)
        assert [response.status for response in answers(other)] == [200]
        seen = [call.scope["path"] for call in cast(Recorder, server.app).calls]
        assert "/other" in seen[:200], "it does not wait for the end of the flood"


def test_h_22_a_usual_request_knows_nothing_of_turns() -> None:
    with MemoryServer(echo) as server:
        turns = WatchedTurns(server)
        client = Raw(server)
        for number in NUMBERS[:50]:
            client.send(wire.post(number) + wire.data(number, bytes(1000), end=True))
        assert turns.spent == [0]


def test_h_22_a_small_request_need_not_wait() -> None:
    """Not even when others have used up the turn."""
    with held() as (client, turns):
        client.send(upload(SMALL))
        assert turns.room == LEAST_ROOM
        other = Raw(client.server)
        other.send(wire.headers(1))
        assert any(frame.ends for frame in other.frames())
        assert not connection(other)._receiving.is_behind
        turns.all()


# What becomes of the rest.


def test_h_22_what_waits_is_bounded_and_comes_in_its_order() -> None:
    """One segment waits, and the next ones stay with the transport."""
    with held() as (client, turns):
        client.send(upload(40_000) + wire.data(1, b"!", end=True) + wire.headers(3))
        assert connection(client)._receiving.is_behind
        assert not client.transport.is_reading()
        assert connection(client)._receiving.held <= SEGMENT
        assert client.transport.unread > 0
        assert turns.all() >= 40_000 * FRAME / UNITS_A_TURN
        frames = client.frames()
        assert bodies(frames) == [b"x" * 16384, b"x" * 16384, b"x" * 7232 + b"!"]
        assert [frame.stream for frame in frames if frame.kind == Kind.HEADERS] == [1, 3]
        assert client.transport.is_reading()


@pytest.mark.parametrize("sizes", [1, 9, 1000, 100_000])
def test_h_22_any_segments_are_read_alike(sizes: int) -> None:
    with MemoryServer(echo) as server:
        client = Raw(server)
        for segment in pieces(upload(SMALL) + wire.data(1, b"!", end=True) + wire.headers(3), sizes):
            client.transport.feed(segment)
        server.loop.settle()
        assert bodies(client.frames()) == [b"x" * SMALL + b"!"]
        assert client.transport.is_reading()


def test_h_22_what_a_transport_delivers_although_it_was_paused_is_kept() -> None:
    """TLS transports do: they have decrypted more by then."""
    sent = upload(SMALL) + wire.data(1, b"!", end=True)
    with held() as (client, turns):
        client.send(sent[:-1000])
        for segment in pieces(sent[-1000:], 300):
            client.transport.get_protocol().data_received(segment)
        assert not client.transport.is_reading()
        turns.all()
        assert bodies(client.frames()) == [b"x" * SMALL + b"!"]


def test_h_22_the_end_of_the_clients_side_comes_behind_what_waits() -> None:
    """H-9: a client that has sent whole requests gets their responses."""
    with held() as (client, turns):
        client.send(upload(SMALL) + wire.data(1, b"!", end=True) + wire.post(3))
        assert client.transport.get_protocol().eof_received() is True
        assert not client.transport.eof_written
        turns.all()
        assert bodies(client.frames()) == [b"x" * SMALL + b"!"]
        client.server.loop.advance(2.5)
        assert client.transport.is_closing()


def test_h_22_the_end_over_tls_does_not_wait() -> None:
    """The transport closes regardless of what it is told, and no answer would get through."""
    with MemoryServer(echo) as server:
        turns = HeldTurns(server)
        transport = server.connect(**over_tls("h2"))
        transport.feed(wire.OPENING + upload(SMALL))
        server.loop.settle()
        assert not transport.get_protocol().eof_received()
        turns.all()
        assert transport.is_closing()


@pytest.mark.parametrize("is_reset", [True, False])
def test_h_22_a_connection_that_ends_waits_no_more(is_reset: bool) -> None:
    with held() as (client, turns):
        client.send(upload(SMALL))
        assert turns.is_waited_for
        if is_reset:
            client.transport.reset()
        else:
            connection(client).abort()
        client.server.loop.settle()
        assert not turns.is_waited_for
        turns.all()
        assert client.transport.closed


def test_h_22_a_fault_in_what_waits_ends_the_connection() -> None:
    with held() as (client, turns):
        client.send(upload(SMALL) + wire.frame(Kind.PING, 1, bytes(8)) + wire.headers(3))
        assert client.code is None
        turns.all()
        assert client.code == Code.PROTOCOL_ERROR
        client.server.loop.advance(2.5)
        assert client.transport.closed


def test_2_5_requests_that_wait_when_the_server_drains_are_served() -> None:
    """The last stream is announced once all earlier input is read."""
    with held(Recorder()) as (client, turns):
        client.send(upload(SMALL) + wire.data(1, b"!", end=True) + wire.headers(3))
        client.server.context.drain()
        client.server.loop.advance(2)
        turns.all()
        client.server.loop.advance(1)
        last = [frame for frame in client.frames() if frame.kind == Kind.GOAWAY][-1]
        assert int.from_bytes(last.payload[:4], "big") == 3
        assert len(cast(Recorder, client.server.app).calls) == 2
        client.server.loop.advance(2.5)
        assert client.transport.closed


def test_2_5_a_connection_that_is_closed_while_something_waits_comes_to_its_end() -> None:
    """No deadline is lost, and further input is thrown away."""
    with held() as (client, turns):
        client.send(wire.headers(1, [*GET, (b"X", b"y")], end=False) + wire.data(1, b"x") * SMALL)
        assert connection(client)._receiving.is_behind
        connection(client)._last_call()
        client.server.loop.settle()
        assert client.transport.eof_written
        assert client.transport.is_reading()
        turns.all()
        client.server.loop.advance(2.5)
        assert client.transport.closed


def test_h_17_a_client_is_not_late_while_its_bytes_wait() -> None:
    with held(timeout_request=5, timeout_request_headers=5) as (client, turns):
        block = wire.block(GET)
        client.send(upload(SMALL) + wire.data(1, b"!", end=True) + wire.raw_headers(3, block[:5], done=False))
        client.server.loop.advance(60)
        assert connection(client)._receiving.is_behind
        client.transport.feed(wire.continuation(3, block[5:]))
        turns.all()
        client.server.loop.settle()
        assert client.code is None
        assert sorted(frame.stream for frame in client.frames() if frame.kind == Kind.HEADERS) == [1, 3]


def test_h_17_a_client_is_late_when_all_that_waited_does_not_end_its_request() -> None:
    """A client does not buy time by keeping the server busy."""
    with held(timeout_request=5) as (client, turns):
        client.send(upload(SMALL))
        client.server.loop.advance(60)
        assert connection(client)._receiving.is_behind
        turns.all()
        assert client.transport.is_reading()
        client.server.loop.advance(5.5)
        statuses = [frame.payload for frame in client.frames() if frame.kind == Kind.HEADERS]
        assert len(statuses) == 1, "408"
        assert not connection(client)._streams.live


def test_h_7_a_client_that_does_not_read_is_not_read_from_after_its_turn() -> None:
    """There are two reasons to pause reading; it resumes when both are gone."""
    with held() as (client, turns):
        client.transport.stall()
        client.send(upload(SMALL))
        client.transport.write(bytes(MOST_UNREAD + 1))
        turns.all()
        assert not connection(client)._receiving.is_behind
        assert not client.transport.is_reading()
        client.transport.read()
        client.server.loop.settle()
        assert client.transport.is_reading()
        client.transport.stall()
        client.send(wire.data(1, b"x") * SMALL)
        client.transport.write(bytes(MOST_UNREAD + 1))
        client.transport.read()
        client.server.loop.settle()
        assert not client.transport.is_reading(), "it is not yet its turn"
        turns.all()
        assert client.transport.is_reading()


def test_h_22_the_preface_may_bring_a_flood_with_it() -> None:
    """HTTP/1.1 has read it, and hands over everything."""
    with MemoryServer(echo) as server:
        turns = HeldTurns(server)
        client = Raw(server, wire.OPENING + upload(SMALL) + wire.data(1, b"!", end=True))
        assert connection(client)._receiving.is_behind
        assert not client.transport.is_reading()
        turns.all()
        assert bodies(client.frames()) == [b"x" * SMALL + b"!"]


# On sockets.


@pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)
def test_h_22_a_flood_is_read_whole_and_others_are_served(wiring: Wiring) -> None:
    protocols = ("h2",) if wiring.wire == "tls" else ()
    with SocketServer(echo, wiring) as server, server.connect(protocols=protocols) as client, server.connect() as other:
        client.send(wire.OPENING + upload(40_000))
        assert other.ask(get()).status == 200
        client.send(wire.data(1, b"!", end=True))
        received = b""
        while b"x!" not in received:
            part = client.socket.recv(65536)
            assert part
            received += part
        assert received.count(b"x") >= 40_000
        assert other.ask(get()).status == 200
