"""Liveness and readiness, whatever the server is doing (rule A-8)."""

import asyncio
import logging
from typing import Any

import pytest

from esg_core.access import AccessLog
from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from tests.http.corpus.case import get, head, post
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import answers, ask, ended
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.sockets import TCP, SocketServer, Wiring
from tests.support.installed import PARSERS

HEALTH, READY = b"/__esg_health__", b"/__esg_ready__"

each_parser = pytest.mark.parametrize("parser", PARSERS)


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers when its client has half closed or gone."""
    await receive()
    await receive()


@each_parser
def test_liveness(parser: str) -> None:
    """A-8: without the application."""
    app = Recorder()
    with MemoryServer(app, parser, health=True) as server:
        response = ask(server, server.connect(), get(target=HEALTH))
    assert (response.status, response.body, app.calls) == (200, b"ok", [])
    assert response.get(b"content-type") == b"text/plain; charset=utf-8"
    assert response.get(b"cache-control") == b"no-store"


@each_parser
def test_a_probe_by_head_gets_no_body(parser: str) -> None:
    with MemoryServer(hello, parser, health=True) as server:
        response = ask(server, server.connect(), head(b"HEAD %b HTTP/1.1" % HEALTH, b"Host: t"))
    assert (response.status, response.get(b"content-length"), response.body) == (200, b"2", b"")


def test_readiness_from_the_start_to_the_end() -> None:
    """A-8, L-2: ready only from the end of the start-up until the shutdown is announced; alive all the time."""
    with MemoryServer(hello, health=True) as server:
        transport = server.connect()

        def look() -> tuple[int, bytes, int]:
            ready = ask(server, transport, get(target=READY))
            return ready.status, ready.body, ask(server, server.connect(), get(target=HEALTH)).status

        assert look() == (503, b"not ready", 200)
        server.context.open()
        assert look() == (200, b"ok", 200)
        server.context.announce_closing()
        transport = server.connect()
        assert look() == (503, b"not ready", 200)
        server.context.close()


SATURATED: list[dict[str, Any]] = [
    {"limit_concurrency": 1},
    {"limit_concurrent_requests": 1},
    {"backpressure": True, "backpressure_max_limit": 1},
    {"backpressure": True, "backpressure_max_limit": 1, "backpressure_queue_size": 0},
]


@pytest.mark.parametrize("options", SATURATED, ids=["concurrency", "static", "waiting", "full"])
def test_probes_are_answered_however_many_others_are_refused(options: dict[str, Any]) -> None:
    """A-8, A-1: they hold no slot, wait in no line and are not counted."""
    with MemoryServer(waits, health=True, **options) as server:
        server.context.open()
        server.connect().feed(get())
        server.loop.settle()
        before = stats(server.context)
        transport = server.connect()
        for _ in range(20):
            assert ask(server, transport, get(target=HEALTH)).status == 200
            assert ask(server, transport, get(target=READY)).status == 200
        after = stats(server.context)
        server.context.close()
    for name in ("inflight", "queued", "rejected_total", "requests_total", "queued_total"):
        assert before[name] == after[name]


def test_probes_are_answered_while_the_server_drains() -> None:
    """A-8: on a connection that a running request keeps open."""
    with MemoryServer(hello, health=True) as server:
        transport = server.connect()
        transport.feed(b"GET %b HTTP/1.1\r\n" % HEALTH)
        server.loop.settle()
        server.context.drain()
        transport.feed(b"Host: t\r\n\r\n")
        server.loop.settle()
        [response] = answers(transport)
        assert (response.status, response.get(b"connection"), ended(transport)) == (200, b"close", True)


@pytest.mark.parametrize(
    ("target", "is_probe"),
    [
        (b"/__esg_health__", True),
        (b"/__esg_health__?from=balancer", True),
        (b"/%5F_esg_health__", True),
        (b"/__esg_health__/", False),
        (b"/__ESG_health__", False),
        (b"//__esg_health__", False),
        (b"/x?/__esg_health__", False),
    ],
)
def test_what_counts_as_the_path(target: bytes, is_probe: bool) -> None:
    """Decoded, without the query; asked twice, because targets are remembered the second time."""
    app = Recorder()
    with MemoryServer(app, health=True) as server:
        transport = server.connect()
        for _ in range(2):
            assert ask(server, transport, get(target=target)).status == 200
    assert len(app.calls) == (0 if is_probe else 2)


def test_more_targets_than_are_remembered() -> None:
    app = Recorder()
    with MemoryServer(app, health=True) as server:
        transport = server.connect()
        for number in range(3000):
            assert ask(server, transport, get(target=b"/%d" % number)).status == 200
        assert ask(server, transport, get(target=HEALTH)).body == b"ok"
        assert ask(server, transport, get(target=b"/1")).status == 200
    assert len(app.calls) == 3001


def test_the_paths_are_options() -> None:
    """A-8."""
    app = Recorder()
    with MemoryServer(app, health=True, health_path="/live", ready_path="/ready") as server:
        transport = server.connect()
        assert ask(server, transport, get(target=b"/live")).body == b"ok"
        assert ask(server, transport, get(target=b"/ready")).body == b"not ready"
        assert ask(server, transport, get(target=HEALTH)).body == b"0 bytes"
    assert len(app.calls) == 1


def test_switched_off_the_application_gets_the_paths() -> None:
    """A-8."""
    app = Recorder()
    with MemoryServer(app) as server:
        transport = server.connect()
        for target in (HEALTH, READY):
            assert ask(server, transport, get(target=target)).status == 200
    assert [call.scope["raw_path"] for call in app.calls] == [HEALTH, READY]


def test_other_methods_are_refused() -> None:
    with MemoryServer(hello, health=True) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 2", body=b"hi").replace(b"POST /", b"POST " + HEALTH, 1))
        server.loop.settle()
        [response] = answers(transport, "POST")
        assert (response.status, response.get(b"allow"), ended(transport)) == (405, b"GET, HEAD", False)


def test_probes_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A-8: other requests are."""
    with caplog.at_level(logging.INFO, "esg.access"), MemoryServer(hello, health=True) as server:
        server.context.access = AccessLog.create(server.context.config, server.loop)
        transport = server.connect()
        for target in (HEALTH, b"/", HEALTH):
            assert ask(server, transport, get(target=target)).status == 200
    [line] = server.log.texts(logging.INFO)
    assert "GET / HTTP/1.1" in line


@pytest.mark.parametrize("wiring", TCP, ids=str)
def test_readiness_does_not_depend_on_the_load(wiring: Wiring) -> None:
    """A-8: an overloaded server that left would leave its load to the others."""

    async def sleeps(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.5)
        await hello(scope, receive, send)

    with SocketServer(sleeps, wiring, health=True, limit_concurrent_requests=1) as server:
        with server.connect() as busy, server.connect() as refused, server.connect() as probe:
            busy.send(get())
            server.wait_until(lambda: server.context.requests == 1)
            assert refused.ask(get()).status == 503
            assert probe.ask(get(target=READY)).status == 200
            assert busy.response().status == 200
        server.wait_idle()
