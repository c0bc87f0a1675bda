"""The HTTP side of a new WebSocket: how its request is accepted, denied or refused (rules S-2, S-5).

Knows ASGI's HTTP messages and the handshake, no frames. Everything but an accept is an ordinary response, so that HTTP
takes care of hooks, the access log and the persistence of the connection.
"""

import asyncio
from collections.abc import Callable

from esg_core.asgi import Headers, Message, Receive, Send
from esg_core.errors import ApplicationError, RequestError
from esg_core.header_fields import PLAIN_TEXT
from esg_ws.deflate import Deflate
from esg_ws.handshake import ANSWERS, ON_STREAMS, Handshake, accept_headers

Switch = Callable[[asyncio.Protocol, Headers], bool]
"""`scope["extensions"]["esg.switch"]`: gives the connection to a protocol; the fields go into the answer.

Returns whether the access log has a line of it."""


async def answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send a whole response."""
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, error: RequestError, http_version: str) -> None:
    """Refuse a request that is not a handshake."""
    own = ANSWERS.get((error.status, http_version in ON_STREAMS), ())
    headers = [PLAIN_TEXT, *own]
    await answer(send, error.status, headers, f"{error.phrase}: {error}\n".encode())


class Opening:
    """A handshake that the application has to decide about; `receive`, `send` and `switch` are those of HTTP."""

    __slots__ = ("_handshake", "_receive", "_send", "_switch")

    def __init__(self, handshake: Handshake, switch: Switch, receive: Receive, send: Send) -> None:
        self._handshake = handshake
        self._switch = switch
        self._receive = receive
        self._send = send

    def compression(self, limit: int) -> Deflate | None:
        """The compression of messages, which may inflate to `limit` bytes; None if none was agreed on."""
        agreement = self._handshake.agreement
        return None if agreement is None else Deflate(agreement, limit)

    def accept(self, connection: asyncio.Protocol, message: Message) -> bool:
        """Handle `websocket.accept`; returns whether it is in the access log.

        Raises `ApplicationError`, and `ClientDisconnected` if the client is gone.
        """
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and not isinstance(subprotocol, str):
            raise ApplicationError(
                f"subprotocol must be a str, not {type(subprotocol).__name__} (ASGI: websocket.accept)"
            )
        headers = list(message.get("headers") or ())
        return self._switch(connection, accept_headers(self._handshake, subprotocol, headers))

    async def forbid(self) -> None:
        """Handle `websocket.close` before the accept."""
        await answer(self._send, 403, [])

    async def respond(self, message: Message) -> None:
        """Handle `websocket.http.response.start` and `.body` (ASGI: WebSocket denial response)."""
        await self._send({**message, "type": message["type"].removeprefix("websocket.")})

    async def drop(self) -> None:
        """Handle `esg.drop` before the accept (rule H-26)."""
        await self._send({"type": "esg.drop"})

    async def wait_for_disconnect(self) -> None:
        """Return once the client is gone or has its answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
