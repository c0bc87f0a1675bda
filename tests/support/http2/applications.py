"""Applications for HTTP/2 connections in memory."""

import asyncio

from esg_core.asgi import Receive, Scope, Send


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


class Held:
    """An application that answers when it is told to; `running` is the number of its open calls."""

    def __init__(self) -> None:
        self.running = self.calls = self.most = 0
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        future = self.waiting[f"{scope['path']}{self.calls}"] = asyncio.get_running_loop().create_future()
        try:
            await future
            await hello(scope, receive, send)
        finally:
            self.running -= 1

    def go(self, number: int) -> None:
        list(self.waiting.values())[number].set_result(None)

    def end(self) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.cancel()
