"""A stream that only keeps a diary: what a cycle tells the stream that carries its response."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from esg_core.asgi import Headers
from esg_core.context import Context
from esg_core.contracts import Connection, Prepared
from esg_core.options.config import Config
from esg_core.testing import ManualLoop
from esg_core.waiting import WriteGate
from esg_http.call.cycle import Cycle
from esg_http.message.response_head import encode_fields


class DiaryStream:
    """See `esg_core.contracts.Stream`; `said` has one entry per call, except for `prepare()`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, is_head: bool) -> None:
        self.gate = WriteGate(loop)
        self.is_head = is_head
        self.said: list[tuple[Any, ...]] = []

    @property
    def connection(self) -> Connection:
        """What tells the connections of two streams apart, and nothing else of one."""
        return cast(Connection, self)

    @property
    def is_trusted(self) -> bool:
        return False

    def prepare(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> Prepared:
        return encode_fields(headers)

    def respond(self, status: int, prepared: Prepared, body: bytes, end: bool) -> None:
        self.said.append(("respond", status, body, end))

    def send(self, body: bytes, end: bool) -> None:
        self.said.append(("send", body, end))

    def send_trailers(self, headers: Headers, end: bool) -> None:
        self.said.append(("trailers", headers, end))

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        self.said.append(("file", os.pread(file.fileno(), size, offset)))

    def inform(self, status: int, headers: Headers) -> None:
        self.said.append(("inform", status, headers))

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int:
        self.said.append(("switch", headers))
        return 101

    def consumed(self, size: int) -> None:
        self.said.append(("consumed", size))

    def finished(self) -> None:
        self.said.append(("finished",))

    def give_up(self) -> None:
        self.said.append(("give up",))

    def drop(self) -> None:
        self.said.append(("drop",))


class CycleOnPaper:
    """A cycle over a `DiaryStream`, on a clock that stands still."""

    def __init__(self, loop: ManualLoop, method: str = "GET", **options: Any) -> None:
        self.loop = loop
        self.context = Context(Config("tests:app", **options), self._app, loop)
        self.stream = DiaryStream(loop, method == "HEAD")
        self.cycle = Cycle(self.context, self.stream, {"type": "http", "method": method}, b"/")

    @property
    def said(self) -> list[tuple[Any, ...]]:
        """What the stream was told since the last call of this."""
        said, self.stream.said = self.stream.said, []
        return said

    def send(self, *messages: Any) -> None:
        """Send messages as an application does; raises what `send()` raises."""

        async def send() -> None:
            for message in messages:
                await self.cycle.send(message)

        self.loop.run_until_complete(send())

    def receive(self) -> Any:
        """One message, which must be there."""
        return self.loop.run_until_complete(self.cycle.receive())

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the tests call themselves")
