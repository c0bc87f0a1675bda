"""A WebSocket over one stream of HTTP/2 (RFC 8441), which sends as fast as the windows of the server open."""

import select
import socket
import time

from benchmarks.fairness.wire import DATA, OPENING, WINDOW_UPDATE, frame, headers, request_block

_SETTINGS, _HEADERS, _GOAWAY, _RST_STREAM = 4, 1, 7, 3
_CONNECT = (
    (b":protocol", b"websocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-extensions", b"permessage-deflate"),
)


class Tunnel:
    """An accepted WebSocket; raises `ValueError` if the server does not serve it this way."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._received = b""
        self._windows = {0: 65535, 1: 65535}
        self._is_open = self._is_over = False
        client.sendall(OPENING + headers(1, request_block(b"CONNECT", *_CONNECT), 0))
        while not self._is_open and not self._is_over:
            self._read()
        if not self._is_open:
            raise ValueError("no WebSocket over HTTP/2")

    def pour(self, data: bytes, seconds: float) -> None:
        """Send all of it, for at most that many seconds."""
        self._client.setblocking(False)
        end = time.monotonic() + seconds
        framed, at = b"", 0
        while (at < len(data) or framed) and not self._is_over and time.monotonic() < end:
            size = min(16384, len(data) - at, *self._windows.values())
            if not framed and size > 0:
                framed = frame(DATA, 1, data[at : at + size])
                at += size
                self._windows = {stream: window - size for stream, window in self._windows.items()}
            readable, writable, _ = select.select([self._client], [self._client] if framed else [], [], 0.5)
            try:
                if readable:
                    self._read()
                if writable:
                    framed = framed[self._client.send(framed) :]
            except BlockingIOError:
                continue
            except OSError:
                return

    def _read(self) -> None:
        received = self._client.recv(262144)
        self._is_over = not received
        data = self._received + received
        at = 0
        while len(data) - at >= 9 and (end := at + 9 + int.from_bytes(data[at : at + 3])) <= len(data):
            self._take(data[at + 3], int.from_bytes(data[at + 5 : at + 9]), data[at + 9 : end])
            at = end
        self._received = data[at:]

    def _take(self, kind: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE and stream in self._windows:
            self._windows[stream] += int.from_bytes(payload)
        elif kind == _SETTINGS:
            for at in range(0, len(payload), 6):
                if int.from_bytes(payload[at : at + 2]) == 4:
                    self._windows[1] += int.from_bytes(payload[at + 2 : at + 6]) - 65535
        elif kind == _HEADERS:
            self._is_open = payload[:1] == b"\x88"  # :status 200, which all servers take from the static table
        elif kind in (_GOAWAY, _RST_STREAM):
            self._is_over = True
