"""Nothing is left of requests that have ended, and nothing waits for the garbage collector (rules H-16, H-20)."""

import asyncio
import gc
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport, pieces, random_sizes
from esg_http.call.cycle import Cycle
from esg_http.call.peer import Peer
from esg_http.h1.body import ChunkedBody, LengthBody
from esg_http.h1.connection import H1Connection
from esg_http.h1.head_intake import HeadReader
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import KINDS, a_file, fails, hello, in_parts, reads
from tests.support.http.asking import by_path
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import LOOPS_AND_WIRES, SocketServer, Wiring
from tests.support.installed import PARSERS

pytestmark = pytest.mark.needs("reference counting")

each_path = pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)

OURS = (H1Connection, Cycle, Peer, HeadReader, LengthBody, ChunkedBody)


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    while True:
        await send(body(b"x" * 5000, more_body=True))
        await asyncio.sleep(0.2)


async def waits_for_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"part", more_body=True))
    raise ValueError("broken")


async def works_on(scope: Scope, receive: Receive, send: Send) -> None:
    await hello(scope, receive, send)
    await asyncio.sleep(1)


APP = by_path(
    root=hello,
    parts=in_parts,
    reads=reads,
    fails=fails,
    cut=cut,
    short=sends(start(headers=length(b"9")), body(b"part")),
    silent=sends(),
    wrong=sends(body()),
    file=a_file,
    streams=streams,
    waits=waits_for_the_end,
    works=works_on,
    large=sends(start(), body(b"x" * 300_000)),
    hints=sends({"type": "http.response.early_hint", "links": [b"</a>"]}, start(), body()),
)
NAMES = b" parts reads fails cut short silent wrong file streams waits works large hints".split(b" ")
PATHS = [b"/" + name for name in NAMES]


@contextmanager
def without_collector() -> Iterator[Callable[[], Counter[str]]]:
    """Switch the collector off; yields a function that counts our objects made since then that still exist."""
    gc.collect()
    gc.disable()
    logger = logging.getLogger("esg")
    logger.propagate = False  # pytest keeps records, and these keep the tracebacks of failures
    before = Counter(type(thing).__name__ for thing in gc.get_objects() if issubclass(type(thing), OURS))
    try:
        yield (
            lambda: (
                Counter(type(thing).__name__ for thing in gc.get_objects() if issubclass(type(thing), OURS)) - before
            )
        )
    finally:
        logger.propagate = True
        gc.enable()


def forget(server: MemoryServer) -> None:
    """Drop what only the test holds: transports, and log records with their tracebacks."""
    server.transports.clear()
    server.log.records.clear()
    server.unhandled.clear()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
@pytest.mark.parametrize("parser", PARSERS)
def test_a_connection_is_freed_when_it_is_lost(kind: object, parser: str) -> None:
    """H-20: by reference counting alone, after any kind of response."""
    assert isinstance(kind, type(KINDS[0]))
    with MemoryServer(kind.app, parser, **kind.options) as server, without_collector() as alive:
        other, transport = server.connect(), server.connect()
        other.feed(kind.beside)
        server.loop.settle()
        transport.feed(kind.data)
        server.loop.advance(kind.seconds)
        other.reset()
        transport.reset()
        server.loop.settle()
        assert transport.closed
        del other, transport
        forget(server)
        assert alive() == Counter()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("parser", PARSERS)
def test_a_cycle_is_freed_when_it_is_over(path: bytes, parser: str) -> None:
    """H-20: however it ended, while its connection may live on."""
    with MemoryServer(APP, parser) as server, without_collector() as alive:
        transport = server.connect()
        transport.feed(get(target=path))
        server.loop.advance(0.5)
        if path in (b"/streams", b"/waits"):
            transport.reset()
        server.loop.advance(1.5)
        server.log.records.clear()
        assert alive()["Cycle"] == 0
        assert alive()["H1Connection"] == len(server.context.connections)


@pytest.mark.parametrize("path", [b"/reads", b"/waits"])
def test_a_body_is_freed_when_it_is_over(path: bytes) -> None:
    """H-20."""
    with MemoryServer(APP) as server, without_collector() as alive:
        transport = server.connect()
        for data in (post(b"Content-Length: 5", body=b"hello"), chunked(b"5\r\nhello\r\n0\r\n\r\n")):
            transport.feed(data.replace(b"/", path, 1))
            server.loop.settle()
        transport.reset()
        server.loop.settle()
        del transport
        forget(server)
        assert alive() == Counter()


@each_path
@pytest.mark.parametrize("path", [b"/", b"/fails", b"/cut", b"/streams", b"/waits", b"/large", b"/file"])
def test_a_connection_over_a_socket_is_freed_when_it_is_lost(path: bytes, wiring: Wiring) -> None:
    """H-20: what loops and TLS keep for themselves holds none of our objects."""
    with SocketServer(APP, wiring) as server, without_collector() as alive:
        for end in ("close", "reset", "half"):
            client = server.connect().send(get(target=path))
            client.socket.recv(100) if path != b"/waits" else None
            if end == "reset":
                client.reset()
            elif end == "half" and wiring.wire != "tls":
                client.half_close()
            client.socket.close()
        server.wait_idle()
        server.log.records.clear()
        server.wait_until(lambda: alive() == Counter())


CHUNKED = b"Transfer-Encoding: chunked"

REQUESTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda path: get(target=path),
    lambda path: get(b"Connection: close", target=path),
    lambda path: head(b"HEAD %b HTTP/1.1" % path, b"Host: t"),
    lambda path: head(b"GET %b HTTP/1.0" % path),
    lambda path: head(b"POST %b HTTP/1.1" % path, b"Host: t", b"Content-Length: 5") + b"hello",
    lambda path: head(b"POST %b HTTP/1.1" % path, b"Host: t", b"Content-Length: 5000000") + b"x" * 100_000,
    lambda path: head(b"POST %b HTTP/1.1" % path, b"Host: t", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n",
    lambda path: head(b"POST %b HTTP/1.1" % path, b"Host: t", CHUNKED) + b"5\r\nhelloX",
    lambda path: head(b"PUT %b HTTP/1.1" % path, b"Host: t", b"Content-Length: 3", b"Expect: 100-continue"),
    lambda path: head(b"GET %b HTTP/1.1" % path),
    lambda path: b"GET %b HTTP/3.7\r\n" % path,
    lambda path: b"\x16\x03\x01%b" % path,
)


def one_of_many(source: random.Random, server: MemoryServer) -> MemoryTransport:
    """A connection with a few requests, cut into segments, and broken off somewhere or finished."""
    transport = server.connect()
    if source.random() < 0.2:
        transport.stall()
    data = b"".join(source.choice(REQUESTS)(source.choice(PATHS)) for _ in range(source.randint(1, 4)))
    if source.random() < 0.4:
        data = data[: source.randint(0, len(data))]
    for piece in pieces(data, random_sizes(len(data), source.randint(0, 99), mean=max(7, len(data) // 5))):
        transport.feed(piece)
        if source.random() < 0.3:
            server.loop.advance(source.choice((0, 0.1, 1)))
    if source.random() < 0.3:
        transport.feed_eof()
    if source.random() < 0.3:
        server.loop.settle()
        transport.reset(source.choice((None, ConnectionResetError(), TimeoutError())))
    return transport


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_exchanges_leave_nothing(seed: int) -> None:
    """H-16, H-20: success, failures, refusals, time-outs and aborts at any moment, many at a time."""
    source = random.Random(seed)
    options = {"timeout_request": 3, "timeout_request_headers": 2, "timeout_keep_alive": 1, "timeout_write": 2}
    options |= {"limit_concurrency": 30, "limit_request_body": 1_000_000, "limit_keepalive_requests": 3}
    with without_collector() as alive, MemoryServer(APP, PARSERS[seed % len(PARSERS)], **options) as server:
        for number in range(750):
            one_of_many(source, server)
            server.loop.advance(source.choice((0, 0, 0.1, 0.5)))
            for transport in server.transports[number - 20 : number - 19]:
                transport.reset()
        for transport in server.transports[-20:]:
            transport.reset()
        server.loop.advance(20)
        assert server.context.requests > 300
        assert [transport for transport in server.transports if not transport.closed] == []
        assert [bytes(transport.late) for transport in server.transports if transport.late] == []
        assert not server.context.connections
        assert not server.context.cycles
        assert not asyncio.all_tasks(server.loop)
        assert not server.context.sweeper._buckets
        forget(server)
        assert alive() == Counter()
