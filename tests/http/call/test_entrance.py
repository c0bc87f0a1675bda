"""What happens to a request at the entrance: limit-concurrency to the last call and connection (rules A-8, H-18)."""

import logging
from typing import Any

import pytest

from esg_core.testing import ManualLoop, MemoryTransport
from esg_http.call.cycle import Cycle
from esg_http.call.entrance import OTHERS, Entrance
from tests.http.corpus.case import get
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import Slow, answers, ask, by_path, connected, ended
from tests.support.http.memory import MemoryServer, Recorder, config_with, make_context
from tests.support.http.streams import DiaryStream


def status(server: MemoryServer, transport: MemoryTransport) -> int:
    return ask(server, transport, get()).status


@pytest.mark.parametrize(
    ("options", "is_needed"),
    [({}, False), ({"health": True}, True), ({"limit_concurrency": 1}, True), ({"limit_concurrent_requests": 1}, True)],
)
def test_there_is_none_if_all_requests_just_start(options: dict[str, Any], is_needed: bool) -> None:
    with ManualLoop() as loop:
        context = make_context(config_with(tuple(options.items())), hello, loop)
        assert (Entrance.of(context) is not None) == is_needed
        context.close()


LINE_OF_ONE = {"backpressure": True, "backpressure_max_limit": 1, "backpressure_queue_size": 1}


@pytest.mark.parametrize(
    ("options", "targets", "wait"),
    [
        ({"health": True, "limit_concurrency": 1}, [b"/__esg_health__", b"/", b"/"], [False, False, False]),
        (LINE_OF_ONE, [b"/"] * 3, [False, True, False]),
    ],
)
def test_a6_the_connection_is_told_whether_a_request_waits(
    options: dict[str, Any], targets: list[bytes], wait: list[bool]
) -> None:
    """Not if it was answered, begun, refused, or found the line full."""
    with ManualLoop() as loop:
        context = make_context(config_with(tuple(options.items())), hello, loop)
        entrance = Entrance(context)
        told = []
        for target in targets:
            scope = {"type": "http", "method": "GET", "client": None}
            cycle = Cycle(context, DiaryStream(loop, is_head=False), scope, target)
            told.append(entrance.enter(cycle, Slow(), entrance.call_limit()))
        assert told == wait
        context.close()


@pytest.mark.parametrize("peer", [("192.0.2.1", 9), ""])
def test_h18_the_refusal(peer: Any) -> None:
    """The application never sees the request."""
    app = Recorder()
    with MemoryServer(app, limit_concurrency=1) as server:
        server.connect()
        transport = server.connect(peername=peer)
        response = ask(server, transport, get())
        assert (response.status, response.body) == (503, b"Service Unavailable")
        assert response.get(b"content-type") == b"text/plain; charset=utf-8"
        assert response.get(b"retry-after") == b"1"
        assert response.get(b"connection") == b"close"
        assert ended(transport)
        assert app.calls == []
    client = "192.0.2.1:9" if peer else "unix"
    assert server.log.texts(logging.WARNING) == [f"limit-concurrency is reached: refused a request from {client}"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_h18_so_many_connections_and_no_more(limit: int) -> None:
    """A request on one connection too many is refused until another has gone."""
    with MemoryServer(hello, limit_concurrency=limit) as server:
        within = [server.connect() for _ in range(limit)]
        beyond = [server.connect() for _ in range(2)]
        assert [status(server, transport) for transport in within] == [200] * limit
        assert status(server, beyond[0]) == 503
        server.loop.advance(2)
        within[0].reset()
        server.loop.settle()
        assert status(server, beyond[1]) == 200


def leave_a_call(server: MemoryServer) -> None:
    """A connection that goes while its call still runs."""
    gone = server.connect()
    gone.feed(get(target=b"/slow"))
    server.loop.settle()
    gone.reset()
    server.loop.settle()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_h18_so_many_calls_and_no_more(limit: int) -> None:
    """Including those of connections that have gone since."""
    app = Slow()
    with MemoryServer(by_path(slow=app, root=hello), limit_concurrency=limit) as server:
        for _ in range(limit - 1):
            leave_a_call(server)
        assert status(server, server.connect()) == 200
        leave_a_call(server)
        assert status(server, server.connect()) == 503
        app.goes_on.set()


def test_a3_the_refusal_of_a_request_for_which_there_is_no_room_keeps_its_connection() -> None:
    app = Slow()
    with connected(by_path(slow=app, root=hello), limit_concurrent_requests=1) as client:
        client.server.connect().feed(get(target=b"/slow"))
        client.server.loop.settle()
        client.feed(get())
        [response] = answers(client.transport)
        assert (response.status, response.body) == (503, b"Service Unavailable")
        assert response.get(b"content-type") == b"text/plain; charset=utf-8"
        assert (response.get(b"retry-after"), response.get(b"connection")) == (b"1", None)
        app.goes_on.set()
        client.feed(get())
        assert [response.status for response in answers(client.transport)] == [200]


def test_h20_targets_that_are_the_applications_are_remembered_within_bounds() -> None:
    with connected(hello, health=True) as client:
        entrance = client.connection._settings.entrance
        assert entrance is not None
        for number in range(OTHERS):
            client.feed(get(target=b"/%d" % number))
        assert len(entrance._others) == OTHERS
        client.feed(get(target=b"/0"), get(target=b"/__esg_health__"))
        assert len(entrance._others) == OTHERS
        client.feed(get(target=b"/more"))
        assert entrance._others == {b"/more"}
