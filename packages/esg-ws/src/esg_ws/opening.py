"""The HTTP side of a WebSocket's beginning: how the request for it is accepted, denied or refused (rules S-2, S-5).

Knows ASGI's HTTP messages and the handshake, no frames. Whatever is no accept is an ordinary response, sent by HTTP:
hooks, the access log and the connection's persistence are its business.
"""

import asyncio
from collections.abc import Callable

from esg_core.asgi import Headers, Message, Receive, Send
from esg_core.errors import ApplicationError, RequestError
from esg_core.header_fields import PLAIN_TEXT
from esg_ws.deflate import Deflate
from esg_ws.handshake import ANSWERS, Handshake, accept_headers

Switch = Callable[[asyncio.Protocol, Headers], None]
"""`scope["extensions"]["esg.switch"]`: gives the connection to a protocol, with fields for the answer that says so."""


async def answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send a whole response."""
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, error: RequestError, http_version: str) -> None:
    """Answer a request that is no handshake."""
    own = ANSWERS.get((error.status, http_version == "2"), ())
    headers = [PLAIN_TEXT, *own]
    await answer(send, error.status, headers, f"{error.phrase}: {error}\n".encode())


class Opening:
    """A handshake that waits for the application's word; `receive`, `send` and `switch` are HTTP's."""

    __slots__ = ("_handshake", "_receive", "_send", "_switch")

    def __init__(self, handshake: Handshake, switch: Switch, receive: Receive, send: Send) -> None:
        self._handshake = handshake
        self._switch = switch
        self._receive = receive
        self._send = send

    def compression(self, limit: int) -> Deflate | None:
        """How messages are compressed, which may inflate to `limit` bytes; None if that was not agreed on."""
        agreement = self._handshake.agreement
        return None if agreement is None else Deflate(agreement, limit)

    def accept(self, connection: asyncio.Protocol, message: Message) -> None:
        """Do as `websocket.accept` says; raises `ApplicationError`, and `ClientDisconnected` if nobody is there."""
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and not isinstance(subprotocol, str):
            raise ApplicationError(
                f"subprotocol must be a str, not {type(subprotocol).__name__} (ASGI: websocket.accept)"
            )
        headers = list(message.get("headers") or ())
        self._switch(connection, accept_headers(self._handshake, subprotocol, headers))

    async def forbid(self) -> None:
        """Do as `websocket.close` says before the accept."""
        await answer(self._send, 403, [])

    async def respond(self, message: Message) -> None:
        """Do as `websocket.http.response.start` and `.body` say (ASGI: WebSocket denial response)."""
        await self._send({**message, "type": message["type"].removeprefix("websocket.")})

    async def wait_for_disconnect(self) -> None:
        """Return once the client is gone, or has its answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
