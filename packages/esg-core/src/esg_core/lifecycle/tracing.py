"""Logs connections and ASGI messages at the level trace (rule R-4).

Knows ASGI messages and transports, no protocol. `install_tracing()` wraps the application and the set of connections;
it is imported if the logger `esg.asgi` is at that level. Each message is one line: of a body it shows the size and the
beginning, of header fields only the names, because values may be secrets.
"""

import asyncio
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from esg_core.access.escaping import client_text, target_text
from esg_core.asgi import Application, Message, Receive, Scope, Send
from esg_core.options.log_levels import TRACE
from esg_core.options.option import brief

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Connection

SHOWN = 32
"""Bytes or characters of a body, or of any other value, that are shown."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def install_tracing(context: "Context", logger: logging.Logger) -> None:
    """Trace a context that serves no client yet."""
    context.app = TracedApplication(context.app, logger)
    context.connections = TracedConnections(context.loop, logger)


class TracedApplication:
    """Wraps an ASGI application; logs its calls, each with a number, and the messages received and sent."""

    def __init__(self, app: Application, logger: logging.Logger) -> None:
        self._app: Callable[[Scope, Receive, Send], Awaitable[Any]] = app
        self._logger = logger
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Call the application; returns and raises what it does."""
        call = f"{_client(scope)}ASGI [{next(self._numbers)}]"

        def trace(what: str) -> None:
            self._logger.log(TRACE, "%s %s", call, what)

        async def traced_receive() -> Message:
            message = await receive()
            trace(f"receive {shown(message)}")
            return message

        async def traced_send(message: Message) -> None:
            trace(f"send {shown(message)}")
            await send(message)

        trace(f"started {_request(scope)}")
        try:
            result = await self._app(scope, traced_receive, traced_send)
        except BaseException as error:
            trace(f"raised {type(error).__name__}")
            raise
        trace("completed")
        return result


class TracedConnections(set["Connection"]):
    """The connections of a context: logs each that is opened, switches to another protocol, or is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, logger: logging.Logger) -> None:
        super().__init__()
        self._loop = loop
        self._logger = logger
        self._sockets: dict[object, object] = {}
        self._clients: dict[object, tuple[object, str]] = {}

    def add(self, connection: "Connection") -> None:
        """Add and log a connection; its socket identifies it, because protocols may take it over from one another."""
        super().add(connection)
        transport = getattr(connection, "transport", None)
        name = getattr(connection, "protocol_name", type(connection).__name__)
        used = transport.get_extra_info("socket") if transport is not None else None
        socket = self._sockets[connection] = connection if used is None else used
        client = _peer(transport)
        happened = "switched to" if socket in self._clients else "opened:"
        self._clients[socket] = connection, client
        self._logger.log(TRACE, "%s - connection %s %s", client, happened, name)

    def discard(self, connection: object) -> None:
        """Remove a connection, and log it as closed unless another takes over its socket."""
        if connection in self:
            super().discard(connection)
            self._loop.call_soon(self._tell_closed, connection)  # unless another one has taken its place by then

    def _tell_closed(self, connection: object) -> None:
        socket = self._sockets.pop(connection)
        current, client = self._clients[socket]
        if current is connection:
            del self._clients[socket]
            self._logger.log(TRACE, "%s - connection closed", client)


def shown(message: object) -> str:
    """A message of ASGI in one line of bounded length: `http.response.body body=<5 bytes b'hello'> more_body=False`."""
    if not isinstance(message, Mapping):
        return _one_line(brief(message))
    parts = [f"{name}={_value(name, value)}" for name, value in message.items() if name != "type"]
    return _one_line(" ".join([str(message.get("type")), *parts]))


def _value(name: object, value: object) -> str:
    if name == "headers" and isinstance(value, list | tuple):
        return _names(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _beginning(bytes(value), "bytes")
    if isinstance(value, str) and (name == "text" or len(value) > SHOWN):
        return _beginning(value, "characters")
    return brief(value)


def _beginning(value: bytes | str, unit: str) -> str:
    dots = "..." if len(value) > SHOWN else ""
    return f"<{len(value)} {unit} {value[:SHOWN]!r}{dots}>" if value else f"<0 {unit}>"


def _names(headers: "list[Any] | tuple[Any, ...]") -> str:
    try:
        return f"<{' '.join(name.decode('latin-1') for name, _ in headers)}>"
    except (AttributeError, TypeError, ValueError):
        return brief(headers)  # the application's mistake, which is reported elsewhere


def _request(scope: Scope) -> str:
    """What a scope asks for: `http GET /x?y HTTP/1.1 headers=<host accept>`."""
    if scope["type"] == "lifespan":
        return "lifespan"
    query = scope["query_string"]
    target = target_text(scope["raw_path"] + (b"?" + query if query else b""))
    method = f"{scope['method']} " if "method" in scope else ""
    return _one_line(
        f"{scope['type']} {method}{target} HTTP/{scope['http_version']} headers={_names(scope['headers'])}"
    )


def _client(scope: Scope) -> str:
    return "" if scope["type"] == "lifespan" else f"{client_text(scope['client'], 'unix')} - "


def _peer(transport: asyncio.Transport | None) -> str:
    name = transport.get_extra_info("peername") if transport is not None else None
    return client_text((name[0], name[1]), "unix") if isinstance(name, tuple | list) else "unix"


def _one_line(text: str) -> str:
    """Escape control characters, so that an application cannot forge a line."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
