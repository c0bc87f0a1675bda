"""A client that sends exactly the given load: blocking sockets, whose own cost does not count."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.processes import ServerError
from benchmarks.websocket_client import Client as WebSocket
from benchmarks.websocket_client import open_clients

__all__ = ["Client", "WebSocket", "clients", "request", "websockets"]

_PART = bytes(1 << 20)


def request(target: str = "/", fields: Sequence[str] = (), size: int | None = None) -> bytes:
    """The head of a request: a POST of `size` bytes, or a GET."""
    lines = [f"{'GET' if size is None else 'POST'} {target} HTTP/1.1", "host: 127.0.0.1", *fields]
    if size is not None:
        lines.append(f"content-length: {size}")
    return "\r\n".join([*lines, "", ""]).encode()


class Client:
    """One connection; the answers to its requests are counted by the lengths that they announce."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        """Send requests, or a part of one."""
        self._socket.sendall(data)

    def send_zeros(self, size: int) -> None:
        """Send a body."""
        while size > 0:
            self._socket.sendall(_PART[:size] if size < len(_PART) else _PART)
            size -= len(_PART)

    def read(self, answers: int = 1) -> bytes:
        """Read whole answers; returns the last body as far as it came with its head. Raises `ServerError`."""
        body = b""
        for _ in range(answers):
            while (end := self._buffer.find(b"\r\n\r\n")) < 0:
                self._fill()
            head = bytes(self._buffer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                raise ServerError(f"answered {head[:40]!r}")
            size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
            del self._buffer[: end + 4]
            while size > len(self._buffer):
                size -= len(self._buffer)
                self._buffer.clear()
                self._fill()
            body = bytes(self._buffer[:size])
            del self._buffer[:size]
        return body

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _fill(self) -> None:
        data = self._socket.recv(1 << 18)
        if not data:
            raise ServerError("closed a connection without an answer")
        self._buffer += data


@contextmanager
def clients(port: int, count: int) -> Iterator[list[Client]]:
    """That many connections, each of which has been answered once."""
    opened: list[Client] = []
    try:
        for _ in range(count):
            opened.append(Client(port))
            opened[-1].send(request())
            opened[-1].read()
        yield opened
    finally:
        for client in opened:
            client.close()


@contextmanager
def websockets(port: int, count: int) -> Iterator[list[WebSocket]]:
    """That many WebSockets."""
    opened = open_clients(("127.0.0.1", port), count, deflate=False, most=4096)
    try:
        yield opened
    finally:
        for client in opened:
            client.socket.close()
