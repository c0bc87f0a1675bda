"""A listener of the admin address in a thread of its own, and clients of it over real sockets."""

import math
import selectors
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from esg_admin.entry_points import responder
from esg_core.admin.contracts import AdminSettings, Source
from esg_core.monitoring.listener import AdminListener
from esg_core.monitoring.opening import bind_admin
from esg_core.options.config import Config
from tests.support.admin.client import Answered, parse

PATIENCE = 60.0


class Listening:
    """Serves a source at an address as the option `admin` has it, until the `with` block ends."""

    def __init__(self, source: Source, address: str, token: bytes | None = None) -> None:
        self.bound = bind_admin(Config("main:app", admin=address))
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, lambda _: None)
        made = responder(source, AdminSettings(token, frozenset()))
        self.listener = AdminListener(self.bound, made, self._selector)
        self.turns = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over = True
        self._wake.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.listener.close()
        self._selector.close()
        self._woken.close()

    @property
    def is_idle(self) -> bool:
        """Whether the listener has no clients, and so nothing to wait for but new ones."""
        return self.listener.wakes_at == math.inf

    def connect(self) -> socket.socket:
        sock = self.bound[0].sock
        client = socket.socket(sock.family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(sock.getsockname())
        return client

    def ask(self, path: str, method: str = "GET", *fields: str) -> Answered:
        with self.connect() as client:
            client.sendall(request(path, method, *fields))
            return parse(read_all(client))

    def _run(self) -> None:
        while not self._is_over:
            wakes_at = self.listener.wakes_at
            timeout = None if wakes_at == math.inf else max(0.0, wakes_at - time.monotonic())
            for key, _ in self._selector.select(timeout):
                key.data(key.fileobj)
            self.listener.run_due(time.monotonic())
            self.turns += 1


def request(path: str, method: str = "GET", *fields: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", *fields, "", ""]).encode()


def read_all(client: socket.socket) -> bytes:
    """What comes until the server closes; a reset counts as an end."""
    data = b""
    try:
        while more := client.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def descriptors() -> int:
    """How many descriptors this process has open."""
    here = Path("/proc/self/fd")
    return len(list(here.iterdir())) if here.is_dir() else 0


def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)
