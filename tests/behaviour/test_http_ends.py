"""How a connection ends: unread bodies, clients that half close or go (rules H-8, H-9, H-16, H-21).

Over real sockets, because the kernels decide what a client gets to see.
"""

import asyncio
import ssl
import threading
import time
from contextlib import suppress

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello, reads
from tests.support.behaviour.pace import Diary, large, wait_until_it_stands_still
from tests.support.http.asking import answers, ask, read_body
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.sockets import (
    CLEARTEXT,
    LOOPS_AND_WIRES,
    QUIC_ON_ASYNCIO,
    QUIC_ON_UVLOOP,
    TCP,
    WIRINGS,
    Client,
    SocketServer,
    Wiring,
)

MEBIBYTE = 1024 * 1024

each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)
each_path = pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)
each_cleartext = pytest.mark.parametrize("wiring", CLEARTEXT, ids=str)


# H-8: unread bodies.


@each_wiring
@pytest.mark.parametrize("late", [False, True], ids=["at-once", "late"])
def test_a_short_body_is_skipped_to_keep_the_connection(late: bool, wiring: Wiring) -> None:
    """H-8."""
    with SocketServer(hello, wiring) as server, server.connect() as client:
        for _ in range(2):
            upload = post(b"Content-Length: 10000", body=b"" if late else b"x" * 10000)
            assert client.ask(upload).get(b"connection") is None
            client.send(b"x" * 10000 if late else b"")
        assert client.ask(get()).body == b"hello"


@each_path
@pytest.mark.parametrize(
    "line", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"], ids=["length", "chunked"]
)
def test_a_long_body_ends_the_connection_and_spares_the_response(line: bytes, wiring: Wiring) -> None:
    """H-8: the client goes on sending, gets the whole response, and then the end instead of a reset."""
    with SocketServer(large(300_000), wiring) as server, server.connect() as client:
        client.send(post(line, body=b"1000000\r\n"))
        response = client.response("POST")
        assert (len(response.body), response.get(b"connection")) == (300_000, b"close")
        send_on(client, MEBIBYTE)
        assert client.rest() == b""
        server.wait_idle()


@each_path
@pytest.mark.parametrize(
    "data",
    [
        get(b"Connection: close"),
        head(b"GET / HTTP/1.0"),
        get(b"bad line"),
        get(target=b"/" + b"a" * 17000),
        get(b"a: " + b"b" * 66000),
        post(b"Content-Length: 200000000"),
    ],
    ids=["close", "1.0", "400", "414", "431", "413"],
)
def test_the_last_response_is_read_by_who_goes_on_sending(data: bytes, wiring: Wiring) -> None:
    """H-8: whatever the reason for the end is."""
    with SocketServer(hello, wiring, limit_request_body=100_000_000) as server, server.connect() as client:
        client.send(data)
        send_on(client, MEBIBYTE)
        response = client.response()
        assert response.get(b"connection") == b"close"
        assert client.rest() == b""


def send_on(client: Client, size: int) -> None:
    """Send unwanted data; the server may close in the middle of it."""
    with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
        for _ in range(size // 4096):
            client.send(b"x" * 4096)


@each_path
def test_nobody_is_lingered_for_longer_than_a_second(wiring: Wiring) -> None:
    """H-8: the connection of a client that never stops sending is closed all the same."""
    with SocketServer(hello, wiring) as server, server.connect() as client:
        client.send(post(b"Content-Length: 100000000"))
        assert client.response("POST").get(b"connection") == b"close"
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 30:
                client.send(b"x")
                time.sleep(0.02)
        assert 0.9 <= time.monotonic() - began < 20
        server.wait_idle()


# H-9: half-close.


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await read_body(receive)
    await asyncio.sleep(0.2)
    await send(start())
    for number in range(5):
        await send(body(b"%d" % number * 200_000, more_body=True))
        await asyncio.sleep(0.02)
    await send(body())


@each_cleartext
@pytest.mark.parametrize(
    "data",
    [get(), post(b"Content-Length: 5", body=b"hello"), head(b"GET / HTTP/1.0"), get(b"Connection: close")],
    ids=["get", "post", "1.0", "close"],
)
def test_a_half_closed_client_gets_its_whole_response(data: bytes, wiring: Wiring) -> None:
    """H-9."""
    with SocketServer(slow, wiring) as server, server.connect() as client:
        response = client.send(data).half_close().response(data.partition(b" ")[0].decode())
        assert response.body == b"".join(b"%d" % number * 200_000 for number in range(5))
        assert client.rest() == b""
        server.wait_idle()
    assert server.log.trouble == []


@each_cleartext
def test_half_closed_after_several_requests(wiring: Wiring) -> None:
    """H-9, H-6: each of them gets its response."""
    app = Diary()
    with SocketServer(app, wiring) as server, server.connect() as client:
        client.send(get(target=b"/a-0.2") + get(target=b"/b") + get(target=b"/c")).half_close()
        assert [client.response().body for _ in "abc"] == [b"/a-0.2", b"/b", b"/c"]
        assert client.rest() == b""
        server.wait_idle()


@each_cleartext
@pytest.mark.parametrize("begun", [b"", b"GET / HT", get()[:-2], get() + b"GET"])
def test_half_closed_before_a_request_is_complete(begun: bytes, wiring: Wiring) -> None:
    """H-9 does not apply here: nothing more can come, and nothing is answered or logged."""
    with SocketServer(hello, wiring) as server, server.connect() as client:
        data = client.send(begun).half_close().rest()
        assert data.count(b"HTTP/1.1 200") == begun.count(get())
        server.wait_idle()


@each_cleartext
def test_half_closed_in_a_body(wiring: Wiring) -> None:
    """H-9, H-16: the application learns that the body will never be complete."""
    app = Recorder()
    with SocketServer(app, wiring) as server, server.connect() as client:
        assert client.send(post(b"Content-Length: 5", body=b"he")).half_close().rest() == b""
        server.wait_idle()
    assert [call.complete for call in app.calls] == [False]


# H-16: clients that go.


@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, *QUIC_ON_UVLOOP], ids=str)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_receive_tells_when_the_client_goes(how: str, wiring: Wiring) -> None:
    """H-16."""
    told, waiting = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        waiting.set()
        assert (await receive())["type"] == "http.disconnect"
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    with SocketServer(app, wiring) as server:
        client = server.connect().send(get())
        assert waiting.wait(10)
        client.reset() if how == "reset" else client.close()
        assert told.wait(10)
        server.wait_until(lambda: not server.context.cycles)
        if how == "reset" or wiring.wire != "unix":
            server.wait_idle()


@each_path
@pytest.mark.parametrize("how", ["close", "reset"])
def test_receive_tells_when_a_client_goes_whose_next_request_waits(how: str, wiring: Wiring) -> None:
    """H-16, H-6: although nothing more is read from it."""
    told, waiting = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting.set()
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    with SocketServer(app, wiring, timeout_keep_alive=1) as server:
        client = server.connect().send(get())
        assert waiting.wait(10)
        client.send(get())
        server.wait_until(lambda: any(connection._held for connection in server.context.connections))  # type: ignore[attr-defined]
        client.reset() if how == "reset" else client.close()
        assert told.wait(10)


@each_cleartext
def test_a_client_whose_requests_wait_is_not_taken_for_gone(wiring: Wiring) -> None:
    """H-9, H-6: a client that has half closed gets all its responses, however late they are."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3 if scope["path"] == "/slow" else 0)
        await hello(scope, receive, send)

    with SocketServer(app, wiring, timeout_keep_alive=1) as server, server.connect() as client:
        client.send(get(target=b"/slow") + get())
        server.wait_until(lambda: any(connection._held for connection in server.context.connections))  # type: ignore[attr-defined]
        client.send(get() * 1000).half_close()
        assert client.rest().count(b"HTTP/1.1 200 OK\r\n") == 1002


@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, *QUIC_ON_ASYNCIO], ids=str)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_send_raises_when_the_client_has_gone(how: str, wiring: Wiring) -> None:
    """H-21: an `OSError`, so that an endless stream ends; the task is not cancelled, and nothing is logged."""
    raised: list[BaseException] = []
    streaming = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(body(b"x" * 1000, more_body=True))
                streaming.set()
                await asyncio.sleep(0.01)
        except BaseException as error:
            raised.append(error)
            raise

    with SocketServer(app, wiring) as server:
        client = server.connect().send(get())
        assert streaming.wait(10)
        client.reset() if how == "reset" else client.close()
        server.wait_idle()
    assert len(raised) == 1
    assert isinstance(raised[0], OSError)
    assert server.log.trouble == []


@pytest.mark.parametrize("wiring", [*TCP, *QUIC_ON_UVLOOP], ids=str)
def test_send_that_waits_is_told_too(wiring: Wiring) -> None:
    """H-21, H-7: a client that goes instead of reading."""
    sent, raised = list[int](), list[BaseException]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(body(b"x" * 65536, more_body=True))
                sent.append(1)
        except OSError as error:
            raised.append(error)

    with SocketServer(app, wiring) as server:
        client = server.connect(receive_buffer=4096).send(get())
        wait_until_it_stands_still(sent)
        client.close()
        server.wait_idle()
    assert len(raised) == 1
    assert server.log.trouble == []


def test_what_is_left_of_a_body_is_gone_with_the_client() -> None:
    """H-16, H-20: nothing is kept for an application that may never ask."""
    with MemoryServer(reads) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 9", body=b"hello"))
        server.loop.settle()
        transport.reset()
        server.loop.settle()
        assert not server.context.cycles
        assert answers(transport) == []
        assert ask(server, server.connect(), post(b"Content-Length: 1", body=b"x")).status == 200


@pytest.mark.parametrize("wiring", TCP, ids=str)
def test_a_client_that_breaks_its_connection_at_any_moment_disturbs_nobody(wiring: Wiring) -> None:
    """H-16, H-20."""
    whole = post(b"Content-Length: 5", body=b"hello") + get()
    with SocketServer(Recorder(), wiring) as server:
        for end in range(0, len(whole) + 1, 3):
            server.connect().send(whole[:end]).reset()
        server.wait_idle()
        with server.connect() as client:
            assert client.ask(get()).status == 200
    assert [record for record in server.log.records if record.levelname == "ERROR"] == []
