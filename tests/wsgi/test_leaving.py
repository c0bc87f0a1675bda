"""Clients that leave while the application streams its response: its threads come back (rule I-1)."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.e2e.server import Server
from tests.support.http.sockets import Client
from tests.support.installed import STACKS
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.parts import PART, PARTS
from tests.support.wsgi.serving import (
    LEAVE,
    assert_answers,
    assert_closed_once,
    connect,
    read_large,
    request,
    serving_wsgi,
    wait_for_times,
)

pytestmark = pytest.mark.slow

CLIENTS = 10
"""The default number of threads."""

CASES = [
    pytest.param(app, stack, path, LEAVE[way], id=f"{app}-{stack}-{path}-{way}")
    for app, stack, paths in (
        ("plain", "native", ("download", "endless", "failing")),
        ("plain", "pure", ("download", "endless")),
        ("flask_app", "native", ("download",)),
        ("django_app", "native", ("download",)),
    )
    for path in paths
    for way in LEAVE
    if (path, way) != ("endless", "half-close")  # a client that may still read gets its data (rule H-9)
]


@pytest.mark.parametrize(("app", "stack", "path", "leave"), CASES)
def test_i1_threads_come_back_from_clients_that_leave(
    app: str, stack: str, path: str, leave: Callable[[Client], None]
) -> None:
    """I-1: the next request is answered, each generator is closed once, and the stop is not held up."""
    with ExitStack() as held, serving_wsgi(f"{app}:app", *STACKS[stack]) as server:
        clients = [held.enter_context(connect(server, 65536)) for _ in range(CLIENTS)]
        for client in clients:
            client.send(request(f"/{path}"))
        for client in clients:
            client.socket.recv(1000)
            leave(client)
        assert_answers(server)
        wait_for_times(server, r"closed \d+", CLIENTS)
        if app == "django_app":
            wait_for_times(server, "request finished", CLIENTS + 1)
        held.close()
    assert_closed_once(server, CLIENTS)


def test_i1_clients_that_leave_before_the_answer(stack: tuple[str, ...]) -> None:
    """I-1: everything begun for them is closed."""
    with serving_wsgi("plain:app", *stack) as server:
        for way in ("close", "reset"):
            for _ in range(CLIENTS):
                with connect(server) as client:
                    client.send(request("/download"))
                    LEAVE[way](client)
        assert_answers(server)
        assert_answers(server, "/large")
    opened = [line for line in server.lines if line.startswith("opened ")]
    assert_closed_once(server, len(opened))


def test_i1_clients_that_leave_within_their_request(stack: tuple[str, ...]) -> None:
    """I-1, I-2: the application does not see half a body as a whole one."""
    with serving_wsgi("plain:app", *stack) as server:
        for way in ("close", "reset", "half-close"):
            for _ in range(CLIENTS):
                with connect(server) as client:
                    client.send(request("/body?read", "Content-Length: 1000", method="POST") + b"half")
                    LEAVE[way](client)
                    assert way != "half-close" or not client.rest().startswith(b"HTTP/1.1 200")
        assert_answers(server)


def test_i1_clients_that_leave_between_the_parts_of_a_slow_stream(stack: tuple[str, ...]) -> None:
    """I-1: an application that mostly waits is ended by its next part."""
    with serving_wsgi("plain:app", *stack) as server:
        for way in ("close", "reset"):
            for _ in range(CLIENTS):
                with connect(server) as client:
                    client.send(request("/events")).socket.recv(1000)
                    LEAVE[way](client)
        assert_answers(server)
        wait_for_times(server, r"closed \d+", 2 * CLIENTS)
    assert_closed_once(server, 2 * CLIENTS)


def test_i1_a_client_that_has_closed_its_side_gets_all_that_it_reads(stack: tuple[str, ...]) -> None:
    """I-1, H-9: only a client that reads nothing more counts as gone."""
    with serving_wsgi("plain:app", *stack) as server, connect(server) as client:
        client.send(request("/download")).half_close()
        assert read_large(client) == PART * PARTS
        wait_for_times(server, r"closed \d+", 1)
    assert_closed_once(server, 1)


def test_i1_threads_come_back_from_streams_that_are_cancelled(stack: tuple[str, ...]) -> None:
    """I-1 over HTTP/2: the connection stays and serves the next request."""
    with serving_wsgi("plain:app", *stack) as server:
        with Http2Client(server) as client:
            streams = [client.begin("/download") for _ in range(CLIENTS)]
            assert [client.wait_for_head(stream) for stream in streams] == [200] * CLIENTS
            for stream in streams:
                client.cancel(stream)
            assert client.response(client.begin("/")) == (200, b"hello")
            wait_for_times(server, r"closed \d+", CLIENTS)
            for stream in [client.begin("/endless") for _ in range(CLIENTS)]:
                client.wait_for_head(stream)
        assert_answers(server)
        wait_for_times(server, r"closed \d+", 2 * CLIENTS)
    assert_closed_once(server, 2 * CLIENTS)


def test_i1_a_stop_lets_responses_end(stack: tuple[str, ...]) -> None:
    """I-1, L-2: a client that reads gets the whole download, even after the stop has begun."""
    with Server("tests.wsgi.apps.plain:app", *stack) as server:
        with connect(server, 65536) as client:
            client.send(request("/download"))
            wait_for_times(server, r"opened \d+", 1)
            server.process.terminate()
            server.wait_for("Shutting down")
            assert read_large(client) == PART * PARTS
        assert server.wait() == 0
    assert_closed_once(server, 1)
