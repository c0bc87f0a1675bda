"""A client of QUIC and HTTP/3 that blocks: aioquic's, on a socket of its own. Knows neither servers nor loads."""

import select
import socket
import ssl
import time
from typing import Any, Self

from aioquic.h3 import events as h3
from aioquic.h3.connection import H3Connection
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

LARGEST = 65536
WINDOW = 2**24
"""Bytes that the server may send ahead."""

_BUFFER = 2**22


class Lost(Exception):
    """The connection has ended, or the server is silent."""


class Session:
    """One connection; `ended` are the streams whose answers are whole and had the status 200."""

    def __init__(self, port: int, patience: float = 20.0, window: int = WINDOW) -> None:
        self.server = ("127.0.0.1", port)
        self._patience = patience
        config = QuicConfiguration(
            alpn_protocols=["h3"],
            is_client=True,
            server_name="localhost",
            verify_mode=ssl.CERT_NONE,
            max_data=WINDOW,
            max_stream_data=window,
        )
        self.quic = QuicConnection(configuration=config)
        self.socket = self._open_socket()
        self.is_established = False
        self._is_over = False
        self._h3 = H3Connection(self.quic)
        self._statuses: dict[int, bytes] = {}
        self.ended: set[int] = set()

    def __enter__(self) -> Self:
        """Return once the handshake is complete."""
        self.begin()
        self.until(lambda: self.is_established)
        return self

    def __exit__(self, *_error: object) -> None:
        """Say that it ends."""
        self.quic.close()
        self.flush()
        self.socket.close()

    def begin(self) -> None:
        """Send the first packets."""
        self.quic.connect(self.server, time.monotonic())
        self.flush()

    def move(self) -> None:
        """Send from another port from now on."""
        self.socket.close()
        self.socket = self._open_socket()

    def start(self, method: str = "GET", body: bytes = b"", path: str = "/") -> int:
        """Queue a request; returns its stream."""
        stream = self.quic.get_next_available_stream_id()
        head = [(b":method", method.encode()), (b":scheme", b"https"), (b":authority", b"localhost")]
        self._h3.send_headers(stream, [*head, (b":path", path.encode())], end_stream=not body)
        if body:
            self._h3.send_data(stream, body, end_stream=True)
        return stream

    def ask(self, method: str = "GET", body: bytes = b"", path: str = "/") -> None:
        """Return once a request has its answer."""
        stream = self.start(method, body, path)
        self.flush()
        self.until(lambda: stream in self.ended)

    def open_websocket(self) -> int:
        """Return the stream of a WebSocket once it is accepted (RFC 9220); raises `Lost` if it is not."""
        stream = self.quic.get_next_available_stream_id()
        head = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"), (b":path", b"/")]
        own = [(b"sec-websocket-version", b"13"), (b"sec-websocket-extensions", b"permessage-deflate")]
        self._h3.send_headers(stream, [*head, (b":authority", b"localhost"), *own])
        self.flush()
        self.until(lambda: stream in self._statuses or stream in self.ended)
        if self._statuses.get(stream) != b"200":
            raise Lost("no WebSocket over HTTP/3")
        return stream

    def say(self, stream: int, data: bytes) -> None:
        """Queue content of a stream."""
        self._h3.send_data(stream, data, end_stream=False)

    def give_no_room(self) -> None:
        """Announce no more room on any stream, but accept what comes anyway."""
        inside: Any = vars(self.quic)  # aioquic has no option for it
        inside["_write_stream_limits"] = lambda **_: None
        for stream in inside["_streams"].values():
            stream.max_stream_data_local = WINDOW

    def until(self, condition: object) -> None:
        """Return once `condition()` holds; raises `Lost` if that takes too long."""
        assert callable(condition)
        deadline = time.monotonic() + self._patience
        while not condition():
            self.turn(0.1)
            if self._is_over or time.monotonic() > deadline:
                raise Lost("the connection has ended" if self._is_over else f"no answer in {self._patience:g} s")

    def turn(self, timeout: float) -> None:
        """Read what has come, for which to wait some seconds, and send what there is to send."""
        now, due = time.monotonic(), self.quic.get_timer()
        if due is not None:
            timeout = min(timeout, max(0.0, due - now))
        if select.select([self.socket], [], [], timeout)[0]:
            self._read()
        elif due is not None and time.monotonic() >= due:
            self.quic.handle_timer(time.monotonic())
        self.take_events()
        if not self._is_over:
            self.flush()

    def take_events(self) -> None:
        """Take notice of what has been read."""
        while (event := self.quic.next_event()) is not None:
            self._take(event)

    def flush(self) -> None:
        """Send what there is to send."""
        for datagram, _ in self.quic.datagrams_to_send(time.monotonic()):
            self.send(datagram)

    def send(self, datagram: bytes) -> None:
        """Send a datagram; what the system has no room for is lost."""
        try:
            self.socket.send(datagram)
        except ConnectionRefusedError:
            raise Lost("nothing listens there") from None
        except OSError:
            return

    def _open_socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        made.connect(self.server)
        made.setblocking(False)
        return made

    def _read(self) -> None:
        for _ in range(64):
            try:
                datagram = self.socket.recv(LARGEST)
            except ConnectionRefusedError:
                raise Lost("nothing listens there") from None
            except OSError:
                return
            self.quic.receive_datagram(datagram, self.server, time.monotonic())

    def _take(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.HandshakeCompleted):
            self.is_established = True
        elif isinstance(event, events.ConnectionTerminated):
            self._is_over = True
        else:
            for one in self._h3.handle_event(event):
                self._take_answer(one)

    def _take_answer(self, event: h3.H3Event) -> None:
        if isinstance(event, h3.HeadersReceived):
            self._statuses.setdefault(event.stream_id, dict(event.headers).get(b":status", b""))
        if isinstance(event, (h3.HeadersReceived, h3.DataReceived)) and event.stream_ended:
            status = self._statuses.pop(event.stream_id)
            if status != b"200":
                raise Lost(f"the status {status.decode()}")
            self.ended.add(event.stream_id)
