"""A client for each version of HTTP, with one interface: it asks, reads a part of the answer, and leaves in any way."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset

from esg_core.asgi import Headers
from tests.support.http.client import Response, read_responses
from tests.support.http.sockets import Client, SocketServer

WAYS_TO_LEAVE = ("close", "reset")


class Talk(Protocol):
    """One connection with one request at a time; all waits are bounded."""

    def send(self, method: str, path: str, fields: Headers, body: bytes, *, announced: bool) -> None:
        """Send a request, with or without announcing the length of its body."""

    def read(self, method: str) -> Response:
        """The whole response."""

    def read_some(self) -> bytes:
        """The next bytes."""

    def read_last(self) -> bytes:
        """The rest of the body of a large response, to a request that asks to close the connection."""

    def upload(self, path: str, size: int) -> None:
        """Begin to send a body of that many bytes."""

    def go_on(self, data: bytes, *, end: bool) -> None:
        """Send more of it."""

    def leave(self, how: str) -> None:
        """Leave, in one of `WAYS_TO_LEAVE`."""


class OverHTTP1:
    """HTTP/1.1 in bytes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen = b""

    def send(self, method: str, path: str, fields: Headers, body: bytes, *, announced: bool) -> None:
        lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: a.test", *(b"%b: %b" % field for field in fields)]
        if announced and body:
            lines.append(b"Content-Length: %d" % len(body))
        elif not announced:
            lines.append(b"Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in pieces(body)) + b"0\r\n\r\n"
        self._client.send(b"\r\n".join([*lines, b"", body]))

    def read(self, method: str) -> Response:
        return self._client.response(method)

    def read_some(self) -> bytes:
        data = self._client.socket.recv(65536)
        self._seen += data
        return data

    def read_last(self) -> bytes:
        [response] = read_responses(self._seen + self._client.rest(), iter(["GET"]))
        return response.body

    def upload(self, path: str, size: int) -> None:
        self._client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n".encode())

    def go_on(self, data: bytes, *, end: bool) -> None:
        self._client.send(data)

    def leave(self, how: str) -> None:
        if how == "reset":
            self._client.reset()
        else:
            self._client.socket.close()


class OverHTTP2:
    """HTTP/2 by prior knowledge, through the library h2; a reset cancels the stream and keeps the connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self._stream = -1
        self._seen = b""
        self._waiting: deque[Event] = deque()
        self._flush()

    def send(self, method: str, path: str, fields: Headers, body: bytes, *, announced: bool) -> None:
        length = [(b"content-length", b"%d" % len(body))] if announced and body else []
        has_body = bool(body) or not announced
        self._begin(method, path, [*((name.lower(), value) for name, value in fields), *length], end=not has_body)
        if has_body:
            self.go_on(body, end=True)

    def read(self, method: str) -> Response:
        response = Response(0, [])
        for event in self._events():
            if isinstance(event, ResponseReceived):
                headers = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
                response.status = int(headers[0][1])
                response.headers = [field for field in headers if field[0] != b":status"]
            elif isinstance(event, DataReceived):
                response.body += event.data or b""
            elif isinstance(event, StreamEnded):
                return response
            elif isinstance(event, StreamReset):
                break
        raise EOFError("the stream or its connection ended")

    def read_some(self) -> bytes:
        for event in self._events():
            if isinstance(event, DataReceived):
                self._seen += event.data or b""
                return event.data or b""
        raise EOFError("the stream or its connection ended")

    def read_last(self) -> bytes:
        return self._seen + self.read("GET").body

    def upload(self, path: str, size: int) -> None:
        self._begin("POST", path, [(b"content-length", b"%d" % size)], end=False)

    def go_on(self, data: bytes, *, end: bool) -> None:
        while data:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room:
                self._h2.send_data(self._stream, data[:room])
                data = data[room:]
            self._flush()
            if data and not room:
                self._receive()
        if end:
            self._h2.end_stream(self._stream)
            self._flush()

    def leave(self, how: str) -> None:
        if how == "reset":
            self._h2.reset_stream(self._stream)
            self._flush()
        else:
            self._client.socket.close()

    def _begin(self, method: str, path: str, fields: Headers, *, end: bool) -> None:
        names = [b":method", b":scheme", b":path", b":authority"]
        values = [method.encode(), b"http", path.encode(), b"a.test"]
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, [*zip(names, values, strict=True), *fields], end_stream=end)
        self._flush()

    def _events(self) -> Iterator[Event]:
        """What comes, each event once."""
        while self._waiting or self._receive():
            yield self._waiting.popleft()

    def _receive(self) -> bool:
        """Process the next data, and open the windows; false at the end of the connection."""
        while data := self._client.socket.recv(65536):
            events = self._h2.receive_data(data)
            for event in events:
                if isinstance(event, DataReceived) and event.flow_controlled_length and event.stream_id:
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._flush()
            self._waiting += events
            if events:
                return True
        return False

    def _flush(self) -> None:
        self._client.send(self._h2.data_to_send())


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@contextmanager
def talk(server: SocketServer, version: str, *, receive_buffer: int | None = None) -> Iterator[Talk]:
    """A connection that speaks a version of HTTP; a small `receive_buffer` makes the client's side fill up soon."""
    with server.connect(receive_buffer=receive_buffer) as client:
        yield OverHTTP1(client) if version == "1.1" else OverHTTP2(client)
