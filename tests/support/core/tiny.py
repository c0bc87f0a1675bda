"""A protocol that is not HTTP at all, as a third-party package could register it (U-4)."""

import asyncio
from typing import Any

from esg_core.context import Context
from esg_core.plugins import ProtocolFactory


class Tiny(asyncio.Protocol):
    """Each line is a request, which the application's `respond()` answers."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.deadline = float("inf")
        self.check_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.context.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.context.connections.discard(self)
        self.context.left()

    def data_received(self, data: bytes) -> None:
        self.context.requests += 1
        state = self.context.state.get("answer", b"no state")
        self.transport.write(data.strip() + b" " + state + (b" last" if self.context.closing else b"") + b"\n")
        if self.context.requests >= self.context.request_limit:
            self.context.limit_reached()

    def drain(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def expire(self, now: float) -> None:
        self.abort()


def protocol(context: Context) -> ProtocolFactory:
    return lambda: Tiny(context)


def needs_what_is_not_there(context: Context) -> ProtocolFactory:
    raise ImportError("no parser")
