"""Deadlines, on a clock that the test moves (rules H-17, L-5)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, start
from tests.support.behaviour.kinds import hello, reads
from tests.support.behaviour.pace import UntilTheEnd
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.client import Incomplete
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.installed import PARSERS

LATE = 0.5
"""Seconds by which a deadline may be noticed late."""

STEP = 0.05

each_parser = pytest.mark.parametrize("parser", PARSERS)


def seconds_to_end(server: MemoryServer, transport: MemoryTransport, drip: Iterator[bytes] | None = None) -> float:
    """Seconds until the server ends the connection, while a byte of `drip` arrives every second."""
    began = server.loop.time()
    while not ended(transport):
        passed = server.loop.time() - began
        assert passed < 1000, "it never ends"
        if drip is not None and int(passed + STEP) > int(passed):
            transport.feed(next(drip))
        server.loop.advance(STEP)
    return server.loop.time() - began


def due(seconds: float) -> Any:
    """Equal to any time from a deadline until it must have been noticed."""
    return pytest.approx(seconds + LATE / 2, abs=LATE / 2 + STEP)


def bytes_of(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]


def endless(data: bytes) -> Iterator[bytes]:
    while True:
        yield data


async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(100)
    await hello(scope, receive, send)


# The head.


@each_parser
def test_a_client_that_says_nothing_is_hung_up_on_without_a_word(parser: str) -> None:
    """H-17: the first request has timeout-request-headers, not timeout-keep-alive."""
    with MemoryServer(hello, parser, timeout_request_headers=3, timeout_keep_alive=1) as server:
        transport = server.connect()
        assert seconds_to_end(server, transport) == due(3)
        assert transport.written == b""
        server.loop.advance(2)
        assert transport.closed


@each_parser
@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", get()[:-2], b"\r\nG"])
@pytest.mark.parametrize("dripping", [False, True], ids=["stalls", "drips"])
def test_a_head_that_does_not_end(begun: bytes, dripping: bool, parser: str) -> None:
    """H-17: 408 at the same time, whether or not more drips in."""
    line = b"a" if begun == b"G" or begun.endswith(b"G") else b"a: b\r\n"
    with MemoryServer(hello, parser, timeout_request_headers=5) as server:
        transport = server.connect()
        transport.feed(begun)
        assert seconds_to_end(server, transport, endless(line) if dripping else None) == due(5)
        [refusal] = answers(transport)
        assert (refusal.status, refusal.get(b"connection")) == (408, b"close")
        server.loop.advance(2)
        assert transport.closed


def test_the_first_head_counts_from_the_accept() -> None:
    """H-17: a byte just before the deadline gives no new one."""
    with MemoryServer(hello, timeout_request_headers=5) as server:
        transport = server.connect()
        server.loop.advance(4)
        transport.feed(b"GET /")
        assert seconds_to_end(server, transport) == due(1)
        assert [response.status for response in answers(transport)] == [408]


@each_parser
def test_a_later_head_counts_from_its_first_byte(parser: str) -> None:
    """H-17: not from the response before it."""
    with MemoryServer(hello, parser, timeout_request_headers=5, timeout_keep_alive=10) as server:
        transport = server.connect()
        ask(server, transport, get())
        server.loop.advance(8)
        assert seconds_to_end(server, transport, bytes_of(get())) == due(6)  # the first byte comes after a second
        assert [response.status for response in answers(transport)] == [408]


def test_a_head_in_time_ends_its_deadline() -> None:
    """H-17: what follows has its own deadlines."""
    with MemoryServer(slowly, timeout_request_headers=2) as server:
        transport = server.connect()
        for part in bytes_of(get()):
            transport.feed(part)
        server.loop.advance(101)
        assert answers(transport)[0].status == 200


def test_the_head_is_a_part_of_the_request() -> None:
    """H-17: timeout-request applies to the head too, if it is shorter."""
    with MemoryServer(hello, timeout_request_headers=66, timeout_request=3) as server:
        assert seconds_to_end(server, server.connect()) == due(3)
        transport = server.connect()
        transport.feed(b"GET")
        assert seconds_to_end(server, transport) == due(3)
        assert [response.status for response in answers(transport)] == [408]


@pytest.mark.parametrize("begun", [b"", b"GET"])
def test_no_deadline_for_the_head(begun: bytes) -> None:
    """H-17: 0 switches it off."""
    with MemoryServer(hello, timeout_request_headers=0, timeout_request=0) as server:
        transport = server.connect()
        transport.feed(begun)
        server.loop.advance(100_000)
        transport.feed(get()[len(begun) :])
        server.loop.settle()
        assert answers(transport)[0].status == 200


# Between requests.


@each_parser
def test_an_idle_connection_is_closed_without_a_word(parser: str) -> None:
    """H-17: an earlier request is served, and starts the time again."""
    with MemoryServer(hello, parser, timeout_keep_alive=2) as server:
        transport = server.connect()
        for _ in range(3):
            ask(server, transport, get())
            server.loop.advance(1.9)
        assert seconds_to_end(server, transport) == due(0.1)
        assert answers(transport) == []


def test_empty_lines_are_no_request() -> None:
    """H-17: a request that has not begun is not reported as late."""
    with MemoryServer(hello, timeout_keep_alive=2, timeout_request_headers=3) as server:
        transport = server.connect()
        ask(server, transport, get())
        transport.feed(b"\r\n")
        assert seconds_to_end(server, transport) == due(3)
        assert answers(transport) == []


def test_no_deadline_between_requests() -> None:
    """H-17: 0 switches it off."""
    with MemoryServer(hello, timeout_keep_alive=0) as server:
        transport = server.connect()
        for _ in range(2):
            assert ask(server, transport, get()).status == 200
            server.loop.advance(100_000)


def test_a_request_that_waited_for_its_turn_is_not_late() -> None:
    """H-17: a pipelined request gets its time when its turn comes."""
    with MemoryServer(by_path(slow=slowly, root=hello), timeout_request_headers=3, timeout_keep_alive=1) as server:
        transport = server.connect()
        transport.feed(get(target=b"/slow") + get() + b"GET")
        server.loop.advance(101)
        assert [response.status for response in answers(transport)] == [200, 200]
        assert seconds_to_end(server, transport) == due(2)  # a second has passed since then
        assert [response.status for response in answers(transport)] == [408]


# The body.

BODIES = {
    "length": (post(b"Content-Length: 100", body=b"he"), b"x"),
    "nothing": (post(b"Content-Length: 100"), b"x"),
    "expected": (post(b"Content-Length: 100", b"Expect: 100-continue"), b"x"),
    "chunked": (chunked(b"5\r\nhe"), b"l"),
    "size": (chunked(b"5\r\nhello\r\n"), b"0"),
    "extension": (chunked(b"5;a"), b"a"),
    "trailer": (chunked(b"0\r\na"), b"a"),
}


@each_parser
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("dripping", [False, True], ids=["stalls", "drips"])
def test_a_body_that_does_not_end(kind: str, dripping: bool, parser: str) -> None:
    """H-17: 408 at the same time, whether or not more drips in; the application learns of it."""
    app = UntilTheEnd()
    data, more = BODIES[kind]
    with MemoryServer(app, parser, timeout_request=5) as server:
        transport = server.connect()
        transport.feed(data)
        drip = iter([more] * 3 + [b""] * 3) if kind in ("chunked", "size") else endless(more)
        assert seconds_to_end(server, transport, drip if dripping else None) == due(5)
        refusal = answers(transport)[-1]
        assert (refusal.status, refusal.get(b"connection")) == (408, b"close")
    assert app.told == ["receive", "send"]


@each_parser
def test_the_time_of_a_slow_head_is_gone_for_the_body(parser: str) -> None:
    """H-17: timeout-request applies to the whole request."""
    with MemoryServer(reads, parser, timeout_request=5) as server:
        transport = server.connect()
        transport.feed(BODIES["length"][0][:10])
        server.loop.advance(4)
        transport.feed(BODIES["length"][0][10:])
        assert seconds_to_end(server, transport) == due(1)
        other = server.connect()
        ask(server, other, get())
        server.loop.advance(4)
        other.feed(BODIES["length"][0])
        assert seconds_to_end(server, other) == due(5)


def test_a_late_body_cuts_a_response_that_has_begun() -> None:
    """H-17: there is no other way to tell the client."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"part", more_body=True))
        await slowly(scope, receive, send)

    with MemoryServer(app, timeout_request=5) as server:
        transport = server.connect()
        transport.feed(BODIES["length"][0])
        assert seconds_to_end(server, transport) == due(5)
        with pytest.raises(Incomplete):
            answers(transport, "POST")
        server.loop.advance(100)


def test_an_application_may_take_as_long_as_it_likes() -> None:
    """H-17: the request is complete, and nothing else is limited."""
    with MemoryServer(slowly, timeout_request=1, timeout_keep_alive=1, timeout_request_headers=1) as server:
        for data in (get(), post(b"Content-Length: 5", body=b"hello"), chunked(b"0\r\n\r\n")):
            transport = server.connect()
            transport.feed(data)
            server.loop.advance(101)
            assert answers(transport, "POST")[0].status == 200


def test_no_deadline_for_the_body() -> None:
    """H-17: 0 switches it off."""
    app = Recorder()
    with MemoryServer(app, timeout_request=0) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 5", body=b"he"))
        server.loop.advance(100_000)
        transport.feed(b"llo")
        server.loop.settle()
        assert answers(transport, "POST")[0].status == 200


def test_the_clock_stands_still_while_esg_does_not_read() -> None:
    """H-17: an upload is not late because the application is; the rest of its time counts afterwards."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await slowly(scope, receive, lambda message: asyncio.sleep(0))
        while (await receive())["type"] != "http.disconnect":
            pass

    with MemoryServer(app, timeout_request=5) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 1000000"))
        server.loop.advance(3)
        transport.feed(b"x" * 70_000)
        server.loop.advance(96.9)
        assert not transport.is_reading()
        assert not ended(transport)
        assert seconds_to_end(server, transport) == due(2.1)
        assert answers(transport, "POST")[0].status == 408


@pytest.mark.parametrize("left", [0.3, 1, 4])
def test_what_is_left_after_a_pause_is_exact(left: float) -> None:
    """H-17: even if it is shorter than any time-out."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(50)
        while (await receive())["type"] != "http.disconnect":
            pass

    with MemoryServer(app, timeout_request=20) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 1000000"))
        server.loop.advance(20 - left)
        transport.feed(b"x" * 70_000)
        server.loop.advance(30 + left)
        assert seconds_to_end(server, transport) == due(left)


def test_a_body_that_is_skipped_has_its_time_too() -> None:
    """H-8, H-17: the response has been sent already, so nothing more is."""
    with MemoryServer(hello, timeout_request=5) as server:
        transport = server.connect()
        assert ask(server, transport, BODIES["length"][0]).status == 200
        assert seconds_to_end(server, transport) == due(5)
        assert answers(transport) == []


def test_deadlines_cost_no_timer_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """H-17, L-5: one for all connections, and none without connections; the date has its own and is left out."""
    with MemoryServer(reads, date_header=False) as server:
        armed: list[float] = []
        call_at = server.loop.call_at

        def counted(when: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
            armed.append(when)
            return call_at(when, *rest, **more)

        monkeypatch.setattr(server.loop, "call_at", counted)
        transports = [server.connect() for _ in range(20)]
        for transport in transports:
            for _ in range(20):
                ask(server, transport, post(b"Content-Length: 5", body=b"hello"))
        assert len(armed) == 1
        server.loop.advance(10)
        assert len(armed) <= 41
        for transport in transports:
            assert transport.closed
        armed.clear()
        server.loop.advance(100)
        assert armed == []


def test_http_1_0_has_the_same_deadlines() -> None:
    """H-17."""
    with MemoryServer(reads, timeout_request=5, timeout_request_headers=3) as server:
        for data, seconds in ((b"GET / HTTP/1.0\r\n", 3), (head(b"POST / HTTP/1.0", *length_line(5)), 5)):
            transport = server.connect()
            transport.feed(data)
            assert seconds_to_end(server, transport) == due(seconds)
            assert answers(transport, "POST")[-1].status == 408


def length_line(size: int) -> list[bytes]:
    return [b"%b: %b" % field for field in length(b"%d" % size)]
