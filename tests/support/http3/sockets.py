"""A client of HTTP/3 on a UDP socket that waits like those of HTTP/1.1: aioquic's, without an event loop.

It takes in datagrams only while a test waits for something, so that a client that does not read is one.
"""

import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from aioquic.h3 import events as h3
from aioquic.h3.connection import H3Connection
from aioquic.quic import events
from aioquic.quic.connection import QuicConnection

from esg_core.asgi import Headers
from tests.support.http.client import Response
from tests.support.http.sockets import PATIENCE, Client
from tests.support.http.translated import translated
from tests.support.http3.client import configuration

CANCELLED = 0x10C


class Exchange:
    """A request, and what has come of its answer; `heads` are those that no one has looked at yet."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.heads: deque[Response] = deque()
        self.body = bytearray()
        self.trailers: Headers = []
        self.is_complete = False
        self.reset: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is an interim response, or the whole one, or none will come."""
        begins_with_hint = bool(self.heads) and self.heads[0].status < 200
        return begins_with_hint or self.is_complete or self.reset is not None


class H3SocketClient(Client):
    """One connection; each request is on a stream of its own, and `response()` returns them in order.

    `over` says how the server ended the connection. `window` is what it may send of a stream before that is read.
    """

    def __init__(self, port: int, window: int | None = None) -> None:
        super().__init__(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.connect(("127.0.0.1", port))
        self._address = ("127.0.0.1", port)
        self.quic = QuicConnection(
            configuration=configuration("localhost", **({} if window is None else {"max_stream_data": window}))
        )
        self._h3 = H3Connection(self.quic)
        self._is_established = False
        self.over: events.ConnectionTerminated | None = None
        self._waiting: deque[Exchange] = deque()
        self._by_stream: dict[int, Exchange] = {}
        self._upload: tuple[int, int] | None = None
        self.stops: dict[int, int] = {}
        self.quic.connect(self._address, time.monotonic())
        self._flush()
        try:
            self.wait(lambda: self._is_established)
        except BaseException:
            self.socket.close()
            raise

    # What tests do.

    def send(self, data: bytes) -> Self:
        """Send a request, or more of the body of the last one."""
        if self._upload is None:
            fields, content, is_whole = translated(data, b"https")
            self.start(fields, content, end=is_whole)
            if not is_whole:
                size = int(dict(fields)[b"content-length"])
                self._upload = self._waiting[-1].stream, size - len(content)
        else:
            stream, left = self._upload
            left -= len(data)
            self._upload = (stream, left) if left else None
            self._h3.send_data(stream, data, end_stream=not left)
            self._flush()
        return self

    def start(self, fields: Headers, content: bytes = b"", *, end: bool = True) -> int:
        """Send a request as it is; returns its stream."""
        stream = self.quic.get_next_available_stream_id()
        exchange = self._by_stream[stream] = Exchange(stream)
        self._waiting.append(exchange)
        self._h3.send_headers(stream, fields, end_stream=end and not content)
        if content:
            self._h3.send_data(stream, content, end_stream=end)
        self._flush()
        return stream

    def response(self, method: str = "GET") -> Response:
        """The next response, even an interim one; `EOFError` if its stream or the connection ends before it."""
        exchange = self._waiting[0]
        self.wait(lambda: exchange.is_ready or self.over)
        if exchange.heads and exchange.heads[0].status < 200:
            return exchange.heads.popleft()
        self._waiting.popleft()
        if self._upload is not None and self._upload[0] == exchange.stream:
            self._upload = None
        if not exchange.is_complete:
            raise EOFError(f"the stream ended with {exchange.reset}, the connection with {self.over}")
        [response] = exchange.heads
        response.body, response.trailers = bytes(exchange.body), exchange.trailers
        return response

    def head(self) -> Response:
        """The head of the next response, once it has come; `response()` will return it too."""
        exchange = self._waiting[0]
        self.wait(lambda: exchange.heads or exchange.is_ready or self.over)
        return exchange.heads[0]

    def say(self, data: bytes, *, end: bool = False) -> None:
        """Send content on the last stream."""
        self._h3.send_data(self._waiting[-1].stream, data, end_stream=end)
        self._flush()

    def content(self) -> bytes:
        """What has come of the next response's body since the last call, once there is any."""
        exchange = self._waiting[0]
        self.wait(lambda: exchange.body or exchange.is_ready or self.over)
        got = bytes(exchange.body)
        exchange.body.clear()
        return got

    def unsent(self) -> int:
        """How many bytes of the last request the server has not given room for."""
        sender = self.quic._streams[self._waiting[-1].stream].sender
        return int(sender._buffer_stop - sender.highest_offset)

    def rest(self) -> bytes:
        """Wait for the end of the connection; `ConnectionResetError` if it is not an orderly one."""
        self.wait(lambda: self.over)
        assert self.over is not None
        if self.over.error_code not in (0, 0x100):
            raise ConnectionResetError(f"{self.over.error_code:#x} {self.over.reason_phrase}")
        return b""

    def is_open(self) -> bool:
        with suppress(TimeoutError):
            self.wait(lambda: self.over, 0.05)
        return self.over is None

    def cancel(self) -> None:
        """Cancel the last request, as clients do (RFC 9114 section 4.1.1)."""
        stream = self._waiting.pop().stream
        self._upload = None
        self.quic.stop_stream(stream, CANCELLED)
        with suppress(ValueError, RuntimeError):  # it is sent
            self.quic.reset_stream(stream, CANCELLED)
        self._flush()

    def half_close(self) -> Self:
        raise NotImplementedError("a connection of QUIC has no halves")

    def reset(self) -> None:
        """Cancel what is running, and leave."""
        for exchange in self._waiting:
            self.quic.stop_stream(exchange.stream, CANCELLED)
        self.quic.close(error_code=CANCELLED)
        self._leave()

    def close(self) -> None:
        """Leave, and say so."""
        self.quic.close(error_code=0x100)
        self._leave()

    def wait(self, condition: Callable[[], object], patience: float = 2 * PATIENCE) -> None:
        """Take in what comes until a condition holds; raises `TimeoutError`."""
        end = time.monotonic() + patience
        while not condition():
            now, due = time.monotonic(), self.quic.get_timer()
            if now >= end:
                raise TimeoutError
            self.socket.settimeout(max(0.001, min(end, end if due is None else due) - now))
            try:
                self.quic.receive_datagram(self.socket.recv(4096), self._address, time.monotonic())
            except TimeoutError:
                if due is not None and time.monotonic() >= due:
                    self.quic.handle_timer(time.monotonic())
            except ConnectionRefusedError:  # the server's socket is closed; aioquic asks again until it gives up
                time.sleep(0.01)
            self._take_events()
            self._flush()

    def _leave(self) -> None:
        if self.socket.fileno() >= 0:
            self._flush()
            self.socket.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    # What comes.

    def _flush(self) -> None:
        for datagram, _ in self.quic.datagrams_to_send(time.monotonic()):
            with suppress(ConnectionRefusedError):
                self.socket.send(datagram)

    def _take_events(self) -> None:
        while (event := self.quic.next_event()) is not None:
            match event:
                case events.HandshakeCompleted():
                    self._is_established = True
                case events.ConnectionTerminated():
                    self.over = self.over or event
                case events.StreamReset() if event.stream_id in self._by_stream:
                    self._by_stream[event.stream_id].reset = event.error_code
                case events.StopSendingReceived():
                    self.stops[event.stream_id] = event.error_code
            for one in self._h3.handle_event(event):
                if isinstance(one, (h3.HeadersReceived, h3.DataReceived)):
                    self._take(one)

    def _take(self, event: h3.HeadersReceived | h3.DataReceived) -> None:
        exchange = self._by_stream[event.stream_id]
        if isinstance(event, h3.DataReceived):
            exchange.body += event.data
        else:
            fields = dict(event.headers)
            if b":status" in fields:
                own = [(name, value) for name, value in event.headers if name != b":status"]
                exchange.heads.append(Response(int(fields[b":status"]), own))
            else:
                exchange.trailers = event.headers
        exchange.is_complete = exchange.is_complete or event.stream_ended
