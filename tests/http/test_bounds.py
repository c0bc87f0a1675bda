"""What one connection can cost is bounded, whatever its client sends (rules H-6, H-7, H-8, H-20)."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from typing import Protocol, cast

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.errors import RequestError
from esg_core.testing import MemoryTransport, drip
from esg_http.h1.connection import H1Connection
from esg_http.h1.head_intake import HeadReader
from esg_http.h1.request_fields import LONGEST_REMEMBERED
from esg_http.h1.settings import BLOCKS, STARTS
from esg_http.message.head_limits import HeadLimits
from tests.http.misbehaviour.case import body, sends, start
from tests.support.http.bodies import WholeBody
from tests.support.http.client import Response, read_responses
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.installed import PARSERS

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"

SEGMENT = 16_384
"""Bytes that the client sends at a time."""

BODY_HIGH_WATER = 65_536
"""Bytes of a body that may wait for the application (rule H-7)."""

well = sends(start(headers=[(b"content-length", b"4")]), body(b"well"))


def upload(size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % size


async def wait_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Neither reads nor responds until its client is long gone."""
    await asyncio.sleep(100)


async def respond_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(1)
    await well(scope, receive, send)


def responses(transport: MemoryTransport, *methods: str) -> list[Response]:
    return read_responses(transport.read(), iter(methods))


# Pipelining.


@pytest.mark.parametrize("parser", PARSERS)
def test_requests_behind_a_running_one_are_not_taken_in(parser: str) -> None:
    """H-6: at most one segment of them."""
    with MemoryServer(wait_for_ever, parser) as server:
        transport = server.connect()
        transport.feed(GET)
        server.loop.settle()
        drip(transport.feed, GET * 10_000, SEGMENT)
        server.loop.settle()
        assert not transport.is_reading()
        assert transport.unread >= len(GET) * 10_000 - SEGMENT
        assert len(server.context.cycles) == 1
        transport.reset()
        server.loop.advance(101)


def test_a_thousand_pipelined_requests_run_one_after_the_other() -> None:
    """H-6."""
    running: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        running.append(len(server.context.cycles))
        await respond_slowly(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        drip(transport.feed, GET * 1000, SEGMENT)
        server.loop.advance(1001)
        assert [response.body for response in responses(transport)] == [b"well"] * 1000
        assert set(running) == {1}


@pytest.mark.parametrize("parser", PARSERS)
def test_a_client_that_does_not_read_its_responses_gets_no_more_of_them(parser: str) -> None:
    """H-6, H-7: what is written for it stays near the high-water mark."""
    size = 10_000
    app = sends(start(headers=[(b"content-length", b"%d" % size)]), body(b"x" * size))
    with MemoryServer(app, parser) as server:
        transport = server.connect()
        transport.stall()
        drip(transport.feed, GET * 10_000, SEGMENT)
        server.loop.settle()
        assert transport.get_write_buffer_size() < 2 * 65_536
        assert not transport.is_reading()
        for _ in range(3):
            before = len(transport.written)
            transport.read(transport.get_write_buffer_size())
            server.loop.settle()
            assert len(transport.written) > before, "it goes on when the client reads again"
            assert transport.get_write_buffer_size() < 2 * 65_536


# Bodies.


@pytest.mark.parametrize("head", [upload(1_000_000), CHUNKED + b"f4240\r\n"], ids=["length", "chunked"])
def test_a_body_that_is_not_read_is_not_received(head: bytes) -> None:
    """H-7."""
    with MemoryServer(wait_for_ever) as server:
        transport = server.connect()
        transport.feed(head)
        drip(transport.feed, bytes(1_000_000), SEGMENT)
        server.loop.settle()
        assert not transport.is_reading()
        assert transport.unread >= 1_000_000 - BODY_HIGH_WATER - SEGMENT
        transport.reset()
        server.loop.advance(101)


def test_a_body_that_is_read_is_taken_in_again() -> None:
    """H-7."""
    sizes: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            await asyncio.sleep(1)
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
        await well(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(upload(1_000_000))
        drip(transport.feed, bytes(1_000_000), SEGMENT)
        server.loop.advance(60)
        assert [response.body for response in responses(transport)] == [b"well"]
        assert sum(sizes) == 1_000_000
        assert max(sizes) <= BODY_HIGH_WATER + SEGMENT
        assert transport.unread == 0


def test_a_short_unread_body_is_skipped() -> None:
    """H-8: the connection is kept, and no part of the body is taken for a request."""
    canary = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
    paths: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        await well(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(upload(100 * len(canary)))
        server.loop.settle()
        drip(transport.feed, canary * 100 + GET, 100)
        server.loop.settle()
        assert [response.status for response in responses(transport, "POST", "GET")] == [200, 200]
        assert paths == ["/", "/"]
        assert not transport.is_closing()


@pytest.mark.parametrize("head", [upload(1_000_001), CHUNKED + b"5\r\nhello\r\n"], ids=["long", "chunked"])
def test_a_long_unread_body_ends_the_connection(head: bytes) -> None:
    """H-8: it is half-closed, so that the client can read the response, and closed a second later."""
    with MemoryServer(well) as server:
        transport = server.connect()
        transport.feed(head)
        server.loop.settle()
        [response] = responses(transport)
        assert response.get(b"connection") == b"close"
        assert transport.eof_written
        assert not transport.is_closing()
        drip(transport.feed, bytes(300_000), SEGMENT)
        server.loop.settle()
        assert transport.unread == 0, "what comes is read, and thrown away"
        server.loop.advance(0.9)
        assert not transport.is_closing()
        server.loop.advance(0.7)
        assert transport.closed


def test_few_starts_of_requests_are_remembered() -> None:
    """A client that keeps requesting new targets does not fill the memory, and a long target is not kept."""
    with MemoryServer(well) as server:
        transport = server.connect()
        for number in range(STARTS + 10):
            transport.feed(b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n" % number)
        transport.feed(b"GET /%b HTTP/1.1\r\nHost: t\r\n\r\n" % (b"a" * LONGEST_REMEMBERED))
        server.loop.settle()
        responses = read_responses(transport.read(), repeat("GET"))
        assert [response.status for response in responses] == [200] * (STARTS + 11)
        starts = cast(H1Connection, transport.get_protocol())._settings.starts
        assert 0 < len(starts) <= STARTS
        assert max(map(len, starts)) < LONGEST_REMEMBERED


def test_few_blocks_of_fields_are_remembered() -> None:
    """H-20: clients that keep sending new fields do not fill the memory."""
    with MemoryServer(well) as server:
        transport = server.connect()
        for number in range(BLOCKS + 10):
            transport.feed(b"GET / HTTP/1.1\r\nHost: t\r\nX: %d\r\n\r\n" % number)
        server.loop.settle()
        responses = read_responses(transport.read(), repeat("GET"))
        assert [response.status for response in responses] == [200] * (BLOCKS + 10)
        assert 0 < len(cast(H1Connection, transport.get_protocol())._settings.blocks) <= BLOCKS


def test_nothing_is_buffered_after_the_response() -> None:
    """H-7."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await well(scope, receive, send)
        await asyncio.sleep(50)
        assert (await receive())["type"] == "http.disconnect"

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(upload(900_000))
        server.loop.settle()
        drip(transport.feed, bytes(900_000), SEGMENT)
        server.loop.settle()
        assert transport.unread == 0
        [cycle] = server.context.cycles
        assert getattr(cycle, "buffered", 0) == 0
        server.loop.advance(51)
        assert not server.context.cycles


# Processor time.


class Feedable(Protocol):
    def feed(self, data: bytes) -> object: ...


def head_intake(size: int) -> HeadReader:
    return HeadReader(HeadLimits(request_line=2 * size, fields=2 * size, field_bytes=2 * size))


def line(size: int) -> tuple[Feedable, bytes]:
    return head_intake(size), b"GET /" + b"a" * size


def field(size: int) -> tuple[Feedable, bytes]:
    return head_intake(size), b"GET / HTTP/1.1\r\nX: " + b"v" * size


def fields(size: int) -> tuple[Feedable, bytes]:
    return head_intake(size), b"GET / HTTP/1.1\r\n" + b"X:v\r\n" * (size // 5)


def chunks(size: int) -> tuple[Feedable, bytes]:
    return WholeBody(size), b"1\r\nx\r\n" * (size // 6)


def long_extensions(size: int) -> tuple[Feedable, bytes]:
    return WholeBody(2 * size), (b"1;" + b"e" * 3000 + b"\r\nx\r\n") * (size // 3000)


def short_extensions(size: int) -> tuple[Feedable, bytes]:
    return WholeBody(2 * size), b"1;e\r\nx\r\n" * (size // 8)


def trailer(size: int) -> tuple[Feedable, bytes]:
    return WholeBody(2 * size), b"0\r\nX: " + b"v" * size


def trailers(size: int) -> tuple[Feedable, bytes]:
    return WholeBody(2 * size), b"0\r\n" + b"X:v\r\n" * (size // 5)


def seconds(make: Callable[[int], tuple[Feedable, bytes]], size: int, segment: int) -> float:
    """The lowest processor time of three runs."""
    times = []
    for _ in range(3):
        feedable, data = make(size)
        begin = time.process_time()
        with suppress(RequestError):  # being refused is bounded too
            drip(feedable.feed, data, segment)
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.parametrize(
    "make",
    [line, field, fields, chunks, long_extensions, short_extensions, trailer, trailers],
    ids=lambda make: make.__name__,
)
def test_dripping_costs_linear_time(make: Callable[[int], tuple[Feedable, bytes]]) -> None:
    """H-20: five times the bytes cost about five times as much, not twenty-five times."""
    assert seconds(make, 40_000, 1) < 12 * seconds(make, 8_000, 1)


@pytest.mark.parametrize("make", [fields, chunks, short_extensions, trailers], ids=lambda make: make.__name__)
def test_many_small_parts_in_one_segment_cost_linear_time(make: Callable[[int], tuple[Feedable, bytes]]) -> None:
    """H-20."""
    assert seconds(make, 300_000, 300_000) < 12 * seconds(make, 60_000, 60_000)


def test_a_body_of_small_chunks_costs_linear_time() -> None:
    """H-20: even on its way to the application."""

    def exchange_seconds(count: int) -> float:
        app = Recorder()
        with MemoryServer(app) as server:
            transport = server.connect()
            begin = time.process_time()
            drip(transport.feed, CHUNKED + b"1\r\nx\r\n" * count + b"0\r\n\r\n", SEGMENT)
            server.loop.settle()
            taken = time.process_time() - begin
            assert [seen.body for seen in app.calls] == [b"x" * count]
        return taken

    few, many = (min(exchange_seconds(count) for _ in range(3)) for count in (10_000, 50_000))
    assert many < 12 * few
