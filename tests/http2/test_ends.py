"""How a connection ends: announced, in order, and with nothing lost (rules 2-5, L-2, H-2, H-9, H-18)."""

from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.h2.coding.codes import LAST_STREAM, NO_ERROR, PROTOCOL_ERROR
from esg_http.h2.coding.frames import PREFACE, frame, settings_frame
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.applications import Held, hello
from tests.support.http2.driven import Client, request

ANNOUNCED = (LAST_STREAM, NO_ERROR)


class NoTLS:
    """As much of an `ssl.SSLObject` as a connection uses."""

    def selected_alpn_protocol(self) -> str:
        return "h2"

    def getpeercert(self, binary_form: bool = False) -> Any:
        return None

    def cipher(self) -> None:
        return None

    def version(self) -> str:
        return "TLSv1.3"

    @property
    def context(self) -> "NoTLS":
        return self

    def get_ciphers(self) -> list[dict[str, Any]]:
        return []


def test_2_5_requests_on_their_way_are_served_by_a_drain() -> None:
    """A stream that is opened before the client has read the first GOAWAY."""
    with MemoryServer(hello) as server:
        client = Client(server)
        number = client.ask()
        server.context.drain()
        client.turn()
        assert client.goaways == [ANNOUNCED, (number, NO_ERROR)]
        assert client.answers[number].body == b"hello"
        assert client.transport.closed


def test_2_5_a_client_that_answers_no_ping_delays_a_drain_by_a_second() -> None:
    with MemoryServer(hello) as server:
        transport = server.connect()
        transport.feed(PREFACE + settings_frame({}) + frame(4, 1, 0, b""))
        server.loop.settle()
        server.context.drain()
        server.loop.advance(0.5)
        assert not transport.eof_written
        server.loop.advance(0.8)
        assert transport.eof_written
        server.loop.advance(1.3)
        assert transport.closed


def test_l2_a_connection_that_turns_out_to_be_http_2_while_the_server_drains() -> None:
    with MemoryServer(hello) as server:
        transport = server.connect()
        transport.feed(PREFACE[:10])
        server.loop.settle()
        server.context.drain()
        transport.feed(PREFACE[10:] + settings_frame({}) + frame(4, 1, 0, b""))
        server.loop.advance(2.6)
        assert transport.closed


def test_l2_a_request_while_the_server_is_about_to_stop_is_told() -> None:
    """Where HTTP/1.1 says `connection: close`."""
    with MemoryServer(hello) as server:
        client = Client(server)
        client.fetch()
        server.context.announce_closing()
        answer = client.fetch()
        assert answer.complete
        assert client.goaways == [ANNOUNCED, (3, NO_ERROR)]
        assert client.transport.closed


def test_h2_an_application_that_closes_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b"bye"})

    with MemoryServer(app) as server:
        client = Client(server)
        answer = client.fetch()
        assert (answer.body, b"connection" in answer.headers) == (b"bye", False)
        assert client.goaways == [ANNOUNCED, (1, NO_ERROR)]
        assert client.transport.closed


@pytest.mark.parametrize("tls", [False, True])
def test_2_5_a_slow_reader_gets_all_of_the_last_response(tls: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(60_000)})

    with MemoryServer(app, limit_keepalive_requests=1) as server:
        client = Client(server, extra={"ssl_object": NoTLS()} if tls else {})
        client.ask(request())
        client.transport.stall()
        client.transport.feed(client.h2.data_to_send())
        for _ in range(10):
            server.loop.advance(2.0)
            assert not client.transport.closed
            client.transport.read(5_000)
        client.transport.read()
        assert len(client.transport.written) > 60_000
        server.loop.advance(1.3)
        assert client.transport.closed
        assert not client.transport.aborted or tls


def test_h9_a_client_that_has_closed_its_side_still_gets_whole_responses() -> None:
    app = Held()
    with MemoryServer(app) as server:
        client = Client(server)
        whole, part = client.ask(), client.ask(request(b"/", b"POST"), b"x", end=False)
        client.turn()
        client.transport.feed_eof()
        server.loop.settle()
        app.go(0)
        client.turn()
        assert client.answers[whole].body == b"hello"
        assert client.answers[part].reset is not None
        server.loop.settle()
        assert client.transport.closed
        app.end()


def test_2_3_an_error_is_read_before_the_connection_ends() -> None:
    """Input that still comes does not reset the connection."""
    with MemoryServer(Recorder()) as server:
        client = Client(server)
        client.has_closed = True  # it does not, although the server does
        client.raw(frame(0, 0, 0, b""))
        assert client.goaways == [(0, PROTOCOL_ERROR)]
        assert client.transport.eof_written
        client.transport.feed(bytes(100_000))
        server.loop.settle()
        assert client.transport.unread == 0


def test_h11_a_body_that_will_be_too_large_is_refused_before_it_comes() -> None:
    app = Recorder()
    with MemoryServer(app, limit_request_body=100) as server:
        client = Client(server)
        number = client.ask(request(b"/", b"POST", (b"content-length", b"101")), end=False)
        client.turn()
        assert (client.answers[number].status, client.answers[number].reset) == (413, NO_ERROR)
        assert app.calls == []
