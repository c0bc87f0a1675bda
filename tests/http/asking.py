"""Requests and their responses over a connection in memory."""

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.testing import MemoryTransport
from tests.http.client import Response, read_responses
from tests.http.memory import MemoryServer


def answers(transport: MemoryTransport, *methods: str) -> list[Response]:
    """The responses that have come since the last call, interim ones included; `methods` if they are no GET."""
    return read_responses(transport.read(), iter(methods))


def ask(server: MemoryServer, transport: MemoryTransport, data: bytes) -> Response:
    """Send one request and take its only final response."""
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


def by_path(**apps: Application) -> Application:
    """An application for each first segment of a path, of which the one called `root` serves `/`."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"].split("/")[1] or "root"](scope, receive, send)

    return dispatch


__all__ = ["answers", "ask", "by_path", "ended", "read_body"]
