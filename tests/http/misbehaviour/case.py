"""An application that breaks the rules of ASGI, and what its client and the operator must see."""

from dataclasses import dataclass
from typing import Any

from esg_core.asgi import Application, Message, Receive, Scope, Send

ANSWERED = "500"
"""The client gets a 500 from the server, and the connection stays."""

SERVED = "served"
"""The client gets the application's response, and the connection stays."""

CUT = "cut"
"""The connection ends within the response."""

ENDED = "ended"
"""The client gets a whole response, and the connection ends."""


@dataclass(frozen=True)
class Misbehaviour:
    """An application, its outcome, and a part of what the log must say (if empty, nothing is logged)."""

    id: str
    app: Application
    outcome: str
    logged: str
    method: str = "GET"
    status: int = 200
    body: bytes | None = None


EARLY_HINT = {"type": "http.response.early_hint", "links": []}


def start(status: Any = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(content: Any = b"", **more: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, **more}


def sends(*messages: Any) -> Application:
    """Sends these messages and returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def raises(error: BaseException, *messages: Message) -> Application:
    """Sends these messages and raises."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(*messages)(scope, receive, send)
        raise error

    return app


def length(value: Any) -> list[tuple[bytes, Any]]:
    return [(b"content-length", value)]
