"""Shared by the tests of the admin address: servers that have one, and a client of it."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.behaviour.working import APP, Workers
from tests.support.e2e.server import PATIENCE, Program, Server
from tests.support.reload.processes import wait_until

TOKEN = "a-secret-token"

ADMIN = re.compile(r"Admin address on http://([^/\s]+)/")

KINDS = {"single": (), "workers": ("--workers", "2"), "preload": ("--workers", "2", "--preload")}


class Answer(NamedTuple):
    """What the admin address has answered, and how long that took."""

    status: int
    body: str
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class OverUnix(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class Admin:
    """A client of an admin address: `HOST:PORT`, or the path of a socket file."""

    def __init__(self, place: str | Path) -> None:
        self.place = place

    def ask(self, path: str, method: str = "GET", token: str | None = None, **fields: str) -> Answer:
        place = self.place
        connection = OverUnix(place) if isinstance(place, Path) else http.client.HTTPConnection(place, timeout=PATIENCE)
        sent = fields if token is None else {"authorization": f"Bearer {token}", **fields}
        with contextlib.closing(connection):
            began = time.monotonic()
            connection.request(method, path, headers=sent)
            answered = connection.getresponse()
            body = answered.read().decode()
            return Answer(answered.status, body, time.monotonic() - began)

    def act(self, action: str, token: str | None = TOKEN) -> Answer:
        return self.ask(f"/{action}", "POST", token)

    def stats(self) -> Any:
        return self.ask("/stats").document

    def series(self) -> dict[str, float]:
        """All series of `/metrics` with their values."""
        lines = (line.rpartition(" ") for line in self.ask("/metrics").body.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


def admin_of(server: Program, after: int = 0) -> Admin:
    return Admin(server.wait_for(ADMIN, after)[1])


@contextlib.contextmanager
def administered(kind: str, tmp_path: Path, *options: str, app: str = APP) -> Iterator[tuple[Server, Admin]]:
    """A server of one of the `KINDS` that is ready, and its admin address; killed with its workers at the end."""
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    given = ("--admin", "127.0.0.1:0", "--admin-token-file", str(token_file), "--no-access-log")
    with Server(app, *given, *KINDS.get(kind, ("--workers", kind)), *options) as server:
        admin = admin_of(server)
        wait_until(lambda: all(one["state"] == "ready" for one in admin.stats()["workers"]), PATIENCE)
        pids = [one["pid"] for one in admin.stats()["workers"]]
        try:
            yield server, admin
        finally:
            if server.process.poll() is None:
                pids += [one["pid"] for one in admin.stats()["workers"]]
            for pid in set(pids) - {server.pid}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


__all__ = ["ADMIN", "KINDS", "TOKEN", "Admin", "Workers", "admin_of", "administered"]
