"""HTTP/3 connections with their cycles: the rules for all versions, and those for HTTP/3."""

import asyncio
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.figures.tally import Tally
from esg_core.lifecycle.stats import stats
from esg_http.h3.coding.codes import (
    H3_EXCESSIVE_LOAD,
    H3_MISSING_SETTINGS,
    H3_NO_ERROR,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_INCOMPLETE,
    H3_REQUEST_REJECTED,
    LAST_REQUEST,
)
from esg_http.multiplexed.engine.requests import REMEMBERED_HEADS
from tests.support.figures.counting import Meter
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.applications import Held, hello
from tests.support.http3 import wire
from tests.support.http3.driven import Client
from tests.support.http3.wire import GET, data, headers, request

POST = request(b"/", b"POST")


def test_q1_a_request_has_the_addresses_and_the_tls_of_its_transport() -> None:
    app = Recorder()
    with MemoryServer(app) as server:
        Client(server).fetch()
    scope = app.calls[0].scope
    assert (scope["client"], scope["server"]) == (("192.0.2.1", 50000), ("192.0.2.80", 443))
    assert scope["extensions"]["tls"]["tls_version"] == 0x0304
    assert scope["extensions"]["tls"]["cipher_suite"] == 0x1301


def test_q1_a_request_has_the_address_that_its_client_has_moved_to() -> None:
    app = Recorder()
    with MemoryServer(app) as server:
        client = Client(server)
        client.fetch()
        client.quic.facts["peername"] = ("192.0.2.9", 50001)
        client.fetch()
    assert [seen.scope["client"][0] for seen in app.calls] == ["192.0.2.1", "192.0.2.9"]


def test_q2_the_server_s_settings() -> None:
    """No dynamic table, which is the default (RFC 9204 section 5)."""
    with MemoryServer(hello, limit_request_headers=100, limit_request_header_size=4096) as server:
        client = Client(server)
        assert client.control == [(wire.SETTINGS, wire.varint(6) + wire.varint(4096 + 3200))]


def test_q1_empty_parts_of_a_body_are_no_frames() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"", b"a", b"b"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        client = Client(server)
        assert client.fetch().body == b"ab"
        assert [len(frame.payload) for frame in client.frames(0) if frame.kind == wire.DATA] == [1, 1]


@pytest.mark.parametrize("status", [204, 304])
def test_q1_answers_without_a_body(status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"x")]})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        client = Client(server)
        answer = client.fetch()
        assert [frame.kind for frame in client.frames(0)] == [wire.HEADERS]
    assert (answer.status, answer.complete) == (status, True)
    assert answer.headers.keys() == {b":status", b"server", b"date"}


def test_q4_a_window_is_used_to_its_last_byte_and_no_further() -> None:
    """RFC 9000 section 4.1: the heads of frames count too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(50000)})

    with MemoryServer(app) as server:
        client = Client(server, window=20000)
        number = client.ask()
        client.turn()
        assert len(client.quic.sent[number]) == 20000
        client.quic.widen(number, 17000)
        client.turn()
        assert len(client.quic.sent[number]) == 37000
        client.quic.widen(number, 20000)
        client.turn()
        assert (len(client.answer(number).body), client.answer(number).complete) == (50000, True)


@pytest.mark.parametrize("share", [False, True])
def test_q4_priorities_decide_while_the_transport_is_busy(share: bool) -> None:
    """RFC 9218: the urgent one first; those that share take turns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(60000)})

    with MemoryServer(app) as server:
        client = Client(server)
        client.quic.holds = True
        client.fetch()
        first, second = (b"u=3, i", b"u=3, i") if share else (b"u=5", b"u=1")
        slow, fast = (client.ask([*GET, (b"priority", value)]) for value in (first, second))
        client.turn()
        client.quic.deliver(40000)
        sizes = [len(client.answer(number).body) for number in (slow, fast)]
        assert min(sizes) > 10000 if share else (sizes[0] == 0 and sizes[1] > 30000)
        while {slow, fast} - client.quic.ends:
            client.quic.deliver()
        assert [len(client.answer(number).body) for number in (slow, fast)] == [60000, 60000]


def test_q4_trailers_wait_for_the_body_and_priorities_may_change_meanwhile() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": bytes(60000)})
        await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")]})

    with MemoryServer(app) as server:
        client = Client(server, window=70000)
        client.quic.holds = True
        slow, fast, dropped = (client.ask([*GET, (b"te", b"trailers")]) for _ in range(3))
        client.turn()
        for number, value in ((slow, b"u=5"), (fast, b"u=1")):
            client.send(2, wire.frame(wire.PRIORITY_UPDATE, wire.varint(number) + value))
        client.cancel(dropped)
        while not {slow, fast} <= client.quic.ends:
            client.quic.deliver()
            client.turn()
            assert fast in client.quic.ends or slow not in client.quic.ends
        for number in (slow, fast):
            assert len(client.answer(number).body) == 60000
            assert client.answer(number).trailers == [(b"x-a", b"1")]
        assert client.answer(dropped).reset == -1


def test_q4_an_upload_is_read_as_the_application_reads() -> None:
    class App:
        def __init__(self) -> None:
            self.held: asyncio.Future[None] | None = None

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            self.held = asyncio.get_running_loop().create_future()
            await self.held
            while (await receive())["more_body"]:
                pass
            await hello(scope, receive, send)

    app = App()
    with MemoryServer(app) as server:
        client = Client(server)
        number = client.ask(POST, end=False)
        client.turn()
        before = client.quic.read[number]
        client.send(number, data(bytes(50000)))
        client.turn()
        assert client.quic.read[number] - before < 10, "only the head of the frame"
        assert app.held is not None
        app.held.set_result(None)
        client.turn()
        assert client.quic.read[number] - before >= 50000
        client.send(number, b"", end=True)
        client.turn()
        assert client.answer(number).body == b"hello"


def test_q5_a_response_that_needs_no_more_of_its_request_stops_it() -> None:
    """RFC 9114 section 4.1."""
    with MemoryServer(hello) as server:
        client = Client(server)
        number = client.ask(POST, b"x", end=False)
        client.turn()
        assert client.answer(number).complete
        assert client.quic.stops[number] == H3_NO_ERROR
        client.send(number, data(b"y" * 100))
        client.user.stream_reset(number, H3_NO_ERROR)
        client.turn()
        assert client.fetch().body == b"hello"


def test_q3_heads_that_do_not_end_are_bounded() -> None:
    with MemoryServer(hello, h2_max_concurrent_streams=3) as server:
        client = Client(server)
        for number in range(0, 16, 4):
            client.send(number, headers()[:5])
        client.turn()
        assert client.quic.resets == {12: H3_REQUEST_REJECTED}
        client.send(0, headers()[5:], end=True)
        client.turn()
        assert client.answer(0).body == b"hello"


def test_q3_only_so_many_heads_are_remembered() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        for number in range(200):
            assert client.fetch(request(b"/%d" % number)).body == b"hello"
        assert len(client.user._requests._heads) <= REMEMBERED_HEADS


FLOODS: dict[str, tuple[int, bytes, int]] = {
    "unknown frames on the control stream": (2, wire.frame(0x21), 1001),
    "priorities": (2, wire.frame(wire.PRIORITY_UPDATE, b"\0"), 1001),
    "unknown frames before a request": (0, wire.frame(0x21), 1001),
    "unknown frames within one": (0, headers(POST) + wire.frame(0x21) * 10, 101),
    "empty DATA": (0, data() * 10, 101),
    "tiny DATA": (0, data(b"x") * 100, 501),
    "cancellations on the decoder stream": (6, b"\x40", 1001),
    "capacities on the encoder stream": (6, b"\x20", 1001),
}


@pytest.mark.parametrize("name", FLOODS)
def test_q3_floods_end_the_connection(name: str) -> None:
    stream, flood, times = FLOODS[name]
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        if "DATA" in name or "within" in name:
            client.send(stream, headers(POST))
            flood = flood.removeprefix(headers(POST))
        elif stream == 6:
            client.send(6, wire.varint(wire.DECODER if "decoder" in name else wire.ENCODER))
        for _ in range(times):
            if not client.quic.closed:
                client.user.stream_data(stream, flood, False)
                client.turn()
        assert client.quic.closed is not None
        assert client.quic.closed[0] == H3_EXCESSIVE_LOAD
        sent = dict(client.quic.sent)
        client.user.stream_data(400, headers(), True)
        client.user.stream_reset(0, H3_REQUEST_CANCELLED)
        client.turn()
        assert client.quic.sent == sent, "nothing is answered any more"
        assert Client(server).quic.closed is None
        app.end()


def test_q3_heads_that_are_too_large_cost_little_and_end_the_connection() -> None:
    with MemoryServer(Held()) as server:
        client = Client(server)
        large = headers([*GET, *[(b"x", b"y")] * 1000])
        for number in range(0, 44, 4):
            client.send(number, large, end=True)
            client.turn()
        assert client.answer(0).status == 431
        assert client.quic.closed is not None
        assert client.quic.closed[0] == H3_EXCESSIVE_LOAD


def test_q6_input_waits_for_its_turn() -> None:
    """Rule H-22: one turn reads only so much; the rest is read in the next ones, in order."""
    app = Recorder()
    with MemoryServer(app, h2_max_concurrent_streams=2000) as server:
        client = Client(server)
        for _ in range(400):
            client.ask(request(b"/", b"POST", *[(b"x-%d" % at, b"y" * 50) for at in range(20)]), b"abc")
        assert client.user._receiving.is_behind
        assert not client.answer(1596).complete
        client.turn()
        assert [client.answer(number).body for number in range(0, 1600, 4)] == [b"3 bytes"] * 400


def test_q7_a_drain_announces_the_end_before_it_comes() -> None:
    """GOAWAY(2^62-4), a round trip later the real one, then the end with the last response."""
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        first = client.ask()
        client.turn()
        client.quic.holds = True
        server.context.drain()
        client.turn()
        assert client.goaways == [LAST_REQUEST]
        second = client.ask()
        client.turn()
        client.quic.holds = False
        client.quic.deliver()
        client.turn()
        assert client.goaways == [LAST_REQUEST, second + 4]
        late = client.ask()
        client.turn()
        assert client.quic.resets[late] == H3_REQUEST_REJECTED
        app.go(0)
        client.turn()
        assert client.answer(first).complete
        assert client.quic.closed is None
        app.go(1)
        client.turn()
        assert client.answer(second).complete
        assert client.quic.closed == (H3_NO_ERROR, "")


def test_q7_a_connection_that_comes_during_a_drain() -> None:
    with MemoryServer(hello) as server:
        server.context.drain()
        client = Client(server)
        assert client.goaways[0] == LAST_REQUEST
        server.loop.advance(3)
        assert client.quic.closed == (H3_NO_ERROR, "")


def test_q7_an_abort_breaks_off_at_once() -> None:
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        client.ask()
        client.turn()
        for connection in list(server.context.connections):
            connection.abort()
        client.turn()
        assert client.is_over
        assert not server.context.connections
        app.end()


def test_q7_late_heads_are_counted_and_end_the_connection() -> None:
    options: dict[str, Any] = {"timeout_request_headers": 2.0, "timeout_keep_alive": 60.0}
    with MemoryServer(hello, h2_max_concurrent_streams=600, **options) as server:
        client = Client(server)
        for number in range(0, 2400, 4):
            client.send(number, headers()[:5])
        server.loop.advance(2.6)
        assert client.quic.closed is not None
        assert client.quic.closed[0] == H3_EXCESSIVE_LOAD


def test_q7_a_drain_does_not_wait_for_a_client_that_acknowledges_nothing() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        client.quic.holds = True
        server.context.drain()
        server.loop.advance(1.3)
        assert client.goaways == [LAST_REQUEST, 0]
        assert client.quic.closed is None
        server.loop.advance(1.3)
        assert client.quic.closed == (H3_NO_ERROR, "")


def test_q7_no_settings_in_time() -> None:
    with MemoryServer(hello, h2_timeout_settings=2.0, timeout_keep_alive=60.0) as server:
        client = Client(server, opening=b"\0\x04\x02")
        server.loop.advance(2.6)
        assert client.quic.closed is not None
        assert client.quic.closed[0] == H3_MISSING_SETTINGS


def test_q7_a_head_that_does_not_come_in_time_costs_its_stream() -> None:
    with MemoryServer(hello, timeout_request_headers=2.0, timeout_keep_alive=60.0) as server:
        client = Client(server)
        client.send(0, headers()[:5])
        server.loop.advance(1)
        client.send(4, headers()[:5])
        server.loop.advance(1.4)
        assert client.quic.resets == {0: H3_REQUEST_INCOMPLETE}
        client.send(4, headers()[5:], end=True)
        client.turn()
        assert client.answer(4).body == b"hello"


def test_q1_hooks_health_and_the_default_fields_are_those_of_all_versions() -> None:
    with MemoryServer(hello, health=True, headers=("x-own: 1",), date_header=False) as server:
        client = Client(server)
        assert client.fetch(request(b"/healthz")).status in (200, 204)
        assert client.fetch().headers == {
            b":status": b"200",
            b"server": b"esg",
            b"x-own": b"1",
            b"content-type": b"text/plain",
        }


def test_q1_requests_and_connections_are_counted_as_those_of_http3() -> None:
    """And their streams (rules M-1, A-7)."""
    app = Held()
    with MemoryServer(app) as server:
        server.context.tally = tally = Tally(Meter(), server.context)
        client = Client(server)
        client.ask()
        client.turn()
        assert stats(server.context)["h3_streams"] == 1
        app.go(0)
        client.turn()
        assert stats(server.context)["h3_streams"] == 0
        assert tally.accepted == {"3": 1}
        assert [protocol for protocol, rows in tally.rows.items() if rows] == ["3"]
        assert [*tally.rows["3"]["GET"]] == [200]


def test_q7_a_connection_ends_even_if_input_waits_for_its_turn() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        client.quic.holds = True
        server.context.budget.spend(10**6)
        for _ in range(300):
            client.user.stream_data(2, wire.frame(0x21), False)
        server.context.drain()
        client.quic.deliver()
        assert client.goaways == [LAST_REQUEST, 0]
        server.loop.advance(3)
        assert client.quic.closed == (H3_NO_ERROR, "")
