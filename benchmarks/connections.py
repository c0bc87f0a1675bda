"""Connections that are opened and left open, many at a time."""

import resource
import select
import socket
from collections.abc import Sequence

from benchmarks.apps import HELLO
from benchmarks.processes import ServerError

_REQUEST = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


def allow_descriptors(count: int) -> None:
    """Let this process, and the servers that it starts, have that many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def used_connection(port: int) -> socket.socket:
    """A connection that has been answered once and is still open."""
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    try:
        _use(client)
    except BaseException:
        client.close()
        raise
    return client


def _use(client: socket.socket) -> None:
    client.sendall(_REQUEST)
    received = b""
    while not received.endswith(HELLO):
        try:
            part = client.recv(4096)
        except OSError as error:
            raise ServerError(f"did not answer a connection: {error!r}") from error
        if not part:
            raise ServerError("closed a connection without an answer")
        received += part


def readable(clients: Sequence[socket.socket]) -> list[socket.socket]:
    """The connections that have something to read, or have ended."""
    poll = select.poll()
    of_descriptor = {client.fileno(): client for client in clients}
    for descriptor in of_descriptor:
        poll.register(descriptor, select.POLLIN)
    return [of_descriptor[descriptor] for descriptor, _ in poll.poll(0)]
