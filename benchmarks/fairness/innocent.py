"""A client that sends a request every few milliseconds on one connection, and records how long it waits."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.fairness.app import ANSWER
from benchmarks.fairness.wire import GET
from benchmarks.loads import NoResult
from benchmarks.quic_session import Lost, Session

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


class Client(Protocol):
    """One connection."""

    def ask(self) -> bool:
        """Send a request; returns whether it was answered."""

    def close(self) -> None:
        """Let go of the connection."""


def watch(innocent: Client, *, is_over: Callable[[], bool]) -> Waits:
    """Send requests until it is over, or until an answer is lost; then close the client."""
    waits = Waits()
    with contextlib.closing(innocent) as client:
        while not is_over():
            begin = time.perf_counter()
            waits.is_lost = not client.ask()
            waits.longest = max(waits.longest, time.perf_counter() - begin)
            if waits.is_lost:
                break
            waits.answered += 1
            time.sleep(PAUSE)
    return waits


def connect(port: int, *, tls: bool, http3: bool = False) -> Client:
    """A client with an open connection, over HTTP/1.1 or HTTP/3."""
    return _OverHTTP3(port) if http3 else _OverHTTP1(port, tls)


class _OverHTTP1:
    def __init__(self, port: int, tls: bool) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self._socket = context.wrap_socket(self._socket)

    def ask(self) -> bool:
        received = b""
        try:
            self._socket.sendall(GET)
            while not received.endswith(b"\r\n\r\n" + ANSWER):
                part = self._socket.recv(65536)
                if not part:
                    return False
                received += part
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


class _OverHTTP3:
    def __init__(self, port: int) -> None:
        self._session = Session(port, PATIENCE)
        try:
            self._session.__enter__()
        except Lost as error:
            raise NoResult(PATIENCE) from error

    def ask(self) -> bool:
        try:
            self._session.ask()
        except Lost:
            return False
        return True

    def close(self) -> None:
        self._session.__exit__()
