"""W-10, seen from outside: how real workers share connections that stay.

How even they are depends on the machine: on one that is overloaded, workers do not wake up in time. So it is tried
until they are. What workers publish does not depend on it.
"""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from esg_core.sockets.shares import BRIEF_MEMORY
from tests.support.behaviour.board import counted, published
from tests.support.behaviour.lifecycle import answer, request
from tests.support.behaviour.working import LONG, working
from tests.support.e2e.server import PATIENCE
from tests.support.reload.processes import wait_until

ATTEMPTS = 30

Client = socket.socket


def connected(clients: ExitStack, address: tuple[str, int] | str) -> Client:
    client = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    clients.enter_context(client)
    client.settimeout(PATIENCE)
    client.connect(address)
    return client


def burst(clients: ExitStack, address: tuple[str, int] | str, count: int) -> Counter[int]:
    """How many connections each worker has, of some that are made and ask at once."""
    made = [connected(clients, address) for _ in range(count)]
    for client in made:
        client.sendall(request("/pid"))
    return Counter(int(answer(client).body) for client in made)


def is_even(address: tuple[str, int] | str, workers: int) -> bool:
    """Whether any of some bursts is spread evenly over that many workers."""
    for _ in range(ATTEMPTS):
        with ExitStack() as clients:
            taken = burst(clients, address, 16 * workers)
        if len(taken) == workers and max(taken.values()) <= 24:
            return True
        time.sleep(2 * BRIEF_MEMORY)  # those of this burst may have been brief
    return False


@contextlib.contextmanager
def stopped(workers: list[int]) -> Iterator[None]:
    """Processes that do not run meanwhile."""
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)


@pytest.mark.parametrize("options", [("--loop", "uvloop"), ("--loop", "asyncio", "--preload")], ids="".join)
def test_w10_connections_are_shared_evenly(options: tuple[str, ...], tmp_path: Path) -> None:
    """And so are those of several listeners; no connection waits for workers that are blocked."""
    path = tmp_path / "esg.sock"
    with working(4, *options, "--bind", "127.0.0.1:0", "--bind", f"unix:{path}") as server, ExitStack() as clients:
        address = ("127.0.0.1", int(server.wait_for(r"http://127\.0\.0\.1:(\d+)")[1]))
        assert is_even(address, 4)
        assert is_even(str(path), 4)
        awake, *others = server.there
        with stopped(others):
            assert set(burst(clients, address, 48)) == {awake}
        wait_until(lambda: len(burst(clients, address, 4)) > 1)


@pytest.mark.parametrize("options", [(), ("--preload",)], ids="".join)
def test_w10_workers_publish_what_they_hold_until_they_end(options: tuple[str, ...]) -> None:
    with working(2, *options) as server, ExitStack() as clients:
        address, board = ("127.0.0.1", server.port), published(clients, server.pid)
        wait_until(lambda: counted(board) == [0, 0], LONG)
        taken = burst(clients, address, 20)
        assert counted(board) == sorted(taken[worker] for worker in server.there)
        victim, other = server.there
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: counted(board) == [0, taken[other]], LONG)
        before = server.next([victim], 2)
        server.send(signal.SIGHUP)
        server.next(before)
        wait_until(lambda: counted(board) == [0, 0], LONG)


def test_w10_workers_with_queues_of_their_own_publish_nothing() -> None:
    with working(2, "--reuse-port") as server, ExitStack() as clients:
        assert sum(burst(clients, ("127.0.0.1", server.port), 8).values()) == 8
        with pytest.raises(AssertionError, match="no board"):
            published(clients, server.pid)
