"""A WebSocket client on a socket, over HTTP/1.1 and over HTTP/2, that reads and writes the bytes of frames."""

import socket
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events

from tests.support.http.sockets import client_tls
from tests.support.http2.driven import request
from tests.support.ws.memory import OFFER, REQUEST

PATIENCE = 60.0


class Upgraded:
    """A WebSocket that has a connection of HTTP/1.1 to itself."""

    def __init__(self, connection: socket.socket, path: str) -> None:
        self._socket = connection
        self._socket.settimeout(PATIENCE)
        self._socket.sendall(REQUEST.replace(b"/chat?room=1", path.encode()) + OFFER + b"\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> int:
        """Send as much as is taken within a second; returns how much that is."""
        self._socket.settimeout(1)
        sent = 0
        try:
            while sent < len(data):
                sent += self._socket.send(data[sent : sent + 65536])
        except TimeoutError:
            pass
        self._socket.settimeout(PATIENCE)
        return sent

    def receive(self) -> bytes:
        """The next data; empty at the end."""
        return self._socket.recv(65536)


class Tunnelled(Upgraded):
    """A WebSocket that is a stream of HTTP/2."""

    def __init__(self, connection: socket.socket, path: str) -> None:
        self._socket = connection
        self._socket.settimeout(PATIENCE)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._h2.initiate_connection()
        self._stream = 1
        offer = OFFER.strip().partition(b": ")[2]
        fields = [(b":protocol", b"websocket"), (b"sec-websocket-version", b"13"), (b"sec-websocket-extensions", offer)]
        self._read = b""
        self._is_open = False
        self._h2.send_headers(self._stream, request(path.encode(), b"CONNECT", *fields))
        while not self._is_open:
            self._pump()

    def _pump(self) -> None:
        """Send what is due, and wait for data."""
        self._socket.sendall(self._h2.data_to_send())
        for event in self._h2.receive_data(self._socket.recv(65536)):
            if isinstance(event, h2.events.ResponseReceived):
                assert dict(event.headers)[b":status"] == b"200"
                self._is_open = True
            elif isinstance(event, h2.events.DataReceived):
                self._read += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, self._stream)
        self._socket.sendall(self._h2.data_to_send())

    def send(self, data: bytes) -> int:
        """As `Upgraded.send`."""
        sent = 0
        while sent < len(data):
            size = min(self._h2.local_flow_control_window(self._stream), 16384, len(data) - sent)
            if size:
                self._h2.send_data(self._stream, data[sent : sent + size])
                self._socket.sendall(self._h2.data_to_send())
                sent += size
                continue
            self._socket.settimeout(1)
            try:
                self._pump()
            except TimeoutError:
                break
        self._socket.settimeout(PATIENCE)
        return sent

    def receive(self) -> bytes:
        """As `Upgraded.receive`."""
        while not self._read:
            self._pump()
        data, self._read = self._read, b""
        return data


def client(connection: socket.socket, path: str, *, is_tls: bool, http2: bool) -> Upgraded:
    """A WebSocket on a connection that has just been made."""
    if is_tls:
        context = client_tls("h2" if http2 else "http/1.1")
        connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
    return (Tunnelled if http2 else Upgraded)(connection, path)
