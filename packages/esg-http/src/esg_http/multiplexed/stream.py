"""One stream of HTTP/2 or HTTP/3 as a cycle sees it: where its response goes, and where its request comes from.

Connects `Cycle` with the frames of `BaseStream`. Knows ASGI only through the cycle.
"""

import asyncio
from typing import TYPE_CHECKING, BinaryIO

from esg_core.asgi import Headers
from esg_core.contracts import Connection, Prepared
from esg_core.errors import ClientDisconnected, RequestError
from esg_core.waiting import WriteGate
from esg_http.call.refusals import answer_late, too_large
from esg_http.call.sendfile import FilePart
from esg_http.coding.fields import Field
from esg_http.message.response_head import SAYS_CLOSE, prepare_fields
from esg_http.multiplexed.base_stream import BaseStream
from esg_http.multiplexed.contracts import MOST_UNWRITTEN, StreamOwner
from esg_http.multiplexed.response_heads import split_headers
from esg_http.multiplexed.states import CLOSED
from esg_http.multiplexed.tunnel import Tunnel

if TYPE_CHECKING:
    from esg_http.call.cycle import Cycle

HIGH_WATER = 65536
"""Unsent bytes of a response beyond which its application has to wait."""

LOW_WATER = HIGH_WATER // 4


class RequestStream(BaseStream):
    """A stream with a request.

    See `esg_core.contracts.Stream`, and see `esg_http.multiplexed.contracts.TunnelStream`.
    """

    __slots__ = (
        "_connection",
        "_early",
        "_opener",
        "_trailers",
        "cycle",
        "gate",
        "is_head",
        "tunnel",
        "wants_trailers",
    )

    def __init__(self, connection: "StreamOwner[RequestStream]", number: int, window: int) -> None:
        super().__init__(number, window)
        self._connection = connection
        self._trailers: list[Field] | None = None
        self._early: bytearray | None = None
        self._opener: Cycle | None = None
        self.cycle: Cycle | None = None
        self.tunnel: Tunnel[RequestStream] | None = None
        self.gate = connection.gate
        self.is_head = False
        self.wants_trailers = False

    # Called by the cycle.

    @property
    def connection(self) -> Connection:
        return self._connection.connection

    @property
    def is_trusted(self) -> bool:
        return self._connection.is_trusted

    prepare = staticmethod(prepare_fields)

    def respond(self, status: int, prepared: Prepared, body: bytes, end: bool) -> None:
        self._check_open()
        connection = self._connection
        block = connection.heads.encode(status, prepared)
        if prepared[2] & SAYS_CLOSE:  # the equivalent here
            connection.drain()
        connection.sending.send_response(self, block, body, end=end)
        self._limit_unsent()

    def send(self, body: bytes, end: bool) -> None:
        self._check_open()
        self._connection.sending.send_data(self, body, end=end)
        self._limit_unsent()

    def send_trailers(self, headers: Headers, end: bool) -> None:
        self._check_open()
        fields = [*(self._trailers or ()), *split_headers(headers)]
        if not end:
            self._trailers = fields
        elif fields and self.wants_trailers:
            self._connection.sending.send_trailers(self, fields)
        else:
            self._connection.sending.send_data(self, b"", end=True)

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        part = FilePart(file.fileno(), offset, size)
        while part.size:
            self.send(await part.read(self._connection.loop), False)
            while self.gate.closed and self.state < CLOSED:
                await self.gate.wait_once()

    def inform(self, status: int, headers: Headers) -> None:
        self._check_open()
        block = self._connection.sending.encoder.encode([(b":status", b"%d" % status), *split_headers(headers)])
        self._connection.sending.send_head(self, block, end=False)

    def consumed(self, size: int) -> None:
        self._connection.data.consumed(self, size)

    def finished(self) -> None:
        self.cycle = None

    def give_up(self) -> None:
        self.cut(self._connection.codes.internal_error)

    def drop(self) -> None:
        self.cut(self._connection.codes.internal_error)

    def cut(self, code: int) -> None:
        """Reset the stream, and tell its cycle, if there still is one, that the client is gone."""
        if self.state < CLOSED:
            self._connection.sending.reset(self, code)
        self.on_reset()

    def await_switch(self, cycle: "Cycle") -> None:
        """Keep what comes for the protocol that this stream will be handed to: it is not a request's body."""
        self._early = bytearray()
        cycle.scope["extensions"]["esg.switch"] = cycle.switch

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int:
        """See `Stream.switch` (RFC 8441 section 5, RFC 9220)."""
        self._check_open()
        connection = self._connection
        block = connection.heads.encode(200, prepare_fields(200, headers))
        connection.sending.send_head(self, block, end=False)
        self._opener, self.cycle = self.cycle, None
        tunnel = self.tunnel = Tunnel(self, connection, protocol)
        early, self._early = self._early, None
        protocol.connection_made(tunnel)
        if early:
            tunnel.feed(bytes(early))
        if self.upload is None:
            tunnel.feed_eof()
        return 200

    def forget_tunnel(self) -> None:
        self.tunnel = None

    def _check_open(self) -> None:
        if self.state >= CLOSED:
            raise ClientDisconnected("the client has disconnected")

    def _limit_unsent(self) -> None:
        """Write what has been collected, and make the application wait while the client leaves much unread."""
        if self._connection.sending.out_size >= MOST_UNWRITTEN:
            self._connection.flush()
        if self.unsent is not None and self.unsent.size > HIGH_WATER and self.gate is self._connection.gate:
            self.gate = WriteGate(self._connection.loop)
            self.gate.close()

    # Called by the engine.

    def on_moved(self) -> None:
        if self.tunnel is not None:
            self.tunnel.on_moved()
            return
        gate = self.gate
        if gate is not self._connection.gate and (self.unsent is None or self.unsent.size <= LOW_WATER):
            self.gate = self._connection.gate
            gate.open()

    def on_content(self, data: bytes) -> None:
        cycle, upload = self.cycle, self.upload
        if self.tunnel is not None:
            self.tunnel.feed(data)
        elif self._early is not None:
            self._early += data
        elif cycle is None or upload is None:
            return
        elif upload.received > self._connection.body_limit:
            self.refuse(too_large())
        else:
            cycle.feed(data)

    def on_end(self) -> None:
        if self.tunnel is not None:
            self.tunnel.feed_eof()
        elif self.cycle is not None:
            self.cycle.feed_end()

    def on_reset(self) -> None:
        cycle, self.cycle = self.cycle, None
        if cycle is not None:
            cycle.disconnect()
            self._connection.leave(cycle)
        elif self.tunnel is not None:
            self.tunnel.lose(ConnectionResetError("the stream has been reset"))
            opener, self._opener = self._opener, None
            if opener is not None:
                self._connection.leave(opener)

    def refuse(self, error: RequestError) -> None:
        """Answer a request that goes wrong after its head."""
        self._connection.warn(error)
        cycle = self.cycle
        if cycle is None or cycle.response_started:
            self.cut(self._connection.codes.cancel)
        else:
            answer_late(cycle, error)
            self._connection.leave(cycle)
