"""A server in memory, with the h2 library as its client on a connection that begins with the preface."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

from esg_core.asgi import Headers
from tests.support.http.memory import MemoryServer

GET: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a.test")]


def request(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Headers:
    return [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"a.test"), *more]


def frames(data: bytes) -> Iterator[bytes]:
    """Frame by frame."""
    while data:
        end = 9 + int.from_bytes(data[:3], "big")
        yield data[:end]
        data = data[end:]


@dataclass
class Answer:
    """What has arrived on one stream."""

    status: int = 0
    fields: Headers = field(default_factory=list)
    hints: list[Headers] = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    complete: bool = False
    reset: int | None = None

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The fields by name, for fields that are not repeated."""
        return dict(self.fields)


class Client:
    """One HTTP/2 connection; `answers` has the answers by stream, `goaways` the last stream and code of each GOAWAY."""

    scheme = b"http"
    no_error, malformed, internal_error, refused, cancelled, excessive = 0, 1, 2, 7, 8, 11

    def __init__(self, server: MemoryServer, window: int | None = None, **how: Any) -> None:
        self.server = server
        self.transport = server.connect(**how)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self.answers: dict[int, Answer] = {}
        self.goaways: list[tuple[int, int]] = []
        self.has_closed = False
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.turn()

    def turn(self, *, credit: bool = True) -> None:
        """Exchange data with the server, and let it work, until nothing more happens."""
        while True:
            data = self.h2.data_to_send()
            if data:
                self.transport.feed(data)
            self.server.loop.settle()
            got = self.transport.read()
            if not data and not got:
                self._close()
                return
            for part in frames(got):
                for event in self.h2.receive_data(part):
                    self._take(event, credit)

    def _close(self) -> None:
        """Close this side once the server has closed its own."""
        if self.transport.eof_written and not self.has_closed:
            self.has_closed = True
            self.transport.feed_eof()
            self.server.loop.settle()

    def ask(self, headers: Headers = GET, body: bytes | None = None, *, end: bool = True) -> int:
        """Send a request, whole or in part; returns its stream."""
        number = self.h2.get_next_available_stream_id()
        self.answers[number] = Answer()
        self.h2.send_headers(number, headers, end_stream=body is None and end)
        if body is not None:
            self.h2.send_data(number, body, end_stream=end)
        return number

    def fetch(self, headers: Headers = GET, body: bytes | None = None) -> Answer:
        """One request and its answer."""
        number = self.ask(headers, body)
        self.turn()
        return self.answers[number]

    def add(self, number: int, body: bytes, *, end: bool) -> None:
        """Send more of a request's body."""
        self.h2.send_data(number, body, end_stream=end)
        self.turn()

    def add_trailers(self, number: int, fields: Headers) -> None:
        """End a request with trailers."""
        self.h2.send_headers(number, fields, end_stream=True)
        self.turn()

    def cancel(self, number: int) -> None:
        """Reset a stream."""
        self.h2.reset_stream(number, self.cancelled)

    def widen(self, number: int, size: int) -> None:
        """Let the server send more on a stream."""
        self.h2.increment_flow_control_window(size, number)

    def vanish(self) -> None:
        """Lose the connection."""
        self.transport.reset()

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the connection."""
        return self.transport.closed

    @property
    def ended_with(self) -> int | None:
        """The code that the server has announced the end with, if it has."""
        return self.goaways[-1][1] if self.goaways else None

    def raw(self, data: bytes) -> None:
        """Send bytes that the library would refuse to send."""
        self.transport.feed(data)
        self.turn()

    def _take(self, event: h2.events.Event, credit: bool) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append((event.last_stream_id or 0, int(event.error_code or 0)))
            # The library wrongly takes this for the end of the connection: RFC 9113 section 6.8.
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            return
        answer = self.answers.get(getattr(event, "stream_id", None) or 0, Answer())
        if isinstance(event, h2.events.ResponseReceived):
            answer.fields = list(event.headers)
            answer.status = int(answer.headers[b":status"])
        elif isinstance(event, h2.events.InformationalResponseReceived):
            answer.hints.append(list(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if credit:
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code)
        elif isinstance(event, h2.events.StreamEnded):
            answer.complete = True
