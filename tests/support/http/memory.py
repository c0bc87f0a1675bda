"""A server without sockets: ESG's HTTP/1.1 with a transport in memory and a clock that the test moves."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import esg_http.entry_points
from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.context import Context
from esg_core.lifecycle.assembly import install_admission, response_hook
from esg_core.options.config import Config
from esg_core.overload.health import Health
from esg_core.testing import ManualLoop, MemoryTransport
from esg_core.unheard import GRACE
from tests.support.http.client import Response, read_responses
from tests.support.installed import PARSER

DATE = re.compile(rb"(?m)^date: [^\r]*\r\n")


class LogRecords(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def trouble(self) -> list[str]:
        """Warnings and errors; other tests in the process may have lowered the level of what is logged."""
        return [record.getMessage() for record in self.records if record.levelno >= logging.WARNING]

    def texts(self, level: int) -> list[str]:
        return [record.getMessage() for record in self.records if record.levelno == level]


@lru_cache(maxsize=64)
def config_with(options: tuple[tuple[str, Any], ...]) -> Config:
    return Config("tests:app", **dict(options))


def make_context(config: Config, app: Application, loop: asyncio.AbstractEventLoop) -> Context:
    """A context for these options, with everything that a server puts into it before its first connection."""
    context = Context(config, app, loop)
    context.on_response = response_hook(config)
    if config.health:
        context.health = Health(config.health_path, config.ready_path)
    install_admission(context)
    return context


class MemoryServer:
    """A context manager; inside it, `connect()` opens connections and `loop` moves the clock.

    `shared` has what all connections of other versions of HTTP share, by its type.

    At the end, it closes connections that clients have left open, and fails if anything still runs when the grace
    period of applications is over (rule H-21), or if an error was not handled.
    """

    def __init__(self, app: Application, parser: str = PARSER, **options: Any) -> None:
        self.app = app
        self.parser = parser
        self.options = options
        self.log = LogRecords()
        self.unhandled: list[dict[str, Any]] = []
        self.transports: list[MemoryTransport] = []
        self.shared: dict[type, Any] = {}

    def __enter__(self) -> Self:
        self.loop = ManualLoop()
        self.loop.set_exception_handler(lambda loop, context: self.unhandled.append(context))
        config = config_with(tuple(sorted(self.options.items())))
        self.context = make_context(config, self.app, self.loop)
        self._make: Callable[[], Any] = getattr(esg_http.entry_points, self.parser)(self.context)
        logging.getLogger("esg").addHandler(self.log)
        return self

    def connect(self, **how: Any) -> MemoryTransport:
        """An open connection; see `MemoryTransport` for its settings."""
        transport = MemoryTransport(self._make(), self.loop, **how)
        transport.open()
        self.transports.append(transport)
        self.loop.settle()
        return transport

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for transport in self.transports:
            transport.reset()
        self.loop.advance(2 * GRACE)
        left = [*self.context.connections, *self.context.cycles]
        self.context.close()
        self.loop.__exit__(kind, error, traceback)
        logging.getLogger("esg").removeHandler(self.log)
        if error is None:
            assert not self.unhandled, self.unhandled
            assert left == []


@dataclass
class Seen:
    """One call of the application; `complete` once it has been given the whole body."""

    scope: Scope
    body: bytes = b""
    complete: bool = False

    @property
    def method(self) -> str:
        return str(self.scope["method"])


@dataclass
class Recorder:
    """An application that reads each request to its end, and then answers with the length of the body."""

    calls: list[Seen] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = Seen(scope)
        self.calls.append(seen)
        parts: list[bytes] = []
        while not seen.complete:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message["body"])
            seen.body = b"".join(parts) if not message["more_body"] else seen.body
            seen.complete = not message["more_body"]
        body = b"%d bytes" % len(seen.body)
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Outcome:
    """The result of the bytes of one connection."""

    calls: list[Seen]
    sent: bytes
    written: bytes
    ended: bool
    """Whether the server began to end the connection, whatever the client did."""

    log: LogRecords

    def responses(self) -> list[Response]:
        """The final responses."""
        return [response for response in self.all_responses() if response.status >= 200]

    def all_responses(self) -> list[Response]:
        """The responses, interim ones included; fails if the last one is not complete."""
        return read_responses(self.written, self._methods())

    def _methods(self) -> Iterator[str]:
        """The methods of the calls, then that of a refused request: only the answer to HEAD is just a head."""
        yield from (seen.method for seen in self.calls)
        if self.written.endswith(b"\r\n\r\n") and b"HEAD " in self.sent:
            yield "HEAD"

    def visible(self) -> tuple[Any, ...]:
        """All that a client and an application can see, in a form that can be compared."""
        calls = [(comparable(seen.scope), seen.body, seen.complete) for seen in self.calls]
        return calls, DATE.sub(b"", self.written), self.ended


def comparable(scope: Scope) -> dict[str, Any]:
    return {key: value for key, value in scope.items() if key != "extensions"}


def exchange(parser: str, segments: Iterable[bytes], *, eof: bool = False, **options: Any) -> Outcome:
    """Send `segments` to a `Recorder`, then close the client's side at once (`eof`) or once nothing more happens.

    Fails if the server does not end its side within two seconds, or writes to a connection that it has closed.
    """
    app = Recorder()
    with MemoryServer(app, parser, **options) as server:
        transport = server.connect()
        sent = list(segments)
        for segment in sent:
            transport.feed(segment)
        if eof:
            transport.feed_eof()
        server.loop.settle()
        ended = transport.is_closing() or transport.eof_written
        if not ended:
            transport.feed_eof()
        server.loop.advance(2)
        assert transport.closed, "the connection is still open"
        assert transport.late == b""
    return Outcome(app.calls, b"".join(sent), bytes(transport.written), ended, server.log)
