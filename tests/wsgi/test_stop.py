"""A stop while threads work for clients: it takes its time, and no more (rules I-1, L-2)."""

import time
from contextlib import ExitStack

import pytest

from tests.support.e2e.server import Server
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.serving import VERSIONS, assert_answers, assert_closed_once, connect, request, wait_for_times

pytestmark = pytest.mark.slow

CLIENTS = 3

GRACE = 2.0
"""Seconds for `timeout-graceful-shutdown`."""

PROMPT = 20.0
"""Seconds that the end may take beyond that on a busy machine; the option's default is much longer."""


def serving(app: str, *options: str) -> Server:
    chosen = ("--interface", "wsgi", "--http2", "--timeout-graceful-shutdown", str(GRACE))
    return Server(f"tests.wsgi.apps.{app}", *chosen, *options)


def assert_stops_by_force(server: Server) -> None:
    """The end comes soon after the time-out, with one line for everything that was cut."""
    begun = time.monotonic()
    assert server.stop() == 1
    assert GRACE <= time.monotonic() - begun < GRACE + PROMPT, server.output
    assert server.output.count(f"Cancelling {CLIENTS} running requests") == 1, server.output


def ask(held: ExitStack, server: Server, version: str, path: str) -> list[ExitStack]:
    """As many clients as `server` has threads, which have sent their requests; each is closed with `held`."""
    clients = []
    for _ in range(CLIENTS):
        client = held.enter_context(ExitStack())
        if version == "HTTP/2":
            client.enter_context(Http2Client(server)).begin(path)
        else:
            client.enter_context(connect(server, 65536)).send(request(path))
        clients.append(client)
    return clients


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("have_left", [False, True], ids=["stay", "leave"])
def test_i1_calls_that_never_return_do_not_hold_up_the_stop(
    version: str, have_left: bool, stack: tuple[str, ...]
) -> None:
    """I-1, L-2: others are served meanwhile; the threads are left behind, as one line says."""
    with ExitStack() as held, serving("plain:app", *stack) as server:
        clients = ask(held, server, version, "/stuck")
        wait_for_times(server, "stuck", CLIENTS)
        if have_left:
            for client in clients:
                client.close()
        assert_answers(server)
        assert_stops_by_force(server)
    told = [line for line in server.lines if "that do not return" in line]
    assert len(told) == 1, server.output
    assert f"abandoned {CLIENTS} calls of the WSGI application" in told[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/download", "/endless"])
def test_i1_clients_that_do_not_read_do_not_hold_up_the_stop(version: str, path: str, stack: tuple[str, ...]) -> None:
    """I-1, L-2: each iterable is closed once, even if its client is still there and has read nothing."""
    with ExitStack() as held, serving("plain:app", *stack, "--wsgi-response-buffer", "200000") as server:
        ask(held, server, version, path)
        wait_for_times(server, r"opened \d+", CLIENTS)
        assert_stops_by_force(server)
    assert_closed_once(server, CLIENTS)
    assert "that do not return" not in server.output


@pytest.mark.parametrize("path", ["/download", "/endless"])
def test_h9_clients_that_have_closed_their_side_and_do_not_read_do_not_hold_up_the_stop(
    path: str, stack: tuple[str, ...]
) -> None:
    """H-9, L-2: they may still read what waits for them, for as long as the stop lasts."""
    with ExitStack() as held, serving("plain:app", *stack) as server:
        for _ in range(CLIENTS):
            client = held.enter_context(connect(server, 65536))
            client.send(request(path)).socket.recv(1000)
            client.half_close()
        assert_stops_by_force(server)
    assert_closed_once(server, CLIENTS)


def test_i1_a_worker_leaves_calls_that_never_return(stack: tuple[str, ...]) -> None:
    """I-1, L-2: within the time that its parent gives it, so the parent need not kill it."""
    with ExitStack() as held, serving("plain:app", *stack, "--workers", "1") as server:
        ask(held, server, "HTTP/1.1", "/stuck")
        wait_for_times(server, "stuck", CLIENTS)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < GRACE + PROMPT, server.output
    assert f"abandoned {CLIENTS} calls" in server.output
