"""Many clients in one thread, each on a connection of its own that it keeps: their waits, and which process answers."""

import selectors
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from benchmarks.shares.arrivals import Arrivals, arrived

PATIENCE = 30.0
"""Seconds within which answers must come."""


class NoAnswer(Exception):
    """A server did not answer a client."""


@dataclass(eq=False, slots=True)
class Client:
    """One connection; `waited` are the seconds until the last answer arrived, `process` is the process that gave it."""

    sock: socket.socket
    asked: float = 0.0
    waited: float = 0.0
    process: int = 0
    is_waiting: bool = False
    is_closed: bool = False
    data: bytes = field(default=b"", repr=False)


class Crowd:
    """All clients of one server; closes their connections at the end of a `with` block."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._arrivals = Arrivals()
        self.clients: set[Client] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, count: int) -> list[Client]:
        """Connect that many clients at once."""
        made = []
        for _ in range(count):
            sock = socket.socket()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._arrivals.stamp(sock)
            sock.connect(("127.0.0.1", self._port))
            sock.setblocking(False)
            client = Client(sock)
            self._selector.register(sock, selectors.EVENT_READ, client)
            self.clients.add(client)
            made.append(client)
        return made

    def ask(self, client: Client, path: str = "/process", fields: str = "") -> None:
        """Send a request."""
        client.asked, client.is_waiting, client.data = time.time(), True, b""
        client.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: t\r\n{fields}\r\n".encode())

    def burst(self, count: int) -> list[Client]:
        """Clients that connect and ask at once; returns when all have their answers."""
        clients = self.open(count)
        for client in clients:
            self.ask(client)
        self.wait(clients)
        return clients

    def wait(self, clients: Iterable[Client]) -> None:
        """Wait until each of these has its answer; raises `NoAnswer`."""
        missing = list(clients)
        deadline = time.perf_counter() + PATIENCE
        while missing := [client for client in missing if client.is_waiting]:
            if time.perf_counter() > deadline or any(client.is_closed for client in missing):
                raise NoAnswer(f"{len(missing)} clients got no answer")
            self.turn(0.5)

    def sleep(self, until: float) -> None:
        """Take answers until then, on the clock of `time.perf_counter()`."""
        while (left := until - time.perf_counter()) > 0:
            self.turn(left)

    def close(self) -> None:
        """Close all connections."""
        for client in list(self.clients):
            self.end(client)
        self._selector.close()
        self._arrivals.close()

    def end(self, client: Client) -> None:
        """Close one connection."""
        if client in self.clients:
            self.clients.discard(client)
            self._selector.unregister(client.sock)
            client.sock.close()
            client.is_closed = True

    def turn(self, seconds: float) -> None:
        """Take the answers that come within this time; returns after the first."""
        for key, _ in self._selector.select(seconds):
            client: Client = key.data
            try:
                data, ancillary, _, _ = client.sock.recvmsg(65536, 256)
            except ConnectionResetError:
                data = b""
            if not data:
                self.end(client)
                continue
            client.data += data
            head, found, body = client.data.partition(b"\r\n\r\n")
            if found and (b"200" not in head.split(b"\r\n", 1)[0]):
                raise NoAnswer(head.decode("latin-1"))
            if found and len(body) >= _length(head):
                client.waited = arrived(ancillary) - client.asked
                client.process, client.is_waiting = int(body), False


def _length(head: bytes) -> int:
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next(int(value) for name, _, value in fields if name == b"content-length")
