"""A server with one slot, which a test fills and frees."""

import asyncio
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from tests.http.misbehaviour.case import body, length, sends, start

LINE: dict[str, Any] = {"backpressure": True, "backpressure_max_limit": 1}
"""One may run, a hundred may wait."""


class Hall:
    """An application whose calls last until the test ends them by the path of their request."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._stays: dict[str, asyncio.Future[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.began.append(path)
        self._stays[path] = asyncio.get_running_loop().create_future()
        await self._stays[path]
        await sends(start(headers=length(b"4")), body(b"done"))(scope, receive, send)

    def let_go(self, path: str) -> None:
        self._stays[path].set_result(None)
