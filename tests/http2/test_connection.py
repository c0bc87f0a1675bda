"""HTTP/2 connections with their cycles: the rules for all versions, and those for HTTP/2."""

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.h2.coding.codes import ENHANCE_YOUR_CALM, NO_ERROR, SETTINGS_TIMEOUT
from esg_http.h2.coding.frames import PREFACE, frame, settings_frame
from tests.support.http.memory import MemoryServer
from tests.support.http2.applications import Held, hello
from tests.support.http2.driven import GET, Client, request
from tests.support.http2.wire import Kind, read


@pytest.mark.parametrize("size", [1, 7, 23, 24, 25])
def test_2_1_the_preface_may_come_in_pieces(size: int) -> None:
    with MemoryServer(hello) as server:
        transport = server.connect()
        opening = PREFACE + settings_frame({})
        for at in range(0, len(opening), size):
            transport.feed(opening[at : at + size])
            server.loop.settle()
        assert transport.written[3] == 4
        assert not transport.is_closing()


def test_2_1_without_http2_the_preface_is_refused() -> None:
    with MemoryServer(hello, http2=False) as server:
        transport = server.connect()
        transport.feed(PREFACE)
        server.loop.settle()
        assert transport.written.startswith(b"HTTP/1.1 505 ")


def test_2_2_what_is_sent_in_one_turn_goes_out_in_one_write() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        before = len(client.transport.writes)
        numbers = [client.ask() for _ in range(10)]
        client.turn()
        assert len(client.transport.writes) == before + 1
        assert all(client.answers[number].complete for number in numbers)


def test_2_3_no_preface_in_time() -> None:
    with MemoryServer(hello, h2_timeout_preface=2.0) as server:
        transport = server.connect()
        transport.feed(PREFACE[:20])
        server.loop.advance(2.3)
        assert transport.eof_written
        server.loop.advance(1.3)
        assert transport.closed


def test_2_3_no_ack_of_the_settings_in_time() -> None:
    with MemoryServer(hello, h2_timeout_settings=2.0, timeout_keep_alive=60.0) as server:
        transport = server.connect()
        transport.feed(PREFACE + settings_frame({}))
        server.loop.advance(2.6)
        assert transport.written.endswith(b"the settings were not acknowledged in time")
        assert bytes((0, 0, 0, SETTINGS_TIMEOUT)) in transport.written
        server.loop.advance(2)


def test_2_5_a_drain_announces_the_end_before_it_comes() -> None:
    """GOAWAY(2^31-1), then the real last stream, then the end with the last response."""
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        first = client.ask()
        client.turn()
        server.context.drain()
        server.loop.settle()
        client.turn()
        assert client.goaways == [(2**31 - 1, NO_ERROR), (first, NO_ERROR)]
        assert not client.transport.is_closing()
        app.go(0)
        client.turn()
        assert client.answers[first].complete
        assert client.transport.closed


def test_2_3_floods_do_not_reach_the_application() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        client.raw(frame(6, 0, 0, bytes(8)) * 1001)
        assert client.goaways[-1][1] == ENHANCE_YOUR_CALM
        other = Client(server)
        assert other.fetch(GET).body == b"hello"
        server.loop.advance(2)
        assert client.transport.closed


def test_2_2_a_head_that_is_larger_than_a_frame_goes_on_in_others() -> None:
    """RFC 9113 section 6.10; a field means the same however many frames it takes."""
    large = bytes(range(0x21, 0x7F)) * 430

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-large", large)]})
        await send({"type": "http.response.body", "body": b"hello"})

    with MemoryServer(app) as server:
        client = Client(server)
        for _ in range(2):
            answer = client.fetch()
            assert (answer.headers[b"x-large"], answer.body, answer.complete) == (large, b"hello", True)


def test_h8_a_date_and_a_server_of_the_application_s_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"own"), (b"date", b"now")]})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        fields = Client(server).fetch().fields
        assert [field for field in fields if field[0] in (b"server", b"date")] == [
            (b"server", b"own"),
            (b"date", b"now"),
        ]


def test_h2_empty_parts_of_a_body_are_no_frames() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"", b"a", b"", b"b"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        client = Client(server)
        assert client.fetch().body == b"ab"
        sizes = [len(one.payload) for one in read(bytes(client.transport.written)) if one.kind == Kind.DATA]
        assert sizes == [1, 1, 0]


def test_h19_what_a_trusted_proxy_says_of_its_client_holds() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await hello(scope, receive, send)

    with MemoryServer(app, forwarded_allow_ips="*") as server:
        forwarded = request(b"/", b"GET", (b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https"))
        assert Client(server).fetch(forwarded).status == 200
    assert (seen[0]["client"][0], seen[0]["scheme"]) == ("192.0.2.7", "https")
