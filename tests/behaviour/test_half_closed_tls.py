"""Clients that end their side over TLS and go on reading (rule H-9): by a TLS alert, by the end of TCP, by both."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, cast

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.corpus.case import get, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import read_body
from tests.support.http.memory import Recorder
from tests.support.http.sockets import Client, SocketServer, Wiring, authority
from tests.support.http2.wire import AUTHORITY, METHOD, OPENING, PATH, SCHEME, Kind, block, frame, read
from tests.support.installed import LOOPS
from tests.support.tls_by_hand import TLSByHand

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
ENDS = ("alert", "tcp", "both")

WAYS = list(product(LOOPS, VERSIONS, ENDS))
each_way = pytest.mark.parametrize(("loop", "version", "end"), WAYS, ids=map("-".join, WAYS))


@contextmanager
def connected(server: SocketServer, version: str, receive_buffer: int | None = None, *alpn: str) -> Iterator[TLSByHand]:
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = VERSIONS[version]
    authority().configure_trust(context)
    if alpn:
        context.set_alpn_protocols(alpn)
    with server.open(receive_buffer) as connection:
        yield TLSByHand(connection, context)


def end_side(client: TLSByHand, end: str) -> None:
    if end != "tcp":
        client.say_end()
    client.flush()
    if end != "alert":
        client.end_below()


def rest(client: TLSByHand) -> bytes:
    """Everything received until the server ends TLS."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


PARTS = [b"%d" % number * 200_000 for number in range(5)]


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await read_body(receive)
    await asyncio.sleep(0.1)
    await send(start())
    for part in PARTS:
        await send(body(part, more_body=True))
        await asyncio.sleep(0.02)
    await send(body())


@each_way
@pytest.mark.parametrize("waits", [False, True], ids=["with the handshake", "later"])
@pytest.mark.parametrize("data", [get(), get(b"Connection: close"), post(b"Content-Length: 2", body=b"hi")])
def test_a_whole_request_gets_its_whole_response(loop: str, version: str, end: str, waits: bool, data: bytes) -> None:
    """Even if it comes together with the end of the handshake and the end of the client's side."""
    with SocketServer(slow, Wiring(loop=loop, wire="tls")) as server, connected(server, version) as client:
        if waits:
            client.flush()
            server.wait_until(lambda: server.context.connections)
        client.write(data)
        end_side(client, end)
        response = Client(cast(Any, client)).response()
        assert response.body == b"".join(PARTS)
        assert rest(client) == b""
        server.wait_idle()
    assert server.log.trouble == []


@each_way
def test_a_client_that_reads_slowly_gets_all(loop: str, version: str, end: str) -> None:
    """What waits in the buffers of both transports, of TLS and the socket, is sent before the end."""
    large = b"x" * 3_000_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=[(b"content-length", b"%d" % len(large)), (b"connection", b"close")]))
        await send(body(large))

    with SocketServer(app, Wiring(loop=loop, wire="tls")) as server, connected(server, version, 4096) as client:
        client.write(get())
        client.flush()
        server.wait_until(lambda: any(cast(Any, one).transport.is_closing() for one in server.context.connections))
        end_side(client, end)
        assert Client(cast(Any, client)).response().body == large
        assert rest(client) == b""
        server.wait_idle()


@each_way
def test_several_requests_get_a_response_each(loop: str, version: str, end: str) -> None:
    """H-6: the end is reported when reading goes on, and after what came before it."""
    with SocketServer(slow, Wiring(loop=loop, wire="tls")) as server, connected(server, version) as client:
        client.write(get() * 3)
        end_side(client, end)
        reading = Client(cast(Any, client))
        assert [len(reading.response().body) for _ in range(3)] == [1_000_000] * 3
        assert rest(client) == b""
        server.wait_idle()


@each_way
def test_http_2(loop: str, version: str, end: str) -> None:
    ask = frame(Kind.HEADERS, 1, block((METHOD, SCHEME, PATH, AUTHORITY)), 5)
    with (
        SocketServer(slow, Wiring(loop=loop, wire="tls")) as server,
        connected(server, version, None, "h2") as client,
    ):
        client.write(OPENING + frame(Kind.SETTINGS, flags=1) + frame(Kind.WINDOW_UPDATE, 0, b"\0\x7f\0\0"))
        client.write(ask + frame(Kind.WINDOW_UPDATE, 1, b"\0\x7f\0\0"))
        end_side(client, end)
        frames = list(read(rest(client)))
        assert b"".join(one.payload for one in frames if one.kind == Kind.DATA) == b"".join(PARTS)
        server.wait_idle()


@each_way
@pytest.mark.parametrize("begun", [b"", b"GET / HT", get()[:-2], get() + b"GET"])
def test_before_a_request_is_complete(loop: str, version: str, end: str, begun: bytes) -> None:
    with SocketServer(hello, Wiring(loop=loop, wire="tls")) as server, connected(server, version) as client:
        client.write(begun)
        end_side(client, end)
        assert rest(client).count(b"HTTP/1.1 200") == begun.count(get())
        server.wait_idle()


@each_way
def test_in_a_body(loop: str, version: str, end: str) -> None:
    """H-16: the application learns that the body will never be complete."""
    app = Recorder()
    with SocketServer(app, Wiring(loop=loop, wire="tls")) as server, connected(server, version) as client:
        client.write(post(b"Content-Length: 5", body=b"he"))
        end_side(client, end)
        assert rest(client) == b""
        server.wait_idle()
    assert [call.complete for call in app.calls] == [False]


@each_way
def test_the_application_is_told(loop: str, version: str, end: str) -> None:
    """H-16: as over cleartext, where the server cannot know either whether such a client still reads."""
    told = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        assert (await receive())["type"] == "http.disconnect"
        told.set()
        await hello(scope, receive, send)

    with SocketServer(app, Wiring(loop=loop, wire="tls")) as server, connected(server, version) as client:
        client.write(get())
        end_side(client, end)
        assert told.wait(10)
        server.wait_idle()
