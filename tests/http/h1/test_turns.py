"""What one HTTP/1.1 connection sends at once is read in several turns of the loop (rule H-22)."""

import asyncio
import gc
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport, pieces
from esg_core.testing.transport import SEGMENT
from esg_core.turns import LEAST_ROOM, UNITS_A_TURN, TurnBudget
from esg_http.h1.body import ChunkedBody
from esg_http.h1.connection import H1Connection
from tests.http.corpus.case import chunked, get
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.asking import Slow, answers, echo, ended
from tests.support.http.memory import MemoryServer
from tests.support.http.over_tls import over_tls
from tests.support.http.sockets import LOOPS_AND_WIRES, SocketServer, Wiring
from tests.support.http.turns import HeldTurns, WatchedTurns
from tests.support.installed import PARSER, PARSERS

CHUNKS = 3 * UNITS_A_TURN
"""Of one byte each; with the last chunk, they take four turns."""

hello = sends(start(headers=length(b"5")), body(b"hello"))


def one_byte_chunks(count: int) -> tuple[bytes, bytes]:
    """Chunks, and their content."""
    content = bytes(97 + number % 26 for number in range(count))
    return b"".join([b"1\r\n%c\r\n" % byte for byte in content]), content


@contextmanager
def held(app: Any = echo, parser: str = PARSER, **options: Any) -> Iterator[tuple[MemoryTransport, HeldTurns]]:
    """A connection whose turns end when the test says so."""
    with MemoryServer(app, parser, **options) as server:
        turns = HeldTurns(server)
        yield server.connect(), turns


def send(transport: MemoryTransport, turns: HeldTurns, *parts: bytes) -> None:
    for part in parts:
        transport.feed(part)
    turns._server.loop.settle()


# How much one turn does.


class BesideOthers:
    """An application that notes how much of an upload had come whenever another request was served."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.taken = 0
        self.seen: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            self.seen.append(self.taken + sum(getattr(cycle, "buffered", 0) for cycle in self._server.context.cycles))
            await hello(scope, receive, send)
            return
        more = True
        while more:
            message = await receive()
            self.taken += len(message["body"])
            more = message["more_body"]
        await hello(scope, receive, send)


FLOODS = {
    "chunks": b"1\r\nx\r\n" * 10_000,
    "chunks of all sizes": b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in range(1, 40)) * 250,
    "padded sizes": b"0001\r\nx\r\n" * 10_000,
    "extensions": b"1;a\r\nx\r\n" * 10_000,
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", FLOODS)
def test_h_22_another_request_is_served_after_one_turn_of_a_flood(name: str, parser: str) -> None:
    with MemoryServer(hello, parser) as server:
        app = server.context.app = BesideOthers(server)
        turns = WatchedTurns(server)
        client, other = server.connect(), server.connect()
        client.feed(chunked(FLOODS[name]) + b"0\r\n\r\n")
        for _ in range(2):
            other.feed(get())
        server.loop.settle()
        assert len(turns.spent) > 9_000 / UNITS_A_TURN
        assert max(turns.spent) <= UNITS_A_TURN + 3
        assert app.seen[0] <= 40 * UNITS_A_TURN
        assert app.seen[-1] < app.taken, "both came between"
        assert [response.status for response in answers(client, "POST")] == [200]
        assert [response.status for response in answers(other)] == [200] * 2


@pytest.mark.parametrize("rest", [b"a:b\r\n" * 13_000, b"1;a\r\nx\r\n" * 20_000])
def test_h_22_trailers_and_extensions_have_turns_as_well(rest: bytes) -> None:
    with MemoryServer(echo) as server:
        turns = WatchedTurns(server)
        client = server.connect()
        client.feed(chunked(b"0\r\n" if rest.startswith(b"a:") else b"") + rest + b"\r\n")
        server.loop.settle()
        assert len(turns.spent) > 10_000 / UNITS_A_TURN
        assert max(turns.spent) <= UNITS_A_TURN


def test_h_22_many_that_flood_share_the_turn() -> None:
    """Each gets a little at once, and the rest in line."""
    flood, content = one_byte_chunks(CHUNKS)
    with MemoryServer(echo) as server:
        turns = WatchedTurns(server)
        clients = [server.connect() for _ in range(4)]
        for client in clients:
            client.feed(chunked(flood) + b"0\r\n\r\n")
        server.loop.settle()
        assert max(turns.spent) <= UNITS_A_TURN + 3 * LEAST_ROOM + 4
        assert [response.body for client in clients for response in answers(client, "POST")] == [content] * 4


def test_h_22_a_usual_request_knows_nothing_of_turns() -> None:
    with MemoryServer(echo) as server:
        turns = WatchedTurns(server)
        client = server.connect()
        for size in (0, 1, 1000, 60_000):
            client.feed(chunked(b"%x\r\n%b\r\n" % (size, b"x" * size) if size else b"") + b"0\r\n\r\n" + get())
        server.loop.settle()
        assert turns.spent == [0]


def test_h_20_a_chunk_of_one_byte_is_read_with_hardly_a_call() -> None:
    """Nor one of another size; the calls are what costs."""
    flood, content = one_byte_chunks(1000)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    for data, expected in ((flood, content), (b"20\r\n%b\r\n" % (b"x" * 32) * 1000, b"x" * 32_000)):
        fed = ChunkedBody(0, TurnBudget(lambda renew: renew()))
        gc.collect()  # what other tests have left would be collected now, and calls when it goes
        calls = 0
        sys.setprofile(count)
        try:
            taken, rest = fed.feed(data)
        finally:
            sys.setprofile(None)
        assert (taken, rest) == (expected, None)
        assert calls < 20


# What becomes of the rest.


@pytest.mark.parametrize("parser", PARSERS)
def test_h_22_what_waits_is_bounded_and_comes_in_its_order(parser: str) -> None:
    """One segment waits, the next one stays with the transport, and the next request comes after the body."""
    flood, content = one_byte_chunks(100_000)
    with held(echo, parser) as (transport, turns):
        send(transport, turns, chunked(flood) + b"0\r\n\r\n" + get(target=b"/next"))
        assert turns.is_waited_for
        assert not transport.is_reading()
        connection = cast(H1Connection, transport.get_protocol())
        assert isinstance(connection._body, ChunkedBody)
        assert len(connection._body._rest) <= SEGMENT
        assert transport.unread > 0
        assert transport.written == b""
        assert turns.all() >= 100_000 // UNITS_A_TURN
        assert [response.body for response in answers(transport, "POST", "GET")] == [content, b""]
        assert transport.is_reading()


@pytest.mark.parametrize("sizes", [1, 7, 1000, 16_384])
def test_h_22_any_segments_are_read_alike(sizes: int) -> None:
    flood, content = one_byte_chunks(CHUNKS)
    with MemoryServer(echo) as server:
        client = server.connect()
        for segment in pieces(chunked(flood) + b"0\r\n\r\n", sizes):
            client.feed(segment)
        server.loop.settle()
        assert [response.body for response in answers(client, "POST")] == [content]


def test_h_22_what_a_transport_delivers_although_it_was_paused_is_kept() -> None:
    """TLS transports do: they have decrypted more by then."""
    flood, content = one_byte_chunks(2 * CHUNKS)
    with held() as (transport, turns):
        send(transport, turns, chunked(flood[: 6 * CHUNKS]))
        assert not transport.is_reading()
        for segment in pieces(flood[6 * CHUNKS :] + b"0\r\n\r\n", 10_000):
            transport.get_protocol().data_received(segment)
        assert not transport.is_reading()
        turns.all()
        assert [response.body for response in answers(transport, "POST")] == [content]


@pytest.mark.parametrize(("end", "statuses"), [(b"0\r\n\r\n", [200]), (b"", [])], ids=["whole", "cut off"])
def test_h_22_the_end_of_the_clients_side_comes_behind_what_waits(end: bytes, statuses: list[int]) -> None:
    """H-9: a client that has sent a whole request gets its response."""
    flood, content = one_byte_chunks(CHUNKS)
    with held() as (transport, turns):
        send(transport, turns, chunked(flood) + end)
        assert transport.get_protocol().eof_received() is True
        assert not ended(transport)
        turns.all()
        responses = answers(transport, "POST")
        assert [response.status for response in responses] == statuses
        assert [response.body for response in responses] == [content] * len(statuses)
        assert ended(transport)


def test_h_22_the_end_over_tls_does_not_wait() -> None:
    """The transport closes regardless of what it is told, and no answer would get through."""
    flood, _ = one_byte_chunks(CHUNKS)
    with MemoryServer(echo) as server:
        turns = HeldTurns(server)
        transport = server.connect(**over_tls())
        send(transport, turns, chunked(flood))
        assert not transport.get_protocol().eof_received()
        turns.all()
        assert transport.is_closing()


@pytest.mark.parametrize("is_reset", [True, False])
def test_h_22_a_connection_that_ends_waits_no_more(is_reset: bool) -> None:
    flood, _ = one_byte_chunks(CHUNKS)
    app = Slow()
    with held(app) as (transport, turns):
        send(transport, turns, chunked(flood))
        assert turns.is_waited_for
        if is_reset:
            transport.reset()
        else:
            cast(H1Connection, transport.get_protocol()).abort()
        turns._server.loop.settle()
        assert not turns.is_waited_for
        app.goes_on.set()
        turns.all()
        assert transport.closed


def test_h_22_a_fault_in_what_waits_is_answered() -> None:
    flood, _ = one_byte_chunks(CHUNKS)
    with held() as (transport, turns):
        send(transport, turns, chunked(flood) + b"no size\r\n")
        assert transport.written == b""
        turns.all()
        assert [response.status for response in answers(transport, "POST")] == [400]
        assert ended(transport)


def test_h_22_an_application_that_answers_early_has_nothing_of_the_rest() -> None:
    flood, _ = one_byte_chunks(CHUNKS)
    with held(hello) as (transport, turns):
        send(transport, turns, chunked(flood))
        assert [response.status for response in answers(transport, "POST")] == [200]
        turns.all()
        assert ended(transport)
        assert transport.is_reading(), "what still comes is thrown away"


def test_h_7_a_body_that_waits_is_paused_for_its_application_afterwards() -> None:
    """The rest is at most a segment; then the application has to read what there is."""
    flood, content = one_byte_chunks(100_000)
    app = Slow()
    with held(app) as (transport, turns):
        send(transport, turns, chunked(flood) + b"0\r\n\r\n")
        turns.all()
        assert not transport.is_reading()
        assert transport.unread > 0
        app.goes_on.set()
        turns._server.loop.settle()
        turns.all()
        assert [response.body for response in answers(transport, "POST")] == [content]


def test_h_17_a_client_is_not_late_while_its_bytes_wait() -> None:
    flood, content = one_byte_chunks(CHUNKS)
    with held(timeout_request=5) as (transport, turns):
        send(transport, turns, chunked(flood))
        assert cast(H1Connection, transport.get_protocol()).deadline == math.inf
        turns._server.loop.advance(60)
        turns.all()
        turns._server.loop.advance(4)
        send(transport, turns, b"0\r\n\r\n")
        turns.all()
        assert [response.body for response in answers(transport, "POST")] == [content]


def test_h_16_the_end_of_a_client_is_seen_once_all_that_waited_is_read() -> None:
    flood, _ = one_byte_chunks(CHUNKS)
    app = Slow()
    with held(app) as (transport, turns):
        send(transport, turns, chunked(flood) + b"0\r\n\r\n")
        turns.all()
        assert transport.is_reading()
        transport.reset()
        turns._server.loop.settle()
        [cycle] = turns._server.context.cycles
        assert getattr(cycle, "client_gone", False)
        app.goes_on.set()


def test_l_2_a_drain_waits_for_what_waits() -> None:
    flood, content = one_byte_chunks(CHUNKS)
    with held() as (transport, turns):
        send(transport, turns, chunked(flood) + b"0\r\n\r\n")
        turns._server.context.drain()
        turns.all()
        [response] = answers(transport, "POST")
        assert response.body == content
        assert response.get(b"connection") == b"close"


# Other protocols.


class Pausing(asyncio.Protocol):
    """Another protocol, which pauses reading as soon as it gets something."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.pause_reading()


def test_s_2_a_protocol_that_takes_over_can_pause_with_what_came_before_it() -> None:
    """So that it can take its own turns."""
    protocol = Pausing()

    async def switch(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"].pop("esg.switch")(protocol, [(b"upgrade", b"pausing")])

    with MemoryServer(hello) as server:
        server.context.upgrades = {b"pausing": switch}
        transport = server.connect()
        transport.feed(get(b"Connection: Upgrade", b"Upgrade: pausing") + b"early")
        server.loop.settle()
        assert transport.get_protocol() is protocol
        assert not transport.is_reading()


# On sockets.


@pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)
def test_h_22_a_flood_is_read_whole_and_others_are_served(wiring: Wiring) -> None:
    flood, content = one_byte_chunks(100_000)
    with SocketServer(echo, wiring) as server, server.connect() as client, server.connect() as other:
        client.send(chunked(flood))
        assert other.ask(get()).status == 200
        response = client.send(b"0\r\n\r\n" + get()).response("POST")
        assert response.body == content
        assert client.response().status == 200
        assert other.ask(get()).status == 200
