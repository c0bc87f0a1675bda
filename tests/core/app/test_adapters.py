"""ASGI 2 applications behind the interface of ASGI 3."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from esg_core.app.asgi2 import ASGI2Adapter
from esg_core.asgi import Application, Message, Receive, Scope, Send

HTTP_SCOPE: Scope = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/app/a b",
    "raw_path": b"/app/a%20b",
    "query_string": b"x=1",
    "root_path": "/app",
    "headers": [(b"host", b"example.com"), (b"content-length", b"4"), (b"x-two", b"a"), (b"x-two", b"b")],
    "client": ("198.51.100.7", 1234),
    "server": ("example.com", 443),
}


def call(app: Application, scope: Scope, *received: Message) -> list[Message]:
    """Call an application once and return what it sent."""
    waiting = list(received)
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def main() -> None:
        await app(scope, receive, send)

    asyncio.run(main())
    return sent


# ASGI 2


def test_an_asgi2_application_gets_scope_first_and_the_channels_after() -> None:
    class Echo:
        def __init__(self, scope: Scope) -> None:
            self.scope = scope

        async def __call__(self, receive: Receive, send: Send) -> None:
            await send({"type": self.scope["type"], "echo": await receive()})

    assert call(ASGI2Adapter(Echo), {"type": "http"}, {"type": "in"}) == [{"type": "http", "echo": {"type": "in"}}]


@pytest.mark.parametrize("when", ["made", "called"])
def test_errors_of_an_asgi2_application_come_through(when: str) -> None:
    def app(scope: Scope) -> Callable[[Receive, Send], Any]:
        if when == "made":
            raise LookupError(when)
        return instance

    async def instance(receive: Receive, send: Send) -> None:
        raise LookupError(when)

    with pytest.raises(LookupError, match=when):
        call(ASGI2Adapter(app), {"type": "http"})
