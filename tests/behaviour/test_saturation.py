"""Backpressure on loops that are really busy, blocked, or just waiting (rules A-4, A-5, L-5)."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from tests.http.corpus.case import get
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import ask, by_path
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import TCP, SocketServer, Wiring

WINDOW = 0.2
HIGHEST = 20
SETTINGS: dict[str, Any] = {
    "backpressure": True,
    "backpressure_max_limit": HIGHEST,
    "backpressure_queue_size": 0,
    "backpressure_sample_window": WINDOW,
    "health": True,
}
CLIENTS = 40
SECONDS = 3.0

every_loop = pytest.mark.parametrize("wiring", TCP, ids=str)


async def spin(scope: Scope, receive: Receive, send: Send) -> None:
    """Keeps its core busy for 20 ms."""
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
    await hello(scope, receive, send)


async def block(scope: Scope, receive: Receive, send: Send) -> None:
    """Blocks the loop for 20 ms without using a core."""
    time.sleep(0.02)  # noqa: ASYNC251 - what no application should do
    await hello(scope, receive, send)


async def rest(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes a second without using the loop."""
    await asyncio.sleep(1)
    await hello(scope, receive, send)


async def work_beside(scope: Scope, receive: Receive, send: Send) -> None:
    """Starts a task that keeps the loop busy for a while, and answers at once."""

    async def busy() -> None:
        end = time.perf_counter() + 2
        while time.perf_counter() < end:
            time.sleep(0.005)  # noqa: ASYNC251 - as above
            await asyncio.sleep(0)

    task = asyncio.ensure_future(busy())
    task.add_done_callback(lambda _: None)
    await hello(scope, receive, send)


APP = by_path(spin=spin, block=block, rest=rest, beside=work_beside, root=hello)


def ask_again_and_again(server: SocketServer, path: bytes, seconds: float) -> Counter[int]:
    """A client that asks as soon as it has its answer, and a moment later when it was refused."""
    seen: Counter[int] = Counter()
    end = time.monotonic() + seconds
    with server.connect() as client:
        while time.monotonic() < end:
            status = client.ask(get(target=path)).status
            seen[status] += 1
            if status == 503:
                time.sleep(0.02)
    return seen


def crowd(server: SocketServer, path: bytes, clients: int, seconds: float) -> Counter[int]:
    with ThreadPoolExecutor(clients) as pool:
        seen = pool.map(lambda _: ask_again_and_again(server, path, seconds), range(clients))
    return sum(seen, Counter())


class Watcher(threading.Thread):
    """Checks the figures and the health of a server now and then."""

    def __init__(self, server: SocketServer) -> None:
        super().__init__()
        self.figures: list[dict[str, Any]] = []
        self.delays: list[float] = []
        self._server = server
        self._end = threading.Event()

    def run(self) -> None:
        with self._server.connect() as probe:
            while not self._end.wait(WINDOW / 2):
                began = time.monotonic()
                assert probe.ask(get(target=b"/__esg_health__")).status == 200
                self.delays.append(time.monotonic() - began)
                self.figures.append(stats(self._server.context))

    def end(self) -> None:
        self._end.set()
        self.join()


def limit_is(server: SocketServer, limit: int) -> Callable[[], bool]:
    return lambda: bool(stats(server.context)["limit"] == limit)


@pytest.mark.slow
@every_loop
@pytest.mark.parametrize("path", [b"/spin", b"/block"], ids=["spins", "blocks"])
def test_a_saturated_loop_lowers_the_limit_and_recovers(path: bytes, wiring: Wiring) -> None:
    """A-4, A-8: no connection breaks, health is answered, and afterwards the limit is back where it was."""
    with SocketServer(APP, wiring, **SETTINGS) as server:
        watcher = Watcher(server)
        watcher.start()
        seen = crowd(server, path, CLIENTS, SECONDS)
        watcher.end()
        over = time.monotonic()
        server.wait_until(limit_is(server, HIGHEST))
        recovered_after = time.monotonic() - over
        figures = stats(server.context)
    assert seen.keys() == {200, 503}
    assert max(found["elu"] for found in watcher.figures) >= 0.95
    limits = [found["limit"] for found in watcher.figures]
    assert limits == sorted(limits, reverse=True)
    assert len(set(limits)) >= 3  # the number of windows depends on the length of the loop's turns
    assert max(watcher.delays) < 1
    assert recovered_after < 10 * WINDOW + 0.6
    assert (figures["inflight"], figures["queued"]) == (0, 0)
    assert figures["elu_source"] == {"uvloop": "libuv", "asyncio": "selector"}[wiring.loop]


@every_loop
def test_light_load_is_never_refused(wiring: Wiring) -> None:
    """A-4."""
    with SocketServer(APP, wiring, **SETTINGS) as server, server.connect() as client:
        for _ in range(50):
            assert client.ask(get()).status == 200
            time.sleep(0.02)
        figures = stats(server.context)
    assert (figures["limit"], figures["rejected_total"]) == (HIGHEST, 0)
    assert figures["elu"] < 0.5


@pytest.mark.slow
@every_loop
def test_requests_that_only_wait_are_never_refused(wiring: Wiring) -> None:
    """A-4: however many there are, an idle loop is not overloaded."""
    with SocketServer(APP, wiring, backpressure=True, backpressure_sample_window=WINDOW) as server:
        clients = [server.connect() for _ in range(300)]
        for client in clients:
            client.send(get(target=b"/rest"))
        server.wait_until(lambda: stats(server.context)["inflight"] == 300 or server.context.requests == 300)
        assert {client.response().status for client in clients} == {200}
        figures = stats(server.context)
        for client in clients:
            client.socket.close()
    assert (figures["limit"], figures["rejected_total"]) == (1000, 0)


@pytest.mark.slow
@every_loop
def test_a_loop_that_does_other_work_keeps_its_limit(wiring: Wiring) -> None:
    """A-4: the requests are not what keeps it busy, and fewer of them would not help."""
    with SocketServer(APP, wiring, **SETTINGS) as server, server.connect() as client:
        assert client.ask(get(target=b"/beside")).status == 200
        server.wait_until(lambda: stats(server.context)["elu"] > 0.95)
        for _ in range(10):
            assert client.ask(get()).status == 200
            time.sleep(WINDOW / 2)
        figures = stats(server.context)
        server.wait_until(lambda: stats(server.context)["elu"] < 0.5)
    assert (figures["limit"], figures["rejected_total"]) == (HIGHEST, 0)


@pytest.mark.parametrize("settings", [{}, {"limit_concurrent_requests": 5}], ids=["off", "static"])
def test_nothing_ticks_when_it_is_off(settings: dict[str, Any]) -> None:
    """A-5, L-5: once its connections are gone, such a server has no timer."""
    with MemoryServer(hello, **settings) as server:
        server.context.open()
        transport = server.connect()
        assert ask(server, transport, get()).status == 200
        transport.reset()
        server.loop.advance(10)
        assert [timer for timer in vars(server.loop)["_scheduled"] if not timer.cancelled()] == []
