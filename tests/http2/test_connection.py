"""HTTP/2 connections with their cycles: the rules for all versions, and those for HTTP/2."""

from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.unheard import GRACE
from esg_http.h2.coding.codes import CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, SETTINGS_TIMEOUT
from esg_http.h2.coding.frames import PREFACE, frame, settings_frame
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.applications import Held, hello
from tests.support.http2.driven import GET, Client, request
from tests.support.http2.wire import Kind, read


def test_2_1_a_request_by_prior_knowledge() -> None:
    """The scope of HTTP/2: version, host from :authority, no pseudo-header fields."""
    app = Recorder()
    with MemoryServer(app) as server:
        answer = Client(server).fetch(request(b"/a%20b?c=d", b"POST", (b"accept", b"*/*")), b"12345")
    assert (answer.status, answer.body, answer.complete) == (200, b"5 bytes", True)
    assert answer.headers[b"server"] == b"esg"
    assert b"date" in answer.headers
    scope = app.calls[0].scope
    assert (scope["http_version"], scope["path"], scope["query_string"]) == ("2", "/a b", b"c=d")
    assert scope["headers"] == [(b"host", b"a.test"), (b"accept", b"*/*")]
    assert app.calls[0].body == b"12345"


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


def test_2_2_responses_come_in_any_order() -> None:
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        first, second = client.ask(), client.ask()
        client.turn()
        app.go(1)
        client.turn()
        assert (client.answers[first].complete, client.answers[second].complete) == (False, True)
        app.go(0)
        client.turn()
        assert client.answers[first].body == b"hello"


def test_2_2_what_is_sent_in_one_turn_goes_out_in_one_write() -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        before = len(client.transport.writes)
        numbers = [client.ask() for _ in range(10)]
        client.turn()
        assert len(client.transport.writes) == before + 1
        assert all(client.answers[number].complete for number in numbers)


def test_2_2_a_client_that_reads_no_stream_holds_up_only_that() -> None:
    """And `send()` waits, until timeout-write ends the stream."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        if scope["path"] == "/small":
            await hello(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(20000), "more_body": True})
            sent += 20000

    with MemoryServer(app, timeout_write=3.0) as server:
        client = Client(server, window=0)
        stuck = client.ask(request(b"/big"))
        client.turn()
        assert sent < 200000
        small = client.ask(request(b"/small"))
        client.h2.increment_flow_control_window(100, small)
        client.turn()
        assert client.answers[small].body == b"hello"
        server.loop.advance(3.6)
        client.turn()
        assert client.answers[stuck].reset == CANCEL
        server.loop.advance(2 * GRACE)
        assert not server.context.cycles


def test_2_3_rapid_reset_calls_no_application_and_ends_the_connection() -> None:
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        for _ in range(501):
            number = client.ask()
            client.h2.reset_stream(number, CANCEL)
        client.turn()
        assert app.most <= 100
        assert client.goaways[-1][1] == ENHANCE_YOUR_CALM
        app.end()


def test_2_3_running_calls_are_bounded_also_after_resets() -> None:
    app = Held()
    with MemoryServer(app, h2_max_concurrent_streams=3) as server:
        client = Client(server)
        for _ in range(3):
            number = client.ask()
            client.turn()
            client.h2.reset_stream(number, CANCEL)
            client.turn()
        refused = client.ask()
        client.turn()
        assert (app.running, app.calls, client.answers[refused].reset) == (3, 3, 7)
        app.end()
        server.loop.settle()
        client.ask()
        client.turn()
        assert app.calls == 4
        app.end()


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


def test_2_5_idle_connections_end_in_order() -> None:
    with MemoryServer(hello, timeout_keep_alive=2.0) as server:
        client = Client(server)
        client.fetch()
        server.loop.advance(2.5)
        client.turn()
        assert client.goaways == [(1, NO_ERROR)]
        assert client.transport.closed


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


def test_2_1_the_cap_of_requests_counts_streams() -> None:
    with MemoryServer(hello, limit_keepalive_requests=2) as server:
        client = Client(server)
        answers = [client.fetch(), client.fetch()]
        assert [answer.body for answer in answers] == [b"hello", b"hello"]
        assert client.goaways == [(3, NO_ERROR)]
        assert client.transport.closed


@pytest.mark.parametrize(
    ("headers", "body", "options", "status"),
    [
        (request(b"/" + b"a" * 200), None, {"limit_request_line": 100}, 414),
        (request(b"/", b"GET", *[(b"x", b"y")] * 200), None, {}, 431),
        (request(b"/", b"GET", (b"x", b"y" * 3000)), None, {"limit_request_header_size": 2000}, 431),
        (request(b"/", b"POST"), b"x" * 200, {"limit_request_body": 100}, 413),
        ([(b":method", b"CONNECT"), (b":authority", b"a.test:443")], None, {}, 501),
    ],
)
def test_h11_requests_beyond_the_limits_are_answered(
    headers: Any, body: bytes | None, options: dict[str, Any], status: int
) -> None:
    app = Held()
    with MemoryServer(app, **options) as server:
        client = Client(server)
        assert client.fetch(headers, body).status == status
        assert client.goaways == []
        app.end()


def test_h17_a_body_that_does_not_come_in_time() -> None:
    with MemoryServer(Recorder(), timeout_request=2.0, timeout_request_headers=1.0) as server:
        client = Client(server)
        late, other = client.ask(request(b"/", b"POST"), b"x", end=False), client.ask()
        client.turn()
        server.loop.advance(2.6)
        client.turn()
        assert client.answers[late].status == 408
        assert client.answers[other].complete
        assert not client.transport.is_closing()


@pytest.mark.parametrize("starts", [False, True])
def test_h10_an_application_that_raises(starts: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if starts:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RuntimeError("broken")

    with MemoryServer(app) as server:
        client = Client(server)
        answer = client.fetch()
        assert (answer.status, answer.reset) == ((200, INTERNAL_ERROR) if starts else (500, None))
        assert client.fetch().status == answer.status, "the connection goes on"


def test_h16_a_client_that_cancels_is_told_of() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        seen.append((await receive())["type"])
        with pytest.raises(OSError, match="the client has disconnected"):
            await send({"type": "http.response.start", "status": 200, "headers": []})

    with MemoryServer(app) as server:
        client = Client(server)
        number = client.ask()
        client.turn()
        client.h2.reset_stream(number, CANCEL)
        client.turn()
        assert seen == ["http.disconnect"]


def test_2_4_trailers_and_early_hints() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert "http.response.trailers" in scope["extensions"]
        await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]})
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"x"})
        await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-b", b"2")]})

    with MemoryServer(app) as server:
        answer = Client(server).fetch(request(b"/", b"GET", (b"te", b"trailers")))
    assert answer.hints == [[(b":status", b"103"), (b"link", b"</a>; rel=preload")]]
    assert (answer.body, answer.trailers, answer.complete) == (b"x", [(b"x-a", b"1"), (b"x-b", b"2")], True)


def test_2_1_fields_of_a_connection_are_dropped() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        names = (b"Connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"X-Kept")
        headers = [(name, b"close") for name in names]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        answer = Client(server).fetch()
    assert answer.headers.keys() == {b":status", b"server", b"date", b"x-kept"}


def test_h3_head_has_the_fields_of_get_and_no_body() -> None:
    with MemoryServer(Recorder()) as server:
        answer = Client(server).fetch(request(b"/", b"HEAD"))
    assert (answer.headers[b"content-length"], answer.body, answer.complete) == (b"7", b"", True)


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
