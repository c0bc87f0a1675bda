"""A client of HTTP/3 that shares no code with the server's HTTP/3: aioquic's."""

from typing import Any, NamedTuple

from aioquic.h3 import events as h3
from aioquic.h3.connection import H3Connection
from aioquic.quic.events import QuicEvent, StreamDataReceived

from tests.support.http3 import wire
from tests.support.http3.client import Address, QuicClient, configuration

CONTROL = 3
"""The first stream of a server."""


class Answer(NamedTuple):
    """A response."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class H3Client(QuicClient):
    """One connection, for `async with`."""

    def __init__(self, port: int, **options: Any) -> None:
        address: Address = ("127.0.0.1", port)
        super().__init__(address, configuration("localhost", **options))
        self._h3 = H3Connection(self.quic)
        self._control = b""
        self._heads: dict[int, list[tuple[bytes, bytes]]] = {}

    @property
    def is_leaving(self) -> bool:
        """Whether the server has asked for no more requests, which aioquic does not tell."""
        return any(one.kind == wire.GOAWAY for one in wire.read(self._control[1:]))

    async def request(self, method: str, path: str, body: bytes = b"") -> Answer:
        """The response to a request; any number may run at a time."""
        return await self.answer(self.start(method, path, body))

    def start(self, method: str, path: str, body: bytes = b"") -> int:
        """Send a request; returns its stream."""
        stream = self.quic.get_next_available_stream_id()
        head = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", b"localhost"),
            (b":path", path.encode()),
        ]
        self._h3.send_headers(stream, head, end_stream=not body)
        if body:
            self._h3.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    async def answer(self, stream: int) -> Answer:
        """The whole response on a stream."""
        await self.until(lambda: stream in self.ended or stream in self.resets or self.over)
        assert stream in self.ended, (self.resets, self.over)
        head = dict(self._heads[stream])
        return Answer(int(head[b":status"]), head, bytes(self.data[stream]))

    async def head(self, stream: int) -> None:
        """Wait until the response has begun."""
        await self.until(lambda: stream in self._heads or self.over)

    def _take(self, event: QuicEvent) -> None:
        if not isinstance(event, StreamDataReceived):
            super()._take(event)
        elif event.stream_id == CONTROL:
            self._control += event.data
        for one in self._h3.handle_event(event):
            if isinstance(one, h3.HeadersReceived):
                self._heads.setdefault(one.stream_id, one.headers)
            if isinstance(one, h3.DataReceived):
                self.data[one.stream_id] += one.data
            if isinstance(one, (h3.HeadersReceived, h3.DataReceived)) and one.stream_ended:
                self.ended.add(one.stream_id)
