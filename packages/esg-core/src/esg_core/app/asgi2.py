"""Adapts ASGI 2 applications, which are called twice, to ASGI 3, where they are called once.

Knows the two interfaces and nothing else. ASGI 2: `instance = app(scope)`, then `await instance(receive, send)`.
"""

from collections.abc import Awaitable, Callable

from esg_core.asgi import Receive, Scope, Send

ASGI2Instance = Callable[[Receive, Send], Awaitable[None]]
ASGI2Application = Callable[[Scope], ASGI2Instance]


class ASGI2Adapter:
    """An ASGI 3 application that creates an instance of an ASGI 2 application for each scope."""

    __slots__ = ("app",)

    def __init__(self, app: ASGI2Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        instance = self.app(scope)
        await instance(receive, send)
