"""How one HTTP/1.1 connection reads on: bodies, early input, deadlines, and ends (H-6 to H-9, H-16, H-17)."""

import asyncio
import math
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.settings import LOOK
from tests.http.corpus.case import chunked, get, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.asking import Slow, by_path, connected, echo, ended, read_body

hello = sends(start(headers=length(b"5")), body(b"hello"))
LARGE = 200_000
large = sends(start(headers=length(b"%d" % LARGE)), body(b"x" * LARGE))


# Early input, and what is not read.


@pytest.mark.parametrize(("size", "reads"), [(65_536, True), (65_537, False)])
@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_h7_so_much_of_a_body_is_buffered(size: int, reads: bool, kind: str) -> None:
    app = Slow()
    with connected(app) as client:
        if kind == "length":
            client.feed(post(b"Content-Length: 100000", body=b"x"), b"x" * (size - 1))
        else:
            client.feed(chunked(b"186a0\r\n"), b"x" * size)
        assert client.transport.is_reading() == reads
        assert (client.due_in == math.inf) == (not reads), "no time of its runs out"
        app.goes_on.set()
        client.server.loop.settle()
        assert client.transport.is_reading()
        client.feed(b"x" * (100_000 - size) + (b"\r\n0\r\n\r\n" if kind == "chunked" else b""))
        assert client.bodies("POST") == [b"x" * 100_000]


@pytest.mark.parametrize("data", [get(), post(b"Content-Length: 2", body=b"hi"), chunked(b"0\r\n\r\n")])
def test_h16_behind_a_whole_request_the_end_of_its_client_is_seen(data: bytes) -> None:
    app = Slow()
    with connected(app) as client:
        client.feed(data)
        assert client.transport.is_reading()
        assert client.due_in == math.inf, "the application may take any time"
        client.transport.reset()
        client.server.loop.settle()
        [cycle] = client.server.context.cycles
        assert getattr(cycle, "client_gone", False)
        app.goes_on.set()


@pytest.mark.parametrize("data", [post(b"Content-Length: 2", body=b"hi"), chunked(b"2\r\nhi\r\n0\r\n\r\n")])
@pytest.mark.parametrize("is_in_one", [True, False])
@pytest.mark.parametrize("options", [{}, {"health": True}], ids=["", "health"])
def test_h6_the_next_request_waits_for_the_response(options: dict[str, Any], data: bytes, is_in_one: bool) -> None:
    """Nothing more is read; twice a second, the server checks whether the client has gone (H-16)."""
    app = Slow()
    with connected(app, **options) as client:
        for times in (1, 2):
            app.goes_on.clear()
            client.feed(*([data + data] if is_in_one else [data, data]), data)
            assert (client.transport.is_reading(), client.transport.unread) == (False, len(data))
            assert client.due_in == LOOK
            client.server.loop.advance(1000)
            assert 0 < client.due_in <= LOOK
            app.goes_on.set()
            client.server.loop.settle()
            assert client.bodies("POST", "POST", "POST") == [b"hi"] * 3
            assert app.methods == ["POST"] * 3 * times
            assert client.due_in == 5, "timeout-keep-alive"


def test_h6_the_next_request_waits_although_the_body_is_read() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await asyncio.sleep(1)
        await hello(scope, receive, send)

    with connected(app) as client:
        client.feed(post(b"Content-Length: 2", body=b"hi" + get()), get())
        assert (client.transport.is_reading(), client.transport.unread) == (False, len(get()))
        client.server.loop.advance(3)
        assert client.statuses() == [200] * 3


def test_h6_the_next_request_waits_although_the_client_reads_the_response() -> None:
    running: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        running.append(len(client.server.context.cycles))
        await sends(start(), body(b"x" * LARGE, more_body=True))(scope, receive, send)
        await asyncio.sleep(1)
        await send(body())

    with connected(app) as client:
        client.transport.stall()
        client.feed(get())
        client.transport.read()
        client.feed(get())
        client.server.loop.advance(3)
        assert running == [1, 1]


def test_h6_the_next_request_waits_until_the_client_has_read_the_response() -> None:
    with connected(large) as client:
        client.transport.stall()
        client.feed(get(), get(), get())
        assert (client.transport.written.count(b"HTTP/1.1 200 OK"), client.transport.is_reading()) == (1, False)
        assert client.statuses() == [200]
        client.server.loop.settle()
        assert client.statuses() == [200, 200]
        assert client.due_in == 5, "timeout-keep-alive"


def test_h8_a_body_that_is_skipped_is_no_request_although_the_client_reads_the_response_meanwhile() -> None:
    canary = get(target=b"/smuggled")
    with connected(large) as client:
        client.transport.stall()
        client.feed(post(b"Content-Length: %d" % (5 + len(canary)), body=b"first"))
        assert client.statuses("POST") == [200]
        client.feed(canary)
        assert client.statuses() == []
        client.feed(get())
        assert client.statuses() == [200]


@pytest.mark.parametrize("parts", [[b"first"], [b"fi", b"rst"]])
def test_h8_behind_a_body_that_is_skipped_comes_the_next_request(parts: list[bytes]) -> None:
    with connected(hello) as client:
        client.feed(post(b"Content-Length: 5"))
        assert client.statuses("POST") == [200]
        client.feed(*parts)
        assert client.due_in == 5, "timeout-keep-alive"
        client.feed(post(b"Content-Length: 5"))
        assert client.statuses("POST") == [200]
        client.feed(*parts[:-1], parts[-1] + get())
        assert client.statuses() == [200]


WAITING: dict[str, Any] = {"backpressure": True, "backpressure_max_limit": 1}
"""One request may run, others wait."""


@pytest.mark.parametrize(("size", "reads"), [(65_536, True), (65_537, False)])
@pytest.mark.parametrize("is_in_one", [True, False])
@pytest.mark.parametrize("is_upload", [True, False])
def test_a6_so_much_is_taken_in_behind_a_request_that_waits(
    size: int, reads: bool, is_in_one: bool, is_upload: bool
) -> None:
    """Bytes of its body, or of the next requests."""
    app = Slow()
    with connected(app, **WAITING) as client:
        other = client.server.connect()
        other.feed(get())
        client.server.loop.settle()
        first, more = post(b"Content-Length: 100000") if is_upload else get(), b"G" * size
        client.feed(*([first + more] if is_in_one else [first, more]))
        assert client.transport.is_reading() == reads
        client.transport.reset()
        client.server.loop.settle()
        app.goes_on.set()


def test_the_application_gets_no_empty_part_of_a_body() -> None:
    """Framing alone is not a body."""
    parts: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        await hello(scope, receive, send)

    with connected(app) as client:
        client.feed(chunked(b""))
        client.feed(b"5;a")
        client.feed(b"\r\n")
        client.feed(b"hello")
        assert parts == [b"hello"]
        client.feed(b"\r\n0\r\n\r\n")
        assert parts == [b"hello", b""]


# Deadlines.


def test_h17_only_the_time_that_its_own_head_took_is_gone_for_a_body() -> None:
    """timeout-request: a whole request takes no time, whether it is the first or follows a head that took some."""
    upload = post(b"Content-Length: 5")
    with connected(echo, timeout_request=9) as client:
        client.feed(upload)
        assert client.due_in == 9
        client.feed(b"hello")
        client.feed(upload[:20])
        client.server.loop.advance(3)
        client.feed(upload[20:])
        assert client.due_in == 6
        client.feed(b"hello", upload)
        assert client.due_in == 9


def test_h17_a_request_that_is_there_has_no_deadline_although_its_response_was_not_read_for_a_while() -> None:
    app = Slow()

    async def streams(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(start(), body(b"x" * LARGE, more_body=True))(scope, receive, send)
        await app.goes_on.wait()
        await send(body())

    with connected(streams) as client:
        client.transport.stall()
        client.feed(get())
        assert client.due_in < math.inf, "timeout-write"
        client.transport.read()
        assert client.due_in == math.inf
        app.goes_on.set()


# How a connection ends.


def test_l2_a_connection_whose_last_response_is_read_ends_if_the_server_drains() -> None:
    with connected(large) as client:
        client.transport.stall()
        client.feed(get())
        client.server.context.drain()
        assert not client.transport.is_closing()
        assert client.statuses() == [200]
        client.server.loop.settle()
        assert client.transport.closed


def test_h9_all_that_came_before_the_end_of_the_client_is_answered() -> None:
    """Including what has come while the first request waited for its turn (A-6)."""
    first, app = Slow(), Slow()
    with connected(by_path(first=first, root=app), **WAITING) as client:
        client.server.connect().feed(get(target=b"/first"))
        client.server.loop.settle()
        client.feed(get(), get())
        assert client.transport.is_reading()
        first.goes_on.set()
        client.server.loop.settle()
        client.transport.feed_eof()
        client.server.loop.settle()
        assert client.statuses() == []
        app.goes_on.set()
        client.server.loop.settle()
        assert client.statuses() == [200, 200]
        assert ended(client.transport)


@pytest.mark.parametrize("parts", [[get()], [get(), b"GET /"]])
def test_h9_after_the_response_a_client_that_has_ended_is_closed(parts: list[bytes]) -> None:
    with connected(large) as client:
        client.transport.stall()
        client.feed(*parts)
        client.transport.feed_eof()
        client.server.loop.settle()
        assert not client.transport.is_closing()
        assert client.statuses() == [200]
        client.server.loop.settle()
        assert client.transport.closed


@pytest.mark.parametrize("behind", [b"GET /", post(b"Content-Length: 5", body=b"he")], ids=["head", "body"])
def test_h9_a_client_that_has_ended_within_its_next_request_is_closed(behind: bytes) -> None:
    """No more of that request can come than came while the first one waited (A-6): no time-out has to pass."""
    first, app = Slow(), Slow()
    with connected(by_path(first=first, root=app), **WAITING) as client:
        client.server.connect().feed(get(target=b"/first"))
        client.server.loop.settle()
        client.feed(get(), behind)
        first.goes_on.set()
        client.server.loop.settle()
        client.transport.feed_eof()
        client.server.loop.settle()
        app.goes_on.set()
        client.server.loop.settle()
        assert client.statuses() == [200]
        assert client.transport.is_closing()


def test_h9_the_last_request_before_the_end_of_its_client_is_looked_after() -> None:
    """Whether the client is still there, for the first request before that end and for the last."""
    first, app, last = Slow(), Slow(), Slow()
    with connected(by_path(first=first, root=app, last=last), **WAITING) as client:
        client.server.connect().feed(get(target=b"/first"))
        client.server.loop.settle()
        client.feed(get(), get(target=b"/last"))
        first.goes_on.set()
        client.server.loop.settle()
        client.transport.feed_eof()
        client.server.loop.settle()
        app.goes_on.set()
        client.server.loop.settle()
        assert client.statuses() == [200]
        assert client.due_in <= LOOK
        last.goes_on.set()
