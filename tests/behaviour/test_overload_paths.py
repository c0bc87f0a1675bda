"""Limits, the line and health together, over each parser, loop and wire (rules A-1 to A-3, A-6, A-8, H-17).

Tests in memory check the details of each; here they work together, with sockets in between.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from tests.http.corpus.case import get, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import fails, hello, reads
from tests.support.http.asking import by_path
from tests.support.http.sockets import WIRINGS, Client, SocketServer, Wiring

each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)

PATIENCE = 1.5
"""Seconds that a request may wait: long enough that none is late on a busy machine."""


class Desk:
    """An application that answers a request when the test says so."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._open: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.began.append(path)
        await self._open.setdefault(path, asyncio.Event()).wait()
        await hello(scope, receive, send)

    def serve(self, path: str) -> None:
        """Runs in the server's loop."""
        self._open[path].set()


class Server(SocketServer):
    """A server with a `Desk`."""

    def __init__(self, wiring: Wiring, **options: Any) -> None:
        self.desk = Desk()
        super().__init__(self.desk, wiring, **options)

    def figure(self, name: str) -> Any:
        return self.run(lambda: stats(self.context)[name])

    def wait_for_call(self, path: str) -> None:
        self.wait_until(lambda: path in self.desk.began)

    def serve(self, path: str, client: Client) -> None:
        self.wait_for_call(path)
        self.run(lambda: self.desk.serve(path))
        assert client.response().status == 200


@contextmanager
def clients(server: SocketServer, number: int) -> Iterator[list[Client]]:
    with ExitStack() as stack:
        yield [stack.enter_context(server.connect()) for _ in range(number)]


@each_wiring
def test_who_runs_who_waits_and_who_is_refused(wiring: Wiring) -> None:
    """A-3, A-6, A-8: and each client may go on using its connection."""
    options = {"backpressure_max_limit": 1, "backpressure_queue_size": 1, "backpressure_queue_timeout": PATIENCE}
    with Server(wiring, backpressure=True, health=True, **options) as server, clients(server, 4) as (a, b, c, probe):
        a.send(get(target=b"/a"))
        server.wait_for_call("/a")
        b.send(get(target=b"/b"))
        server.wait_until(lambda: stats(server.context)["queued"] == 1)
        began = time.monotonic()
        refusal = c.ask(get(target=b"/c"))
        assert server.figure("queued") == 1  # c did not wait until b was refused
        assert (refusal.status, refusal.body, refusal.get(b"retry-after")) == (503, b"Service Unavailable", b"1")
        assert refusal.get(b"connection") is None
        assert probe.ask(get(target=b"/__esg_health__")).body == b"ok"
        assert b.response().status == 503
        assert PATIENCE - 0.5 < time.monotonic() - began < PATIENCE + 20
        assert server.figure("queue_timeouts") == 1
        c.send(get(target=b"/c"))
        server.serve("/a", a)
        server.serve("/c", c)
        b.send(get(target=b"/d"))
        server.serve("/d", b)
        assert server.desk.began == ["/a", "/c", "/d"]
        assert [server.figure(name) for name in ("inflight", "queued", "rejected_total")] == [0, 0, 2]


async def cut(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"part", more_body=True))
    raise ValueError("broken")


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    with suppress(OSError):
        await send(start())
        while True:
            await send(body(b"x" * 1000, more_body=True))
            await asyncio.sleep(0.01)


ENDS = by_path(root=hello, fails=fails, cut=cut, streams=streams, reads=reads)


@each_wiring
def test_every_end_of_a_request_gives_its_slot_back(wiring: Wiring) -> None:
    """A-2: served, failed, cut, left in the middle, too late, refused; there are only four slots."""
    with SocketServer(ENDS, wiring, limit_concurrent_requests=4, timeout_request=1) as server:
        for path in (b"/", b"/fails", b"/cut", b"/reads"):
            with server.connect() as client:
                client.send(get(target=path)).socket.recv(1)
        server.wait_until(lambda: stats(server.context)["inflight"] == 0)
        with clients(server, 4) as (*left, late):
            for client in left:
                client.send(get(target=b"/streams")).socket.recv(1)
            late.send(post(b"Content-Length: 9", body=b"early").replace(b"/", b"/reads", 1))
            server.wait_until(lambda: stats(server.context)["inflight"] == 4)
            with server.connect() as refused:
                assert refused.ask(get()).status == 503
            assert late.response("POST").status == 408
            for client in left:
                client.reset()
        server.wait_until(lambda: stats(server.context)["inflight"] == 0)
        with server.connect() as client:
            assert client.ask(get()).status == 200
