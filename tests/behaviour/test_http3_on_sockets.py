"""The behaviour of all versions, over UDP with a client of another implementation (rule Q-1).

What differs from TCP is tested here; tests over sockets that need no more than a request and a response have QUIC among
their wirings. One loop for each behaviour is enough: both read the socket through the same two calls.
"""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.figures.tally import Tally
from tests.http.corpus.case import get, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import KINDS, hello, in_parts
from tests.support.behaviour.over_streams import OF_FRAMING, OF_HTTP_1, plain
from tests.support.behaviour.pace import UntilTheEnd, wait_until_it_stands_still
from tests.support.e2e.server import serving
from tests.support.figures.counting import Meter
from tests.support.http.asking import by_path, read_body
from tests.support.http.memory import Recorder
from tests.support.http.sockets import SocketServer, Wiring
from tests.support.http3.sockets import CANCELLED, H3SocketClient
from tests.support.installed import LOOPS, PARSER
from tests.support.ws.frames import CLOSE, close, frame, read_frames, text
from tests.support.ws.memory import CODECS

INTERNAL_ERROR = 0x102
WINDOW = 256 * 1024
"""Bytes that a client may be ahead of the application (rule Q-12)."""

WIRINGS = [Wiring(loop=loop, wire="quic") for loop in LOOPS]
ON_UVLOOP, ON_ASYNCIO = WIRINGS[0], WIRINGS[-1]

NOT_FOR_THIS_CLIENT = {"head", "fails-on-head", "large-head", "not-ready"}
"""aioquic takes the length in an answer to HEAD for an error, and sends no value of more than 64 KiB; a server on a
socket is ready."""

SAME = [
    kind
    for kind in KINDS
    if not (kind.seconds or kind.beside or OF_HTTP_1.search(kind.id)) and kind.id not in NOT_FOR_THIS_CLIENT
]


def connect(server: SocketServer, window: int | None = None) -> H3SocketClient:
    client = server.connect(receive_buffer=window)
    assert isinstance(client, H3SocketClient)
    return client


@pytest.mark.parametrize("number", range(len(SAME)), ids=[kind.id for kind in SAME])
def test_q1_the_response_is_that_of_http_1_1(number: int) -> None:
    """H-1, H-3, H-10, H-11, A-8, R-1: except for the framing."""
    kind, wiring = SAME[number], WIRINGS[number % len(WIRINGS)]

    def hook(scope: Scope | None, status: int, headers: Any) -> Any:
        seen.append(status)
        return status, [*headers, (b"x-hook", b"1")]

    seen: list[int] = []
    with SocketServer(kind.app, wiring, on_response=hook, **kind.options) as server, connect(server) as client:
        response = client.ask(kind.data)
        assert not {name for name, _ in response.headers} & OF_FRAMING
        assert response.get(b"date") is not None
        assert (response.get(b"x-hook"), seen) == (b"1", [kind.status])
        assert plain(response) == plain(kind.response(PARSER, on_response=hook))


def test_q1_trailers_and_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    summed = sends(start(trailers=True), body(b"hello"), trailers)
    file = sends(start(), {"type": "http.response.pathsend", "path": str(path)})
    with SocketServer(by_path(summed=summed, file=file), ON_ASYNCIO) as server, connect(server) as client:
        for te, expected in (((b"TE: trailers",), [(b"x-sum", b"1")]), ((), [])):
            response = client.ask(get(*te, target=b"/summed"))
            assert (response.body, response.trailers) == (b"hello", expected)
        assert client.ask(get(target=b"/file")).body == path.read_bytes()


# Flow control, H-7.


def test_q4_send_waits_for_a_client_that_does_not_read() -> None:
    """H-7: nothing is lost, and others are served meanwhile."""
    sent: list[int] = []
    parts, size = 32, 65536

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"%d" % (parts * size))))
        for number in range(parts):
            await send(body(b"%c" % number * size, more_body=True))
            sent.append(number)
        await send(body())

    with SocketServer(by_path(stream=stream, root=hello), ON_UVLOOP) as server, connect(server, 65536) as client:
        client.send(get(target=b"/stream"))
        wait_until_it_stands_still(sent)
        assert len(sent) < parts - 16
        with connect(server) as other:
            assert other.ask(get()).body == b"hello"
        assert client.response().body == b"".join(b"%c" % number * size for number in range(parts))
        assert len(sent) == parts


def test_q12_an_upload_waits_for_an_application_that_does_not_read() -> None:
    """H-7: until it does; nothing is lost, and another stream of the connection is served meanwhile."""
    size, go_on = 4 * WINDOW, asyncio.Event()
    content = bytes(range(256)) * (size // 256)

    async def reads_late(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        received = await read_body(receive)
        await sends(start(), body(b"same" if received == content else b"other"))(scope, receive, send)

    with SocketServer(by_path(late=reads_late, root=hello), ON_ASYNCIO) as server, connect(server) as client:
        client.send(post(b"Content-Length: %d" % size, body=content).replace(b" / ", b" /late ", 1))
        with connect(server) as other:
            assert other.ask(get()).body == b"hello"
        with pytest.raises(TimeoutError):
            client.wait(lambda: client.unsent() < size - WINDOW, 0.5)
        left = client.unsent()
        assert size - WINDOW <= left < size
        server.run(go_on.set)
        assert client.response("POST").body == b"same"


def test_h11_a_body_that_is_too_large() -> None:
    """413 before the application is called, or in the middle of the upload; the connection goes on."""
    app = UntilTheEnd()
    with SocketServer(app, ON_UVLOOP, limit_request_body=100_000) as server, connect(server) as client:
        announced = client.ask(post(b"Content-Length: 100001", b"Expect: 100-continue", body=b""))
        assert (announced.status, app.told) == (413, [])
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"t")]
        stream = client.start(fields, bytes(90_000), end=False)
        server.wait_until(lambda: server.context.cycles)
        client.say(bytes(20_000))
        response = client.response("POST")
        assert (response.status, response.body) == (413, b"Content Too Large")
        client.wait(lambda: stream in client.stops)
        server.wait_until(lambda: app.told == ["receive", "send"])
        assert client.is_open()
    assert server.log.texts(logging.ERROR) == []


# Clients that go, and streams that end early: Q-5, H-16, H-25, H-26.


@pytest.mark.parametrize(("wiring", "leaves"), [(ON_UVLOOP, False), (ON_ASYNCIO, True)], ids=["cancels", "leaves"])
def test_h25_the_call_of_a_departed_client_is_cancelled(wiring: Wiring, leaves: bool) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/held":
            await hello(scope, receive, send)
            return
        begun.set()
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with SocketServer(app, wiring, timeout_disconnected=0) as server, connect(server) as client:
        client.send(get(target=b"/held"))
        assert begun.wait(20)
        if leaves:
            client.close()
        else:
            client.cancel()
            assert client.ask(get()).body == b"hello"
        assert cancelled.wait(20)


def test_h26_only_the_stream_is_dropped() -> None:
    drop = {"type": "esg.drop"}
    within = sends(start(headers=length(b"20")), body(b"x" * 10, more_body=True), drop)
    with SocketServer(by_path(before=sends(drop), within=within, root=hello), ON_ASYNCIO) as server:
        with connect(server) as client:
            for path in (b"/before", b"/within"):
                with pytest.raises(EOFError, match=f"ended with {INTERNAL_ERROR},"):
                    client.ask(get(target=path))
            assert client.ask(get()).body == b"hello"
        server.wait_idle()
    assert server.log.trouble == []


# Deadlines: H-17, Q-7.


def test_h17_a_client_that_never_reads() -> None:
    """timeout-write: its stream is reset, `send()` raises, and the connection goes on."""
    over = threading.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(body(bytes(50_000), more_body=True))
        except OSError:
            over.set()

    app = by_path(stream=stream, root=hello)
    with SocketServer(app, ON_UVLOOP, timeout_write=1) as server, connect(server, 20_000) as client:
        client.send(get(target=b"/stream"))
        assert over.wait(20)
        with pytest.raises(EOFError, match=f"ended with {CANCELLED},"):
            client.response()
        assert client.ask(get()).body == b"hello"


@pytest.mark.parametrize(
    ("wiring", "options", "data"),
    [
        (ON_UVLOOP, {"timeout_keep_alive": 0.3}, get()),
        (ON_ASYNCIO, {"timeout_request_headers": 0.3, "timeout_keep_alive": 0.3}, b""),
    ],
    ids=["after-a-request", "without"],
)
def test_q7_an_idle_connection_is_closed_in_order(wiring: Wiring, options: dict[str, Any], data: bytes) -> None:
    with SocketServer(hello, wiring, **options) as server, connect(server) as client:
        if data:
            assert client.ask(data).status == 200
        assert client.rest() == b""
        server.wait_idle()
    assert server.log.trouble == []


# Limits, drain, figures: H-18, Q-7, M-1.


def test_h18_connections_beyond_the_limit_are_refused_and_told_why() -> None:
    with SocketServer(hello, ON_ASYNCIO, limit_concurrency=2) as server:
        with connect(server) as first, connect(server) as second:
            assert [first.ask(get()).status, second.ask(get()).status] == [200, 200]
            with connect(server) as third:
                refused = third.ask(get())
                assert (refused.status, refused.get(b"retry-after")) == (503, b"1")
            assert first.ask(get()).status == 200
        server.wait_idle()
        with connect(server) as client:
            assert client.ask(get()).status == 200


def test_q7_a_drain_serves_what_is_running_and_closes_in_order() -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await in_parts(scope, receive, send)

    with SocketServer(app, ON_UVLOOP) as server, connect(server) as client:
        client.send(get()).send(get())
        server.wait_until(lambda: len(server.context.cycles) == 2)
        server.run(server.context.drain)
        server.run(go_on.set)
        assert [client.response().body, client.response().body] == [b"hello", b"hello"]
        assert client.rest() == b""
        server.wait_idle()


def test_m1_requests_are_counted() -> None:
    with SocketServer(Recorder(), ON_ASYNCIO, request_id=True, forwarded_allow_ips=()) as server:
        tally = server.context.tally = server.run(lambda: Tally(Meter(), server.context))
        with connect(server) as client:
            answer = client.ask(post(b"Content-Length: 5", body=b"hello"))
            assert answer.get(b"x-request-id") is not None
        server.wait_idle()
        assert tally.accepted == {"3": 1}
        assert [*tally.rows["3"]["POST"]] == [200]


# WebSocket, the log, the trace.


@pytest.mark.parametrize("number", range(len(CODECS)), ids=CODECS)
def test_q8_a_websocket(number: int, certificate: Path) -> None:
    codec, loop = CODECS[number], LOOPS[number % len(LOOPS)]
    options = ("--http3", "--ssl-certfile", str(certificate), "--ws", codec, "--loop", loop, "--log-level", "trace")
    fields = [(b":method", b"CONNECT"), (b":scheme", b"https"), (b":path", b"/echo"), (b":authority", b"localhost")]
    fields += [(b":protocol", b"websocket"), (b"sec-websocket-version", b"13")]
    with serving("tests.behaviour.apps.websocket:app", *options) as server:
        with H3SocketClient(server.port) as client:
            client.start(fields, end=False)
            assert client.head().status == 200
            client.say(text("hello") + text("a" * 70000))
            got = b""
            while len(got) < 2 + 5 + 10 + 70000:
                got += client.content()
            assert [one.payload for one in read_frames(got)] == [b"hello", b"a" * 70000]
            client.say(close(1000, b"bye"), end=True)
            while not got.endswith(frame(CLOSE, b"\x03\xe8bye", mask=None)):
                got += client.content()
            server.wait_for("ended with 1000 'bye'")
            assert client.response().status == 200, "the stream is complete"
            assert client.ask(get()).body == b"plain"
        server.wait_for(r"connection opened: HTTP/3")
        server.wait_for(r"connection closed")
        server.wait_for(r'"GET / HTTP/3" 200')
