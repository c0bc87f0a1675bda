"""Clients that leave the streams of `tests.e2e.apps.leaving`, over each HTTP version and in every way."""

import array
import fcntl
import io
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

from tests.support.e2e.server import PATIENCE
from tests.support.e2e.wire import read_response
from tests.support.http.sockets import client_tls
from tests.support.http2 import wire
from tests.support.ws import frames

WIDE = wire.window(0, 2**30) + wire.window(1, 2**30)
"""What an HTTP/2 client has to send before it falls silent, in order to be sent everything."""

STILL = 0.2
"""Seconds without data after which all buffers of a client that does not read are full."""


@dataclass(frozen=True)
class Case:
    """A client that leaves."""

    version: str
    phase: str
    way: str
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.version}-{self.phase}-{self.way}-{self.number}"


class Left(Protocol):
    """A program that clients leave."""

    @property
    def port(self) -> int: ...

    @property
    def lines(self) -> list[str]: ...

    def wait_for(self, pattern: str) -> object: ...


class Leaver:
    """A client that asks for a stream, waits until it has reached its phase, and leaves."""

    def __init__(self, server: Left, case: Case, prefix: str = "") -> None:
        self.case = case
        self._server = server
        self._data = b""
        self._socket = self._connect()
        self._socket.sendall(self._request(f"{prefix}/{case.phase}/{case.name}"))

    def _connect(self) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(PATIENCE)
        if self.case.phase in ("stuck", "flood"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self._server.port))
        return connection

    def _request(self, path: str) -> bytes:
        if self.case.version == "1.1":
            return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
        fields = [wire.METHOD, wire.SCHEME, (b":path", path.encode()), (b":authority", b"127.0.0.1")]
        return wire.OPENING + wire.headers(1, fields) + (WIDE if self.case.way == "half" else b"")

    def arrive(self) -> Self:
        """Wait until the stream has reached the point where the client leaves it."""
        phase, name = self.case.phase, self.case.name
        if phase in ("late", "held"):
            self._server.wait_for(f"{name}: {'asked' if phase == 'late' else 'begun'}")
            return self
        self.read_until(lambda data: b"first" in data)
        if phase == "whole":
            end = b"0\r\n\r\n" if self.case.version == "1.1" else wire.data(1, end=True)
            self.read_until(lambda data: data.endswith(end))
        return self

    def read_until(self, is_there: Callable[[bytes], bool]) -> bytes:
        """Read until the data matches."""
        while not is_there(self._data):
            data = self._socket.recv(65536)
            assert data, f"{self.case.name}: the connection ended after {self._data[-200:]!r}"
            self._data += data
        return self._data

    def whole_body(self) -> bytes:
        """Read to the end; fails if that comes before the end of the response."""
        parts = [self._data]
        while data := self._socket.recv(1 << 20):
            parts.append(data)
        received = b"".join(parts)
        if self.case.version == "1.1":
            return read_response(io.BytesIO(received)).body
        answer = [frame for frame in wire.read(received) if frame.stream == 1 and frame.kind == wire.Kind.DATA]
        assert answer[-1].ends
        return b"".join([frame.payload for frame in answer])

    @property
    def unread(self) -> int:
        """How many bytes have arrived that have not been read."""
        size = array.array("i", [0])
        fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, size)
        return size[0]

    def leave(self) -> None:
        """Leave; the socket of a client that closes only its sending side stays open until `close()`."""
        way = self.case.way
        if way == "reset":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way == "rst_stream":
            self._socket.sendall(wire.reset(1))
            return
        elif way == "goaway":
            self._socket.sendall(wire.goaway())
        elif way == "half":
            self._socket.shutdown(socket.SHUT_WR)
            return
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


def leave_all(server: Left, cases: Iterable[Case], prefix: str = "", make: type[Leaver] = Leaver) -> list[Leaver]:
    """Let clients arrive, all at the same time, and then leave."""
    leavers = [make(server, case, prefix) for case in cases]
    for leaver in leavers:
        leaver.arrive()
    _fill_up([leaver for leaver in leavers if leaver.case.phase in ("stuck", "flood")])
    for leaver in leavers:
        leaver.leave()
    return leavers


def _fill_up(leavers: list[Leaver]) -> None:
    """Read nothing until no more data arrives."""
    before: list[int] = []
    while (unread := [leaver.unread for leaver in leavers]) != before:
        before = unread
        time.sleep(STILL)


def missing(server: Left, cases: Iterable[Case], wanted: Callable[[Case], Iterable[str]], seconds: float) -> list[str]:
    """The lines that have not come after that many seconds."""
    lines = {f"{case.name}: {what}" for case in cases for what in wanted(case)}
    end = time.monotonic() + seconds
    while left := lines.difference(server.lines):
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return sorted(left)


COMPLAINT = re.compile("^(WARNING|ERROR|CRITICAL)|Traceback|never retrieved|destroyed but")


def complaints(server: Left) -> list[str]:
    """The log lines that an operator would have to look at."""
    return [line for line in server.lines if COMPLAINT.search(line)]


class SecureLeaver(Leaver):
    """A client that speaks TLS, where closing a side is a close_notify."""

    def _connect(self) -> ssl.SSLSocket:
        context = client_tls("h2" if self.case.version == "2" else "http/1.1")
        return context.wrap_socket(super()._connect(), server_hostname="127.0.0.1", suppress_ragged_eofs=False)

    def leave(self) -> None:
        """As a `Leaver`."""
        if self.case.way != "half":
            super().leave()
            return
        assert isinstance(self._socket, ssl.SSLSocket)
        with suppress(OSError):  # data in transit comes before the server's answer
            self._socket.unwrap()


class SocketLeaver(Leaver):
    """A client of a WebSocket."""

    def _request(self, path: str) -> bytes:
        if self.case.version == "1.1":
            lines = (
                f"GET {path} HTTP/1.1",
                "host: 127.0.0.1",
                "connection: upgrade",
                "upgrade: websocket",
                "sec-websocket-version: 13",
                "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            )
            return "\r\n".join((*lines, "", "")).encode()
        fields = [
            (b":method", b"CONNECT"),
            (b":protocol", b"websocket"),
            wire.SCHEME,
            (b":path", path.encode()),
            (b":authority", b"127.0.0.1"),
            (b"sec-websocket-version", b"13"),
        ]
        return wire.OPENING + wire.headers(1, fields, end=False)

    def arrive(self) -> Self:
        """Wait until the connection has reached the point where the client leaves it."""
        self._server.wait_for(f"{self.case.name}: {'asked' if self.case.phase == 'late' else 'begun'}")
        return self

    def leave(self) -> None:
        """Like a `Leaver`, or with a closing handshake that is not waited for: `goodbye`."""
        if self.case.way == "goodbye":
            goodbye = frames.close(1001)
            self._socket.sendall(goodbye if self.case.version == "1.1" else wire.data(1, goodbye))
        super().leave()
