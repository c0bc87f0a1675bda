"""Requests and their responses over a connection in memory."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.testing import MemoryTransport
from esg_http.h1.connection import H1Connection
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.client import Response, read_responses
from tests.support.http.memory import MemoryServer


def answers(transport: MemoryTransport, *methods: str) -> list[Response]:
    """The responses since the last call, interim ones included; `methods` if they are not those of GETs."""
    return read_responses(transport.read(), iter(methods))


def ask(server: MemoryServer, transport: MemoryTransport, data: bytes) -> Response:
    """Send one request and return its only final response."""
    transport.feed(data)
    server.loop.settle()
    method = data.partition(b" ")[0].decode("latin-1")
    [response] = [response for response in answers(transport, method) if response.status >= 200]
    return response


def ended(transport: MemoryTransport) -> bool:
    """Whether the server has begun to end the connection."""
    return transport.is_closing() or transport.eof_written


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request, for an application; `ConnectionError` if the client goes before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client has disconnected")
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body of the request, once all of it has arrived."""
    content = await read_body(receive)
    await sends(start(headers=length(b"%d" % len(content))), body(content))(scope, receive, send)


class Slow:
    """An application that reads nothing until it is released, and then everything."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self.goes_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.methods.append(scope["method"])
        await self.goes_on.wait()
        await echo(scope, receive, send)


def by_path(**apps: Application) -> Application:
    """One application for each first segment of a path; the one called `root` serves `/`."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"].split("/")[1] or "root"](scope, receive, send)

    return dispatch


class Connected:
    """A server with one client."""

    def __init__(self, server: MemoryServer, transport: MemoryTransport) -> None:
        self.server = server
        self.transport = transport

    @property
    def connection(self) -> H1Connection:
        return cast(H1Connection, self.transport.get_protocol())

    @property
    def due_in(self) -> float:
        """Seconds until the connection's deadline."""
        return self.connection.deadline - self.server.loop.time()

    def feed(self, *parts: bytes) -> None:
        for part in parts:
            self.transport.feed(part)
        self.server.loop.settle()

    def statuses(self, *methods: str) -> list[int]:
        return [response.status for response in answers(self.transport, *methods)]

    def bodies(self, *methods: str) -> list[bytes]:
        return [response.body for response in answers(self.transport, *methods)]


@contextmanager
def connected(app: Application, how: dict[str, Any] | None = None, **options: Any) -> Iterator[Connected]:
    with MemoryServer(app, **options) as server:
        yield Connected(server, server.connect(**(how or {})))
