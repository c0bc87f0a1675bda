"""HTTP inside another asyncio program (rule U-3): a server, and a factory of protocols.

Uses the same parts as a whole server, without what belongs to a process: no signal handlers, no logging set-up, no
environment, no exit codes. It runs in the loop that is already running.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from esg_core.access import AccessLog
from esg_core.asgi import Application
from esg_core.context import Context
from esg_core.errors import UsageError
from esg_core.lifecycle.assembly import ServerParts, assemble, context_for
from esg_core.lifecycle.drain import Drain
from esg_core.lifecycle.stats import stats
from esg_core.options.config import Config
from esg_core.options.uvicorn_names import translated
from esg_core.plugins import http_factory

if TYPE_CHECKING:
    from typing import Unpack

    from esg_core.options.keywords import ProtocolSettings, ServerSettings

OF_A_PROCESS = frozenset(
    (
        *("app_dir", "env_file", "factory", "limit_max_requests", "limit_max_requests_jitter", "loop"),
        *("log_config", "log_level", "log_timestamps", "use_colors"),
        *("reload", "reload_delay", "reload_dir", "reload_exclude", "reload_include"),
        *("limit_worker_lifetime", "limit_worker_memory", "pid_file", "preload", "process_name"),
        *("prometheus_multiproc", "timeout_worker_healthcheck", "workers"),
        *("admin", "admin_token_file", "slow_request"),
    )
)
"""Options that only a whole server follows (`esg.run`, `esg.Server`)."""

OF_A_LISTENER = frozenset(
    (
        *("backlog", "bind", "fd", "host", "lifespan", "port", "proxy_protocol", "reuse_port"),
        *("uds", "uds_group", "uds_owner", "uds_permissions"),
    )
)
"""Options that mean nothing to a protocol whose connections are accepted elsewhere."""


async def start_server(
    app: Application,
    host: str | None = None,
    port: int | None = None,
    *,
    sock: socket.socket | None = None,
    **settings: "Unpack[ServerSettings]",
) -> "HTTPServer":
    """Serve `app` in the running loop, on `host` and `port` (127.0.0.1 and 8000), or on a bound socket.

    `settings` are ESG's options by name, such as `timeout_keep_alive` or `ssl_certfile`. The application's
    lifespan starts up before the first connection is accepted (`lifespan="off"` does without). Raises `UsageError` for
    a setting that does not exist, has a wrong value or belongs to a process, and `StartupError` if the address cannot
    be used or the application does not start.
    """
    address: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if sock is not None and address:
        raise UsageError("sock takes the place of host and port: give one or the other")
    _refuse(settings, OF_A_PROCESS, "start_server")
    parts = assemble(Config(app, **address, **settings), None if sock is None else [sock])
    try:
        await parts.lifespan.startup()
        _open_access_log(parts.context)
        parts.listeners.start(parts.context.config.backlog)
    except BaseException:
        await Drain(parts, _allow).abandon()
        raise
    parts.context.open()
    return HTTPServer(parts)


class HTTPProtocol:
    """A factory of HTTP protocols: `loop.create_server(HTTPProtocol(app), ...)`, `loop.connect_accepted_socket()`.

    Makes one protocol for each connection, all with the same settings; see `start_server()` for those. The lifespan of
    the application is left to the program. Make it inside the running loop. Raises `UsageError`.
    """

    def __init__(self, app: Application, **settings: "Unpack[ProtocolSettings]") -> None:
        _refuse(settings, OF_A_PROCESS | OF_A_LISTENER, "HTTPProtocol")
        config = Config(app, **settings)
        if config.tls:
            given = "ssl_certfile" if config.ssl_context_factory is None else "ssl_context_factory"
            raise UsageError(f"{given}: TLS belongs to the listener: pass an ssl context to loop.create_server()")
        self.context = context_for(config)
        _open_access_log(self.context)
        self._make = http_factory(config.http)(self.context)
        self.context.open()

    def __call__(self) -> asyncio.Protocol:
        """The protocol of one connection."""
        return self._make()

    def stats(self) -> dict[str, Any]:
        """The figures of all connections now, ready for JSON; see `esg_core.lifecycle.stats`."""
        return stats(self.context)

    async def drain(self) -> None:
        """Let running responses end and close all connections; returns once all are closed (rule L-2)."""
        self.context.drain()
        await self.context.wait_quiet()
        self.context.close()


class HTTPServer(asyncio.AbstractServer):
    """A running server, used like the one that `asyncio.start_server()` returns; made by `start_server()`."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts
        self._closing: asyncio.Task[None] | None = None

    @property
    def context(self) -> Context:
        """What the connections share: counts, limits, the application's state."""
        return self._parts.context

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; empty once the server is closed."""
        return self._parts.listeners.sockets if self.is_serving() else ()

    def stats(self) -> dict[str, Any]:
        """The figures of the server now, ready for JSON; see `esg_core.lifecycle.stats`."""
        return stats(self._parts.context)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop the server runs in."""
        return self._parts.context.loop

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return self._closing is None

    async def start_serving(self) -> None:
        """Do nothing: the server is already serving."""

    async def serve_forever(self) -> None:
        """Serve until cancelled, then close."""
        try:
            await self.get_loop().create_future()
        finally:
            self.close()
            await self.wait_closed()

    def close(self) -> None:
        """Stop: no new connections, idle ones are closed, running responses end (rule L-2). May be called twice."""
        if self._closing is None:
            self._closing = self.get_loop().create_task(Drain(self._parts, _allow).run())

    def close_clients(self) -> None:
        """Let each connection finish what it is doing, then close it; new ones are still accepted."""
        for connection in list(self._parts.context.connections):
            connection.drain()

    def abort_clients(self) -> None:
        """Close all connections at once, finished or not."""
        for connection in list(self._parts.context.connections):
            connection.abort()

    async def wait_closed(self) -> None:
        """After `close()`: wait until the last connection is closed and the application has shut down.

        What still runs after `timeout_graceful_shutdown` is cancelled. Before `close()`: returns at once.
        """
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()
        await self.wait_closed()


def _refuse(settings: Mapping[str, object], names: frozenset[str], what: str) -> None:
    for name in translated(settings).keys() & names:
        raise UsageError(f"{name} is not a setting of {what}: it belongs to a whole server (esg.run, esg.Server)")


def _open_access_log(context: Context) -> None:
    """Log requests if the program's logging is set up to show them."""
    if logging.getLogger("esg.access").isEnabledFor(logging.INFO):
        context.access = AccessLog.create(context.config, context.loop)


def _allow(seconds: float) -> None:
    """Do nothing: no watchdog limits how long an embedded server takes to stop."""
