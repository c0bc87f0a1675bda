"""Shared by the tests of workers: a server of several processes, and which of them run."""

import re
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.behaviour.lifecycle import get
from tests.support.e2e.server import PATIENCE, ROOT, Program, Server
from tests.support.reload.processes import is_running, wait_until

APP = "tests.behaviour.apps.workers:app"

LONG = 90.0
"""Seconds in which several interpreters start one after the other, on a busy machine."""

STARTED = re.compile(r"Started server process \[(\d+)\]")


class Workers(Server):
    """`esg --workers N`."""

    def __init__(
        self, count: int, *options: str, app: str = APP, cwd: Path = ROOT, env: dict[str, str] | None = None
    ) -> None:
        quiet = () if "--access-log" in options else ("--no-access-log",)
        super().__init__(app, "--workers", str(count), *quiet, *options, cwd=cwd, env=env)

    @property
    def there(self) -> list[int]:
        """The workers that have served and still run, in the order of their start."""
        return [pid for pid in map(int, STARTED.findall(self.output)) if is_running(pid)]

    def settle(self, count: int) -> list[int]:
        """Wait until that many workers run, and return them."""
        return self.next([], count)

    def next(self, before: list[int], count: int | None = None) -> list[int]:
        """Wait until none of `before` is left, and as many others (or `count`) run; returns those."""
        wanted = len(before) if count is None else count
        return wait_for_workers(lambda: self.there, before, wanted)

    def get(self, path: str = "/pid") -> str:
        with self.connect() as connection:
            return get(connection, path).body.decode()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


def wait_for_workers(there: Callable[[], list[int]], former: Collection[int], count: int) -> list[int]:
    """Wait until that many run and none of the former ones does; returns those that run.

    Each try looks once: a worker that ends between two looks would be in the number, and not among those that run.
    """
    found: list[int] = []

    def are_others() -> bool:
        found[:] = there()
        return len(found) == count and not set(found) & set(former)

    wait_until(are_others, LONG)
    return found


def connect_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def processes(program: Program) -> list[int]:
    """All processes that have reported their start."""
    return [int(pid) for pid in re.findall(r"Started \w+ process \[(\d+)\]", program.output)]


@contextmanager
def working(count: int, *options: str, app: str = APP, env: dict[str, str] | None = None) -> Iterator[Workers]:
    """A server whose workers are ready; it must end cleanly, and no process of it is left afterwards."""
    with Workers(count, *options, app=app, env=env) as server:
        server.settle(count)
        yield server
        if server.process.poll() is None:
            assert server.stop() == 0, server.output
        assert [pid for pid in processes(server) if is_running(pid)] == []
