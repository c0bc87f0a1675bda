"""What a connection waits for, how it looks for its client, and how it ends (rules H-8, H-9, H-16, H-17, L-2)."""

import asyncio
import math
import socket
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import cast

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.deadlines import TICK
from esg_core.figures.tally import Tally
from esg_core.header_fields import Alternatives
from esg_http.call.cycle import Cycle
from esg_http.h1.connection import H1Connection
from esg_http.settings import LOOK
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import hello
from tests.support.figures.counting import Meter
from tests.support.http.asking import answers, connected
from tests.support.http.memory import MemoryServer
from tests.support.http.over_tls import over_tls

LAST = get(b"Connection: close")
FILE = {"type": "http.response.zerocopysend"}
LATE = TICK + 0.01
"""Seconds by which a deadline may be noticed late."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket that a transport in memory shows, and its client's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(20)
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


async def listens(scope: Scope, receive: Receive, send: Send) -> None:
    """Ends when its client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass


answers_without_length = sends(start(), body(b"x"))
answers_with_length = sends(start(headers=length(b"1")), body(b"x"))


async def answers_at_length(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    with suppress(OSError):
        await send(body(bytes(200_000), more_body=True))


def do_nothing() -> None:
    """In place of the `close()` of a transport that waits for its client's close_notify."""


def without_length(scope: Scope | None, status: int, headers: Headers) -> tuple[int, Headers]:
    """A response hook that takes the length from answers to what is no request."""
    return status, [] if scope is None else headers


# Ends.


def test_a_client_has_a_second_to_read_its_last_response() -> None:
    """H-8."""
    with connected(hello) as client:
        client.feed(LAST + b"early")
        assert client.transport.eof_written
        assert client.connection._held == b""
        assert client.due_in == pytest.approx(1)
        client.server.loop.advance(1 + LATE)
        assert client.transport.closed


def test_a_client_has_five_seconds_to_end_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """H-8, RFC 8446 section 6.1: it need not."""
    longer = dict.fromkeys(("keep_alive", "request_headers", "request", "write", "tls_handshake"), 60.0)
    options = {f"timeout_{name}": seconds for name, seconds in longer.items()}
    with connected(hello, over_tls(), **options) as client:
        monkeypatch.setattr(client.transport, "close", do_nothing)
        client.feed(LAST)
        assert client.due_in == pytest.approx(5)
        client.server.loop.advance(4.9)
        assert not client.transport.closed
        client.server.loop.advance(0.1 + LATE)
        assert client.transport.aborted


def test_a_last_response_that_is_not_sent_in_a_second_is_waited_for() -> None:
    """H-8, H-17: for up to timeout-write."""
    with connected(hello) as client:
        client.transport.stall()
        client.feed(LAST + b"early")
        client.server.loop.advance(1 + LATE)
        assert not client.transport.is_closing()
        assert 1 - LATE <= client.due_in <= 1
        client.transport.read()
        client.server.loop.advance(1 + LATE)
        assert client.transport.closed
        assert not client.transport.aborted


def test_a_last_response_that_is_not_read_is_given_up() -> None:
    """H-17: after timeout-write, as any other."""
    with connected(hello, timeout_write=4.0) as client:
        client.transport.stall()
        client.feed(LAST + b"early")
        client.server.loop.advance(3.9)
        assert not client.transport.closed
        client.server.loop.advance(0.1 + LATE)
        assert client.transport.closed


def test_an_idle_connection_whose_response_is_not_read_is_given_up() -> None:
    """H-17: after timeout-keep-alive and timeout-write."""
    with connected(hello, timeout_keep_alive=2.0, timeout_write=4.0) as client:
        client.transport.stall()
        client.feed(get())
        client.server.loop.advance(2 + LATE)
        assert client.transport.is_closing()
        assert not client.transport.closed
        client.server.loop.advance(4 + LATE)
        assert client.transport.closed


@pytest.mark.parametrize("lingers", [False, True])
def test_a_client_that_ends_its_side_has_the_time_to_read_that_it_had_before(lingers: bool) -> None:
    """H-17: the looks at what is written go on, and no other deadline counts."""
    with connected(hello, timeout_keep_alive=2.0, timeout_write=40.0) as client:
        client.transport.stall()
        client.feed(LAST + b"early" if lingers else get())
        client.server.loop.advance(0.5)
        client.connection.eof_received()
        assert client.due_in == pytest.approx(9.5 if lingers else 10)


@pytest.mark.parametrize(
    ("data", "waits"),
    [
        (LAST, False),
        (LAST + b"early", True),
        (post(b"Content-Length: 100000000"), True),
        (b"GET / HT", True),
    ],
    ids=["nothing", "early", "body", "head"],
)
def test_tls_ends_at_once_unless_something_is_unread(data: bytes, waits: bool) -> None:
    """H-8: the client would see a reset."""
    with connected(hello, over_tls(), timeout_request_headers=2.0) as client:
        connection = client.connection
        client.feed(data)
        client.server.loop.advance((2 + LATE) * (data == b"GET / HT"))
        assert client.transport.written.startswith(b"HTTP/1.1 ")
        assert client.transport.is_closing() != waits
        assert (connection._body, connection._intake) == (None, None)


def test_a_body_that_is_not_worth_skipping_ends_the_connection() -> None:
    """H-8: even if the response has told its client that it stays."""
    app = sends(start(headers=length(b"2")), body(b"x", more_body=True), body(b"y"))
    with connected(app) as client:
        client.feed(post(b"Content-Length: 100000000"))
        assert client.bodies("POST") == [b"xy"]
        assert client.transport.eof_written


def test_a_body_that_is_skipped_is_read_again() -> None:
    """H-7, H-8: reading was paused while the application took nothing."""
    goes_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await goes_on.wait()
        await answers_with_length(scope, receive, send)

    with connected(app) as client:
        client.feed(post(b"Content-Length: 100000", body=bytes(80_000)))
        assert not client.transport.is_reading()
        goes_on.set()
        client.server.loop.settle()
        assert client.bodies("POST") == [b"x"]
        client.feed(bytes(20_000) + get())
        assert client.bodies() == [b"x"]


def test_a_connection_that_closes_holds_no_input() -> None:
    """H-20."""
    with connected(listens, over_tls()) as client:
        client.feed(get() + b"early")
        assert client.connection._held == b"early"
        [cycle] = client.server.context.cycles
        client.connection.eof_received()
        assert cast(Cycle, cycle).client_gone
        assert client.connection._held == b""


def test_nothing_is_written_to_a_lost_connection() -> None:
    """What the application has sent in the same turn is dropped."""
    with connected(listens) as client:
        client.feed(get())
        client.connection.send(b"late", False)
        client.connection.connection_lost(None)
        client.server.loop.settle()
        assert client.transport.written + client.transport.late == b""


def test_nothing_happens_to_a_lost_connection() -> None:
    """A stream may be given up late."""
    with connected(listens) as client:
        client.feed(get())
        connection = client.connection
        client.transport.reset()
        client.server.loop.settle()
        before = connection.deadline
        connection.give_up()
        assert connection.deadline == before
        assert not client.server.context.cycles


def test_a_file_does_not_wait_for_a_client_that_is_lost(tmp_path: Path) -> None:
    """H-7, H-16."""
    (tmp_path / "file").write_bytes(bytes(1_000_000))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send({**FILE, "file": file.fileno()})

    with (tmp_path / "file").open("rb") as file, connected(app) as client:
        client.transport.stall()
        client.feed(get())
        assert client.connection.gate.closed
        client.transport.reset()
        client.server.loop.settle()
        client.server.loop.advance(2)
        assert not client.server.context.cycles


# Drains and forced ends.


@pytest.mark.parametrize("is_read", [True, False])
def test_a_drain_does_not_wait_for_the_end_of_tls(is_read: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """L-2: once the client has its response."""
    with connected(hello, over_tls()) as client:
        monkeypatch.setattr(client.transport, "close", do_nothing)
        if not is_read:
            client.transport.stall()
        client.feed(get())
        client.server.context.drain()
        client.server.loop.settle()
        assert client.transport.aborted == is_read


def test_a_drain_leaves_a_connection_whose_next_request_has_come(pair: Pair) -> None:
    """L-2: although nothing has been read of it yet."""
    with connected(hello, {"extra": {"socket": pair[0]}}) as client:
        client.feed(get())
        pair[1].send(b"G")
        client.connection.drain()
        assert not client.transport.is_closing()
        pair[0].recv(1)
        client.connection.drain()
        assert client.transport.is_closing()


@pytest.mark.parametrize("served", [True, False])
def test_a_patient_drain_leaves_a_connection_without_a_request(served: bool) -> None:
    """L-2: until the second drain."""
    with connected(hello) as client:
        if served:
            client.feed(get())
        client.server.context.drain(patient=True)
        assert client.transport.is_closing() == served
        client.server.context.drain()
        assert client.transport.is_closing()


def test_the_last_response_of_a_drain_ends_its_connection_at_once() -> None:
    """L-2, H-8."""
    with connected(listens) as client:
        client.feed(get())
        client.server.context.drain()
        [cycle] = client.server.context.cycles
        cast(Cycle, cycle).answer(200, [], b"")
        assert client.transport.is_closing()
        client.server.loop.settle()
        cast(Cycle, cycle).task.cancel()


def test_a_response_that_began_before_the_drain_ends_its_connection() -> None:
    """L-2: although it has told its client that the connection stays."""
    goes_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"2")))
        await send(body(b"x", more_body=True))
        await goes_on.wait()
        await send(body(b"y"))

    with connected(app) as client:
        client.feed(get())
        client.server.context.drain()
        goes_on.set()
        client.server.loop.settle()
        assert client.bodies() == [b"xy"]
        assert client.transport.is_closing()


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_forced_end_cuts_a_response_that_is_not_complete(is_complete: bool) -> None:
    """L-2, H-10: a client of HTTP/1.0 sees it as complete if its connection ends without a reset."""
    app = answers_without_length if is_complete else answers_at_length
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname(), timeout=20)
        ours, _ = listening.accept()
    with ours, theirs, connected(app, {"extra": {"socket": ours}}) as client:
        client.transport.stall()
        client.feed(b"GET / HTTP/1.0\r\n\r\nearly")
        client.connection.abort()
        assert client.transport.aborted
        with nullcontext() if is_complete else pytest.raises(ConnectionResetError):
            assert theirs.recv(1) == b""


def test_the_client_sees_the_end_even_if_a_child_holds_the_socket(pair: Pair) -> None:
    """L-7."""
    with connected(hello, {"extra": {"socket": pair[0]}}) as client:
        client.transport.feed_eof()
        client.server.loop.settle()
        assert client.transport.closed
        assert pair[1].recv(1) == b""


# Deadlines.


def test_a_client_that_reads_nothing_is_looked_at_soon() -> None:
    """H-17: four times within timeout-write, however long the other time-outs are."""
    with connected(answers_at_length, timeout_write=8.0, timeout_keep_alive=5.0) as client:
        client.transport.stall()
        client.feed(get())
        assert client.due_in == pytest.approx(2)
        assert client.connection.check_at == math.ceil(client.connection.deadline / TICK)
        client.connection.expire(client.connection.deadline)
        assert client.due_in == pytest.approx(4)
        client.server.loop.advance(8 + LATE)
        assert client.transport.closed
        assert client.server.log.trouble == ["127.0.0.1:50000 does not read its response: aborted (timeout-write)"]


def test_a_request_is_late_even_if_its_client_reads_nothing() -> None:
    """H-17: the looks at what is written do not take the place of its own deadline."""
    with connected(answers_at_length, timeout_write=8.0, timeout_request=5.0) as client:
        client.transport.stall()
        client.feed(post(b"Content-Length: 100"))
        client.server.loop.advance(4.9)
        assert not client.transport.is_closing()
        client.server.loop.advance(0.1 + LATE)
        assert client.transport.is_closing()


@pytest.mark.parametrize(("data", "what"), [(b"GET", "head"), (post(b"Content-Length: 100"), "body")])
def test_a_late_request_is_logged(data: bytes, what: str) -> None:
    """H-11, H-17."""
    with connected(listens, timeout_request_headers=2.0, timeout_request=2.0) as client:
        client.feed(data)
        client.server.loop.advance(2 + LATE)
        assert client.statuses("POST") == [408]
        said = f"refused a request from 127.0.0.1:50000: the request {what} did not arrive in time"
        assert client.server.log.trouble == [f"{said} (RFC 9110 section 15.5.9)"]


def test_a_client_that_has_read_everything_is_no_longer_watched() -> None:
    """H-17: its application may take as long as it likes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answers_at_length(scope, receive, send)
        await listens(scope, receive, send)

    with connected(app, timeout_write=8.0) as client:
        client.transport.stall()
        client.feed(get())
        client.transport.read()
        assert (client.connection.deadline, client.connection._write_deadline) == (math.inf, math.inf)
        client.server.loop.advance(100)
        assert not client.transport.is_closing()


# Clients that have gone.


def test_a_client_that_has_gone_is_noticed_while_nothing_is_read(pair: Pair) -> None:
    """H-16."""
    with connected(listens, {"extra": {"socket": pair[0]}}) as client:
        client.feed(get())
        for _ in range(5):
            client.connection.expire(client.server.loop.time())
            client.server.loop.settle()
        assert client.due_in == pytest.approx(LOOK)
        assert client.server.context.cycles
        pair[1].close()
        client.connection.expire(client.server.loop.time())
        client.server.loop.settle()
        assert client.transport.aborted
        assert not client.server.context.cycles


def test_a_client_that_has_gone_is_not_asked(pair: Pair) -> None:
    """H-16, H-25."""
    with connected(listens, {"extra": {"socket": pair[0]}}, timeout_disconnected=60.0) as client:
        client.feed(get())
        client.transport.feed_eof()
        client.server.loop.settle()
        pair[1].close()
        client.connection.expire(client.server.loop.time())
        assert client.transport.aborted
        assert client.transport.written + client.transport.late == b""


@pytest.mark.parametrize(("asks", "begun"), [(True, False), (False, False), (True, True)])
def test_a_client_that_only_stops_sending_is_asked_once(pair: Pair, asks: bool, begun: bool) -> None:
    """H-9, H-25: with timeout-disconnected, before its response; and its application is told."""
    options = {"timeout_disconnected": 60.0} if asks else {}
    told: list[str] = []
    is_over = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send(start())
            await send(body(b"x", more_body=True))
        await receive()
        told.append((await receive())["type"])
        await is_over.wait()

    with connected(app, {"extra": {"socket": pair[0]}}, **options) as client:
        client.feed(get())
        pair[1].shutdown(socket.SHUT_WR)
        for _ in range(5):
            client.connection.expire(client.server.loop.time())
            client.server.loop.settle()
        assert told == ["http.disconnect"]
        assert client.transport.written.count(b"HTTP/1.1 100 Continue\r\n\r\n") == (asks and not begun)
        assert client.due_in == pytest.approx(LOOK)
        is_over.set()


def test_a_client_that_gets_a_file_is_not_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-9: the kernel sends it, so that no byte of it is counted before its end."""
    is_over = asyncio.Event()
    told: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        await send({**FILE, "file": pair[1].fileno(), "offset": 0, "count": 3})
        told.append((await receive())["type"])

    async def send_file(*_: object) -> None:
        await is_over.wait()

    monkeypatch.setattr("esg_http.h1.output.send_file", send_file)
    with connected(app, {"extra": {"socket": pair[0]}}) as client:
        client.feed(get())
        pair[1].shutdown(socket.SHUT_WR)
        for _ in range(3):
            client.connection.expire(client.server.loop.time())
        [cycle] = client.server.context.cycles
        assert not cast(Cycle, cycle).input_over
        assert client.connection._sends_file
        is_over.set()
        client.server.loop.settle()
        assert not client.connection._sends_file
        assert told == ["http.disconnect"]


# Its peer, and what it is.


def test_what_is_no_request_is_no_head_request_either() -> None:
    """H-11, R-1: whatever came before it."""
    with connected(answers_with_length, on_response=without_length) as client:
        client.feed(head(b"HEAD / HTTP/1.1", b"Host: t"))
        client.transport.read()
        client.feed(b"\0\r\n\r\n")
        [refusal] = answers(client.transport)
        assert (refusal.status, refusal.body) == (400, b"Bad Request")
        assert refusal.get(b"transfer-encoding") == b"chunked"


def test_responses_over_tls_name_http3() -> None:
    """Q-17."""
    with MemoryServer(hello) as server:
        plain = server.connect()
        cast(H1Connection, plain.get_protocol())._settings.alternatives = Alternatives(frozenset({443}), 60)
        secure = server.connect(**over_tls(), sockname=("127.0.0.1", 443))
        for transport in (plain, secure):
            transport.feed(get())
        server.loop.settle()
        assert b"alt-svc" not in plain.written
        assert b'\r\nalt-svc: h3=":443"; ma=60\r\n' in secure.written


@pytest.mark.parametrize(("http2", "version"), [(True, "2"), (False, "1.1")])
def test_a_connection_is_counted_as_what_tls_has_agreed_on(http2: bool, version: str) -> None:
    """M-1, RFC 9113 section 3.2."""
    with MemoryServer(hello, http2=http2) as server:
        server.context.tally = tally = Tally(Meter(), server.context)
        server.connect(**over_tls("h2"))
        assert tally.accepted == {version: 1}
        [connection] = server.context.connections
        assert getattr(connection, "protocol_name", None) == f"HTTP/{version}"


@pytest.mark.parametrize("allowed", ["*", "192.0.2.1"])
def test_whether_the_peer_is_a_trusted_proxy(allowed: str) -> None:
    """H-19."""
    with connected(hello, proxy_headers=True, forwarded_allow_ips=allowed) as client:
        assert client.connection.is_trusted == (allowed == "*")
