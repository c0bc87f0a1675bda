"""An HTTP/2 client, built on the library h2, that begins many requests on one connection and leaves them open."""

import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import StreamClosedError

from tests.support.e2e.server import PATIENCE, Server


class Http2Client:
    """One connection by prior knowledge, as a context manager."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        self.statuses: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.were_reset: set[int] = set()
        self._flush()

    def begin(self, path: str, *, method: str = "GET", is_whole: bool = True, fields: tuple[str, ...] = ()) -> int:
        """Send the head of a request and return the number of its stream; `fields` are as `name: value`."""
        stream = self._h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", path)]
        pairs = (field.partition(": ") for field in fields)
        self._h2.send_headers(stream, [*head, *((name, value) for name, _, value in pairs)], end_stream=is_whole)
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, *, is_last: bool = False) -> None:
        """Send a part of a body."""
        self._h2.send_data(stream, data, end_stream=is_last)
        self._flush()

    def cancel(self, stream: int) -> None:
        """Leave one request, and keep the connection."""
        self._h2.reset_stream(stream, 8)
        self._flush()

    def wait_for_head(self, stream: int) -> int:
        """The status of a response."""
        while stream not in self.statuses:
            self._read(gives_room=False)
        return self.statuses[stream]

    def response(self, stream: int) -> tuple[int, bytes]:
        """Status and body, read to the end."""
        while stream not in self.ended:
            self._read(gives_room=True)
        return self.statuses[stream], self.bodies.get(stream, b"")

    def _read(self, *, gives_room: bool) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError("the server has closed the connection")
        for event in self._h2.receive_data(data):
            if isinstance(event, ResponseReceived):
                self.statuses[event.stream_id] = int(dict(event.headers)[b":status"])
            elif isinstance(event, DataReceived):
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                self._give_room(event.flow_controlled_length, event.stream_id if gives_room else None)
            elif isinstance(event, StreamEnded | StreamReset):
                self.ended.add(event.stream_id)
                self.were_reset |= {event.stream_id} if isinstance(event, StreamReset) else set()
        self._flush()

    def _give_room(self, size: int, stream: int | None) -> None:
        """Always open the window of the connection, so that a stream that is not read holds up no other."""
        if size:
            self._h2.increment_flow_control_window(size)
        if size and stream is not None:
            with suppress(StreamClosedError):  # its end arrived with its last bytes
                self._h2.increment_flow_control_window(size, stream)

    def _flush(self) -> None:
        self._socket.sendall(self._h2.data_to_send())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
