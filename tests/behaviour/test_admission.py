"""Which requests run, wait or are refused, over HTTP (rules A-1 to A-3 and A-6)."""

import asyncio
from typing import Any

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.errors import ClientDisconnected
from esg_core.lifecycle.stats import stats
from esg_core.testing import MemoryTransport
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.hall import LINE, Hall
from tests.support.behaviour.kinds import hello
from tests.support.behaviour.over_streams import connect, each_version, request
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import LOOPS_AND_WIRES, QUIC_ON_ASYNCIO, QUIC_ON_UVLOOP, TCP, SocketServer, Wiring
from tests.support.installed import PARSER, PARSERS

each_parser = pytest.mark.parametrize("parser", PARSERS)


class Server(MemoryServer):
    """A server with a `Hall`, and what tests want to know about it."""

    def __init__(self, parser: str = PARSER, **options: Any) -> None:
        super().__init__(Hall(), parser, **options)
        self.hall = self.app
        assert isinstance(self.hall, Hall)

    def send(self, data: bytes) -> MemoryTransport:
        """Send a request on a new connection."""
        transport = self.connect()
        transport.feed(data)
        self.loop.settle()
        return transport

    def come(self, *paths: str) -> list[MemoryTransport]:
        return [self.send(get(target=path.encode())) for path in paths]

    def let_go(self, path: str) -> None:
        assert isinstance(self.hall, Hall)
        self.hall.let_go(path)
        self.loop.settle()

    @property
    def began(self) -> list[str]:
        assert isinstance(self.hall, Hall)
        return self.hall.began

    def figures(self, *names: str) -> list[Any]:
        found = stats(self.context)
        return [found[name] for name in names]


def status(transport: MemoryTransport) -> int | None:
    """The status of the one response since the last look, None without any."""
    responses = answers(transport)
    assert len(responses) < 2
    return responses[0].status if responses else None


# the limit, and the answer to requests beyond it.


@each_parser
def test_over_the_limit_the_answer_is_503_and_the_connection_stays(parser: str) -> None:
    """A-3."""
    with Server(parser, limit_concurrent_requests=2) as server:
        server.come("/a", "/b")
        third = server.connect()
        refusal = ask(server, third, get(target=b"/c"))
        assert (refusal.status, refusal.body) == (503, b"Service Unavailable")
        assert refusal.get(b"retry-after") == b"1"
        assert refusal.get(b"content-type") == b"text/plain; charset=utf-8"
        assert refusal.get(b"connection") is None
        assert (server.began, ended(third)) == (["/a", "/b"], False)
        server.let_go("/a")
        third.feed(get(target=b"/c"))
        server.loop.settle()
        server.let_go("/c")
        assert status(third) == 200
        server.let_go("/b")
        assert server.figures("inflight", "rejected_total", "requests_total") == [0, 1, 3]


@pytest.mark.parametrize("limit", [0, None])
def test_without_a_limit_nobody_is_refused(limit: int | None) -> None:
    """A-1."""
    with Server(limit_concurrent_requests=limit) as server:
        paths = [f"/{number}" for number in range(500)]
        transports = server.come(*paths)
        assert server.figures("inflight", "limit") == [500, None]
        for path in paths:
            server.let_go(path)
        assert {status(transport) for transport in transports} == {200}


def test_a_refusal_to_head_has_no_body() -> None:
    with Server(limit_concurrent_requests=1) as server:
        server.come("/a")
        transport = server.connect()
        refusal = ask(server, transport, head(b"HEAD /b HTTP/1.1", b"Host: t"))
        assert (refusal.status, refusal.get(b"content-length"), ended(transport)) == (503, b"19", False)
        server.let_go("/a")


@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_no_100_on_a_503(framing: bytes) -> None:
    """A-3, H-5: whether the body will come is unknown, so the connection ends."""
    with Server(limit_concurrent_requests=1) as server:
        server.come("/a")
        transport = server.connect()
        transport.feed(post(framing, b"Expect: 100-continue"))
        server.loop.settle()
        [refusal] = answers(transport, "POST")
        assert (refusal.status, refusal.get(b"connection"), ended(transport)) == (503, b"close", True)
        server.let_go("/a")


@pytest.mark.parametrize(
    ("request_bytes", "connection"),
    [
        (post(b"Content-Length: 5", body=b"hello"), None),
        (post(b"Content-Length: 5", body=b"he"), None),
        (post(b"Content-Length: 5000000", body=b"he"), b"close"),
        (chunked(b"5\r\nhello\r\n0\r\n\r\n"), None),
        (chunked(b"5\r\nhello\r\n"), b"close"),
        (get(b"Connection: close"), b"close"),
    ],
    ids=["whole", "short", "long", "chunked", "chunked-part", "client-closes"],
)
def test_a_refused_upload_keeps_the_connection_where_its_end_is_near(
    request_bytes: bytes, connection: bytes | None
) -> None:
    """H-8 for refusals: the next request is read where it begins."""
    with Server(limit_concurrent_requests=1) as server:
        server.come("/a")
        transport = server.connect()
        refusal = ask(server, transport, request_bytes)
        assert (refusal.status, refusal.get(b"connection")) == (503, connection)
        server.let_go("/a")
        if connection is None:
            transport.feed(b"llo" if request_bytes.endswith(b"\r\nhe") else b"")
            transport.feed(get(target=b"/b"))
            server.loop.settle()
            assert server.began == ["/a", "/b"]
            server.let_go("/b")


def test_pipelined_requests_are_refused_one_by_one() -> None:
    with Server(limit_concurrent_requests=1) as server:
        server.come("/a")
        transport = server.send(get() * 50)
        assert [response.status for response in answers(transport)] == [503] * 50
        server.let_go("/a")


def test_the_hook_sees_refusals() -> None:
    """R-1, A-3."""
    seen: list[tuple[str, int]] = []

    def hook(scope: Scope | None, code: int, headers: Headers) -> tuple[int, Headers]:
        assert scope is not None
        seen.append((scope["path"], code))
        return code, [*headers, (b"x-hook", b"1")]

    with Server(limit_concurrent_requests=1, on_response=hook) as server:
        server.come("/a")
        assert ask(server, server.connect(), get(target=b"/b")).get(b"x-hook") == b"1"
        server.let_go("/a")
    assert seen == [("/b", 503), ("/a", 200)]


# a slot comes back once.


def test_a_stream_holds_its_slot_to_its_last_part() -> None:
    """A-2."""
    gates: list[asyncio.Future[None]] = []

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for more in (True, True, False):
            gates.append(asyncio.get_running_loop().create_future())
            await gates[-1]
            await send(body(b"part", more_body=more))

    with MemoryServer(stream, limit_concurrent_requests=1) as server:
        transport = server.connect()
        transport.feed(get())
        for in_flight in (1, 1, 1):
            server.loop.settle()
            assert stats(server.context)["inflight"] == in_flight
            gates[-1].set_result(None)
        server.loop.settle()
        assert stats(server.context)["inflight"] == 0


def test_work_after_the_response_holds_no_slot() -> None:
    async def works_on(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        await asyncio.sleep(60)

    with MemoryServer(works_on, limit_concurrent_requests=1) as server:
        transport = server.connect()
        for _ in range(3):
            assert ask(server, transport, get()).status == 200
        assert (stats(server.context)["inflight"], len(server.context.cycles)) == (0, 3)
        server.loop.advance(60)


async def boom(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("broken")


async def boom_later(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"x", more_body=True))
    raise ValueError("broken")


async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Returns without a response."""


async def ends_short(scope: Scope, receive: Receive, send: Send) -> None:
    await sends(start(headers=length(b"5")), body(b"x"))(scope, receive, send)


async def waits_for_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    with pytest.raises(ClientDisconnected):
        await send(start())


async def streams_to_nobody(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    while True:
        await send(body(b"x" * 1000, more_body=True))
        await asyncio.sleep(0.01)


@each_parser
@pytest.mark.parametrize(
    "app",
    [hello, boom, boom_later, says_nothing, ends_short, waits_for_the_end, streams_to_nobody],
    ids=lambda app: getattr(app, "__name__", "hello"),
)
def test_however_a_request_ends_its_slot_comes_back(app: Any, parser: str) -> None:
    """A-2."""
    with MemoryServer(app, parser, limit_concurrent_requests=5) as server:
        for _ in range(20):
            transport = server.connect()
            transport.feed(get())
            server.loop.advance(0.1)
            transport.reset()
            server.loop.advance(2)  # an application that only sends is told after a while (rule H-21)
        assert stats(server.context)["inflight"] == 0
        assert server.context.requests == 20


def test_a_request_that_comes_too_late_gives_its_slot_back_once() -> None:
    """A 408 answers instead of the application, which goes on for a while."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()
        await asyncio.sleep(10)

    with MemoryServer(slow, limit_concurrent_requests=5, timeout_request=1) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 5", body=b"h"))
        server.loop.advance(2)
        assert [response.status for response in answers(transport, "POST")] == [408]
        assert stats(server.context)["inflight"] == 0
        server.loop.advance(20)
        assert stats(server.context)["inflight"] == 0


def test_a_client_that_has_gone_leaves_its_slot_to_the_call_that_still_runs() -> None:
    with Server(limit_concurrent_requests=1) as server:
        [gone] = server.come("/a")
        gone.reset()
        server.loop.settle()
        assert server.figures("inflight") == [1]
        server.let_go("/a")
        assert server.figures("inflight") == [0]


def test_another_protocol_gives_its_slot_back_when_it_takes_over() -> None:
    """A-1: otherwise open WebSockets would use up the limit."""

    async def shout(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"].pop("esg.switch")(asyncio.Protocol(), [(b"upgrade", b"shout")])
        await asyncio.sleep(60)

    with Server(limit_concurrent_requests=1) as server:
        server.context.upgrades = {b"shout": shout}
        transport = server.send(get(b"Connection: upgrade", b"Upgrade: shout"))
        assert transport.read().startswith(b"HTTP/1.1 101 ")
        assert server.figures("inflight") == [0]
        server.come("/a")
        refused = server.send(get(b"Connection: upgrade", b"Upgrade: shout"))
        assert status(refused) == 503
        server.let_go("/a")
        server.loop.advance(60)


def test_one_request_of_sixteen_is_timed() -> None:
    """A-7: and all requests that have waited."""
    with MemoryServer(hello, limit_concurrent_requests=5) as server:
        transport = server.connect()
        for _ in range(160):
            assert ask(server, transport, get()).status == 200
        assert stats(server.context)["sample_count"] == 10
    with Server(**LINE) as server:
        server.come("/a", "/b", "/c")
        for path in ("/a", "/b", "/c"):
            server.let_go(path)
        assert server.figures("sample_count") == [3]


# the line.


@each_parser
def test_the_line_moves_in_order(parser: str) -> None:
    """A-6: A runs, B and C wait, D finds no room; each one that leaves lets in the head of the line."""
    with Server(parser, **LINE, backpressure_queue_size=2) as server:
        a, b, c, d = server.come("/a", "/b", "/c", "/d")
        assert [status(each) for each in (a, b, c, d)] == [None, None, None, 503]
        assert server.figures("inflight", "queued", "queued_total", "rejected_total") == [1, 2, 2, 1]
        server.let_go("/a")
        assert server.began == ["/a", "/b"]
        server.let_go("/b")
        server.let_go("/c")
        assert [status(each) for each in (a, b, c)] == [200, 200, 200]
        assert server.began == ["/a", "/b", "/c"]
        assert server.figures("inflight", "queued") == [0, 0]


def test_a_slot_goes_to_the_head_and_not_to_who_comes_at_that_moment() -> None:
    """A-6."""
    with Server(**LINE) as server:
        a, _ = server.come("/a", "/b")
        a.feed(get(target=b"/c"))
        server.let_go("/a")
        assert server.began == ["/a", "/b"]
        server.let_go("/b")
        server.let_go("/c")
        assert [response.status for response in answers(a)] == [200, 200]


def test_who_waits_too_long_gets_503_and_is_never_called() -> None:
    """A-6, A-3: and the connection stays open."""
    with Server(**LINE, backpressure_queue_timeout=0.5) as server:
        _, b = server.come("/a", "/b")
        server.loop.advance(0.45)
        assert status(b) is None
        server.loop.advance(0.1)
        [refusal] = answers(b)
        assert (refusal.status, refusal.get(b"retry-after"), ended(b)) == (503, b"1", False)
        server.let_go("/a")
        assert server.began == ["/a"]
        assert server.figures("queue_timeouts", "rejected_total", "queued", "inflight") == [1, 1, 0, 0]


@each_parser
@pytest.mark.parametrize("how", ["reset", "feed_eof"])
@pytest.mark.parametrize("data", [get(target=b"/b"), post(b"Content-Length: 9", body=b"h")], ids=["get", "upload"])
def test_who_goes_leaves_the_line_unanswered(data: bytes, how: str, parser: str) -> None:
    """A-6: nothing is sent, nothing is logged, and the next one takes its place."""
    with Server(parser, **LINE, backpressure_queue_size=1) as server:
        server.come("/a")
        b = server.send(data)
        getattr(b, how)()
        server.loop.settle()
        assert server.figures("queued", "queue_disconnects", "rejected_total") == [0, 1, 0]
        assert (b.read(), b.is_closing() or b.closed) == (b"", True)
        server.come("/c")
        server.let_go("/a")
        assert server.began == ["/a", "/c"]
        server.let_go("/c")
    assert server.log.trouble == []


def test_the_end_of_a_client_is_seen_behind_what_it_has_pipelined() -> None:
    """Within bounds, the connection of a request that waits goes on reading."""
    with Server(**LINE) as server:
        server.come("/a")
        b = server.send(get(target=b"/b") + get(target=b"/c"))
        b.feed(get(target=b"/d") * 10)
        b.feed_eof()
        server.loop.settle()
        assert server.figures("queued", "queue_disconnects") == [0, 1]
        server.let_go("/a")
        assert server.began == ["/a"]


def test_what_a_connection_may_send_while_it_waits_is_bounded() -> None:
    """H-20."""
    with Server(**LINE) as server:
        server.come("/a")
        pipelined, uploading = server.connect(), server.connect()
        pipelined.feed(get(target=b"/b"))
        uploading.feed(post(b"Content-Length: 10000000"))
        for transport in (pipelined, uploading):
            for _ in range(100):
                transport.feed(b"x" * 10_000)
            server.loop.settle()
            assert not transport.is_reading()
            assert transport.unread > 900_000
        for transport in (pipelined, uploading):
            transport.reset()
        server.loop.settle()
        assert server.figures("queued") == [0]
        server.let_go("/a")


def test_a_request_that_waits_is_served_with_all_that_came_meanwhile() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message["body"], message["more_body"]
        await sends(start(headers=length(b"%d" % len(content))), body(content))(scope, receive, send)

    hall = Hall()
    with MemoryServer(by_path(a=hall, root=echo), **LINE) as server:
        a, b = server.connect(), server.connect()
        a.feed(get(target=b"/a"))
        b.feed(post(b"Content-Length: 5", body=b"he"))
        server.loop.settle()
        b.feed(b"llo" + post(b"Content-Length: 2", body=b"no"))
        server.loop.settle()
        hall.let_go("/a")
        server.loop.settle()
        assert [response.body for response in answers(b, "POST", "POST")] == [b"hello", b"no"]


def test_no_100_while_a_request_waits() -> None:
    """H-5: the application has not asked."""
    with Server(**LINE) as server:
        server.come("/a")
        b = server.send(post(b"Content-Length: 5", b"Expect: 100-continue"))
        assert b.read() == b""
        b.reset()
        server.let_go("/a")


def test_an_upload_that_comes_too_late_while_it_waits() -> None:
    """H-17: 408, and its place in the line is free."""
    with Server(**LINE, backpressure_queue_timeout=0, timeout_request=1) as server:
        server.come("/a")
        b = server.send(post(b"Content-Length: 5", body=b"h"))
        assert server.figures("queued") == [1]
        server.loop.advance(2)
        assert [response.status for response in answers(b, "POST")] == [408]
        assert server.figures("queued", "inflight") == [0, 1]
        server.let_go("/a")
        assert server.began == ["/a"]


def test_a_saturated_loop_lets_nobody_wait() -> None:
    """A-6."""
    with Server(**LINE) as server:
        server.come("/a", "/b")
        assert server.context.admission is not None
        server.context.admission.saturated = True
        assert status(*server.come("/c")) == 503
        server.let_go("/a")
        server.let_go("/b")
        assert server.began == ["/a", "/b"]


def test_a_line_without_places_is_none() -> None:
    """A-6."""
    with Server(**LINE, backpressure_queue_size=0) as server:
        assert [status(each) for each in server.come("/a", "/b")] == [None, 503]
        server.let_go("/a")


def test_a_drain_refuses_all_who_wait() -> None:
    """A-6, L-2: at once, and their connections end; running requests are served to the end."""
    with Server(**LINE) as server:
        a, b, c = server.come("/a", "/b", "/c")
        server.context.drain()
        server.loop.settle()
        for waiting in (b, c):
            [refusal] = answers(waiting)
            assert (refusal.status, refusal.get(b"connection"), ended(waiting)) == (503, b"close", True)
        server.let_go("/a")
        assert (status(a), server.began) == (200, ["/a"])


def test_ten_thousand_who_wait_in_vain_leave_nothing_behind() -> None:
    """A-6, H-20."""
    with Server(**LINE, backpressure_queue_timeout=0.1) as server:
        server.come("/a")
        transports = [server.connect() for _ in range(100)]
        for _ in range(100):
            for transport in transports:
                transport.feed(get())
            server.loop.advance(0.2)
            assert [status(transport) for transport in transports] == [503] * 100
        assert server.figures("queue_timeouts", "queued", "inflight") == [10_000, 0, 1]
        server.let_go("/a")


@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, *QUIC_ON_UVLOOP], ids=str)
def test_who_closes_a_socket_while_waiting_is_gone_at_once(wiring: Wiring) -> None:
    """A-6: on every loop and wire, a client's end is noticed although its request is not read yet."""
    hall = Hall()
    with SocketServer(hall, wiring, **LINE) as server:
        with server.connect() as a, server.connect() as c:
            a.send(get(target=b"/a"))
            server.wait_until(lambda: hall.began == ["/a"])
            with server.connect() as b:
                b.send(get(target=b"/b"))
                server.wait_until(lambda: stats(server.context)["queued"] == 1)
            server.wait_until(lambda: stats(server.context)["queue_disconnects"] == 1)
            c.send(get(target=b"/c"))
            server.wait_until(lambda: stats(server.context)["queued"] == 1)
            server.run(lambda: hall.let_go("/a"))
            assert a.response().status == 200
            server.wait_until(lambda: hall.began == ["/a", "/c"])
            server.run(lambda: hall.let_go("/c"))
            assert c.response().status == 200
        server.wait_idle()


@pytest.mark.parametrize("wiring", [*TCP, *QUIC_ON_ASYNCIO], ids=str)
def test_a_refused_client_may_ask_again_on_its_socket(wiring: Wiring) -> None:
    """A-3."""
    hall = Hall()
    with SocketServer(hall, wiring, limit_concurrent_requests=1) as server:
        with server.connect() as a, server.connect() as b:
            a.send(get(target=b"/a"))
            server.wait_until(lambda: hall.began == ["/a"])
            assert b.ask(get(target=b"/b")).status == 503
            server.run(lambda: hall.let_go("/a"))
            assert a.response().status == 200
            b.send(get(target=b"/b"))
            server.wait_until(lambda: hall.began == ["/a", "/b"])
            server.run(lambda: hall.let_go("/b"))
            assert b.response().status == 200
        server.wait_idle()


@each_version
def test_a_client_with_many_streams_waits_for_itself(version: str) -> None:
    """A-6: others have their turn after one of them, even if the line was full when they came."""
    with Server(**LINE, backpressure_queue_size=3) as server:
        greedy, other = connect(server, version), connect(server, version)
        numbers = [greedy.ask(request(greedy, b"/greedy-%d" % name)) for name in range(6)]
        greedy.turn()
        own = other.ask(request(other, b"/own"))
        other.turn()
        greedy.turn()
        assert [greedy.answers[number].status for number in numbers] == [0, 0, 0, 503, 503, 503]
        for path in ("/greedy-0", "/greedy-1", "/own"):
            server.let_go(path)
        other.turn()
        assert other.answers[own].status == 200
        assert server.began == ["/greedy-0", "/greedy-1", "/own", "/greedy-2"]
        server.let_go("/greedy-2")
