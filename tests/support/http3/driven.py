"""A server in memory, with a client of HTTP/3 that is written and read by another implementation."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from esg_core.asgi import Headers
from esg_core.testing import MemoryTransport
from esg_http.h3.connection import H3Connection
from esg_http.h3.settings import H3Settings
from tests.support.http.memory import MemoryServer
from tests.support.http2.driven import Answer
from tests.support.http3 import wire
from tests.support.http3.memory import Ending, MemoryQuic
from tests.support.http3.wire import GET, Frame


class Answers(dict[int, Answer]):
    """What has come so far on each stream that is asked for."""

    def __init__(self, client: "Client") -> None:
        super().__init__()
        self._client = client

    def __getitem__(self, number: int) -> Answer:
        return self._client.answer(number)


class Client:
    """One HTTP/3 connection; `answers` has what came, by stream. `cut`: bytes arrive one by one."""

    scheme = b"https"
    no_error, malformed, internal_error = 0x100, 0x10E, 0x102
    refused, cancelled, excessive = 0x10B, 0x10C, 0x107

    def __init__(
        self,
        server: MemoryServer,
        *,
        cut: bool = False,
        opening: bytes | None = None,
        peername: tuple[str, int] | None = None,
        **how: Any,
    ) -> None:
        self.server = server
        self.cut = cut
        settings = server.shared.get(H3Settings)
        if settings is None:
            settings = server.shared[H3Settings] = H3Settings(server.context)
        self.user = H3Connection(server.context, settings)
        self.quic = MemoryQuic(self.user, server.loop, **how)
        if peername is not None:
            self.quic.facts["peername"] = peername
        server.transports.append(cast(MemoryTransport, Ending(partial(self.quic.lose, None))))
        self._next = 0
        self.quic.open()
        self.send(2, wire.control() if opening is None else opening)
        self.turn()

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Deliver bytes of a stream."""
        pieces = [data[at : at + 1] for at in range(len(data))] if self.cut else [data]
        for number, piece in enumerate(pieces, 1):
            if not self.quic.closed:
                self.user.stream_data(stream, piece, end and number == len(pieces))
        if not pieces and end:
            self.user.stream_data(stream, b"", True)

    def ask(self, fields: Headers = GET, body: bytes | None = None, *, end: bool = True) -> int:
        """Send a request; returns its stream."""
        number, self._next = self._next, self._next + 4
        content = b"" if body is None else wire.data(body)
        self.send(number, wire.headers(fields) + content, end=end)
        return number

    def fetch(self, fields: Headers = GET, body: bytes | None = None) -> Answer:
        number = self.ask(fields, body)
        self.turn()
        return self.answer(number)

    def add(self, number: int, body: bytes, *, end: bool) -> None:
        """Send more of a request's body."""
        self.send(number, wire.data(body) if body else b"", end=end)
        self.turn()

    def add_trailers(self, number: int, fields: Headers) -> None:
        """End a request with trailers."""
        self.send(number, wire.headers(fields), end=True)
        self.turn()

    def widen(self, number: int, size: int) -> None:
        """Let the server send more on a stream."""
        self.quic.widen(number, size)

    def vanish(self) -> None:
        """Lose the connection."""
        self.quic.lose()

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the connection."""
        return self.quic.closed is not None

    @property
    def ended_with(self) -> int | None:
        """The code that the server has ended the connection with, if it has."""
        return None if self.quic.closed is None else self.quic.closed[0]

    def cancel(self, number: int, code: int = cancelled) -> None:
        """Abandon both sides, as clients do (RFC 9114 section 4.1.1)."""
        self.quic.resets.setdefault(number, -1)
        self.user.stream_stopped(number, code)
        if not self.quic.closed:
            self.user.stream_reset(number, code)

    def turn(self) -> None:
        self.server.loop.settle()

    @property
    def answers(self) -> Mapping[int, Answer]:
        """As `answer`; not kept, so that no cycle of references keeps this client."""
        return Answers(self)

    def answer(self, number: int) -> Answer:
        """What has come on a stream."""
        answer = Answer(complete=number in self.quic.ends, reset=self.quic.resets.get(number))
        for kind, payload in self.frames(number):
            if kind == wire.DATA:
                answer.body += payload
            elif kind == wire.HEADERS:
                self._take_head(answer, wire.fields_of(payload))
        return answer

    def _take_head(self, answer: Answer, fields: Headers) -> None:
        status = int(dict(fields).get(b":status", b"0"))
        if not status:
            answer.trailers = fields
        elif status < 200:
            answer.hints.append(fields)
        else:
            answer.status, answer.fields = status, fields

    def frames(self, number: int) -> list[Frame]:
        return list(wire.read(bytes(self.quic.sent.get(number, b""))))

    @property
    def control(self) -> list[Frame]:
        """What has come on the server's control stream."""
        sent = bytes(self.quic.sent[3])
        assert sent[:1] == b"\0"
        return list(wire.read(sent[1:]))

    @property
    def goaways(self) -> list[int]:
        return [
            int.from_bytes(frame.payload, "big") & 2**62 - 1 if len(frame.payload) == 8 else frame.payload[-1]
            for frame in self.control
            if frame.kind == wire.GOAWAY
        ]
