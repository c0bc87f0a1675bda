"""A client that sends a request every few milliseconds on one connection, and records how long it waits."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.fairness.app import ANSWER
from benchmarks.fairness.wire import GET

PAUSE = 0.003
"""Seconds between an answer and the next request."""

PATIENCE = 15.0
"""Seconds after which an answer counts as lost."""


@dataclass(slots=True)
class Waits:
    """Of all requests: the longest wait in seconds, how many were answered, and whether the last one was not.

    The wait for an answer that never came counts too.
    """

    longest: float = 0.0
    answered: int = 0
    is_lost: bool = False


def watch(port: int, *, tls: bool, is_over: Callable[[], bool]) -> Waits:
    """Send requests until it is over, or until an answer is lost."""
    waits = Waits()
    with contextlib.closing(_connect(port, tls)) as client:
        while not is_over():
            begin = time.perf_counter()
            waits.is_lost = not _ask(client)
            waits.longest = max(waits.longest, time.perf_counter() - begin)
            if waits.is_lost:
                break
            waits.answered += 1
            time.sleep(PAUSE)
    return waits


def _connect(port: int, tls: bool) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return client
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(client)


def _ask(client: socket.socket) -> bool:
    received = b""
    try:
        client.sendall(GET)
        while not received.endswith(b"\r\n\r\n" + ANSWER):
            part = client.recv(65536)
            if not part:
                return False
            received += part
    except OSError:
        return False
    return True
