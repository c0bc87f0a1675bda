"""One call of the application for one WebSocket: `receive()`, `send()` and their order (ASGI WebSocket 2.5).

Knows ASGI, never bytes on the wire. Until the application accepts, the exchange is an HTTP request, its `Opening`; then
a `Connection` takes over, which feeds the client's messages to it and sends those of the application.

The table of handlers below has the order of messages; a message that does not fit its phase is an error that names the
rule.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from esg_core.access.escaping import client_text
from esg_core.app.forked_children import end_if_forked
from esg_core.asgi import Application, Message, Scope
from esg_core.errors import ApplicationError, ClientDisconnected, tells_of_disconnect
from esg_core.unheard import GRACE, Unheard
from esg_core.waiting import Waiters
from esg_ws.connection import Connection
from esg_ws.frames import ABNORMAL, BINARY_MESSAGE, INTERNAL_ERROR, NORMAL, TEXT_MESSAGE, may_be_sent
from esg_ws.opening import Opening

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_ws.settings import Settings

CONNECTING, DENYING, DENIED, OPEN, CLOSED, GONE = range(6)
"""CLOSED: by the application. GONE: the client has closed or broken a rule, or the server is draining."""

_WANTED = {
    CONNECTING: "ASGI expects websocket.accept, websocket.close or websocket.http.response.start now",
    DENYING: "ASGI expects websocket.http.response.body now",
    DENIED: "the handshake is denied; nothing more may be sent",
    OPEN: "ASGI expects websocket.send or websocket.close now",
    CLOSED: "the application has closed the connection; nothing more may be sent",
    GONE: "the connection is closed; nothing more may be sent",
}


class Cycle:
    """One call of the application, and the inbox of its connection: see `esg_ws.assembler.Inbox`."""

    __slots__ = (
        "_connection",
        "_context",
        "_end",
        "_has_seat",
        "_messages",
        "_most_messages",
        "_most_queued",
        "_opening",
        "_phase",
        "_queued",
        "_settings",
        "_tally",
        "_task",
        "_told_connect",
        "_unheard",
        "_waiter",
        "_waiters",
        "_watch",
        "_when_empty",
        "scope",
    )

    _connection: Connection
    _task: asyncio.Task[None]

    def __init__(self, context: "Context", settings: "Settings", scope: Scope, opening: Opening) -> None:
        self._context = context
        self._settings = settings
        self._tally = context.tally
        self.scope = scope
        self._opening: Opening | None = opening
        self._phase = CONNECTING
        self._told_connect = False
        self._has_seat = True
        self._unheard: Unheard | None = None
        self._watch: asyncio.Task[None] | None = None
        self._messages: list[tuple[str | bytes, int]] = []
        self._most_messages = settings.max_queue
        self._queued = 0
        self._most_queued = settings.max_queue_bytes
        self._waiter: asyncio.Future[None] | None = None
        self._waiters: Waiters | None = None
        self._when_empty: Callable[[], None] | None = None
        self._end: Message | None = None

    def __str__(self) -> str:
        return client_text(self.scope.get("client"), "unix")

    async def run(self, app: Application) -> None:
        """Call the application, and close the connection if it leaves it open (rule S-4)."""
        if self._context.call_deadlines is not None and (task := asyncio.current_task()) is not None:
            self._task = task
        try:
            await self._run(app)
        finally:
            if self._has_seat:
                self._settings.seats.give_back()

    async def _run(self, app: Application) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            end_if_forked(self._context, error)
            if self._phase == OPEN:
                self._connection.close(INTERNAL_ERROR, "internal error")
            elif self._phase == GONE and (tells_of_disconnect(error) or isinstance(error, asyncio.CancelledError)):
                self._context.logger.debug("%s ended the call, because its client has gone", type(error).__name__)
                return
            raise
        else:
            end_if_forked(self._context)
            if self._phase == OPEN:
                self._connection.close(NORMAL)

    # Called by the connection.

    def feed(self, message: str | bytes, size: int) -> bool:
        self._messages.append((message, size))
        if self._tally is not None:
            self._tally.has_message()
        self._queued += size
        if self._waiter is not None:
            self._wake()
        return len(self._messages) < self._most_messages and self._queued < self._most_queued

    @property
    def room(self) -> int:
        """See `Queue.room`; a single message may have any size, because it has its own limit."""
        return self._most_queued - self._queued if self._messages else sys.maxsize

    def has_room_for(self, collected: int) -> bool:
        """See `Inbox.has_room_for`; True once half of the queue is empty, so that few messages pause and resume."""
        return len(self._messages) <= self._most_messages // 2 and collected < self.room

    def when_empty(self, callback: Callable[[], None]) -> None:
        if self._messages:
            self._when_empty = callback
        else:
            callback()

    def end(self, code: int, reason: str) -> None:
        """See `Inbox.end`; the application still gets the messages that have come, and then the disconnect."""
        if self._end is None:
            if self._tally is not None and self._phase in (OPEN, CLOSED):
                self._tally.has_closed(code)
            self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
            if self._phase == OPEN:
                self._phase = GONE
                if self._context.call_deadlines is not None:
                    self._context.call_deadlines.has_left(self._task)
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self._waiters is not None:
            self._waiters.wake()

    async def _wait(self) -> None:
        """Wait for a message or the end while another `receive()` is waiting."""
        if self._waiters is None:
            self._waiters = Waiters(self._context.loop)
        await self._waiters.wait()

    # Called by the application.

    async def receive(self) -> Message:
        """ASGI's `receive`: the connect, the messages of the client, then `websocket.disconnect`."""
        if not self._told_connect:
            self._told_connect = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._when_empty is not None:
                callback, self._when_empty = self._when_empty, None
                callback()
            if self._end is not None:
                return dict(self._end)
            if self._phase < OPEN and self._watch is None:
                self._watch = self._context.loop.create_task(self._watch_opening())
            if self._waiter is None or self._waiter.done():
                self._waiter = self._context.loop.create_future()
                await self._waiter
            else:
                await self._wait()
        message, size = self._messages.pop(0)
        self._queued -= size
        if self._connection.paused:
            self._connection.go_on()
        if type(message) is str:
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: Message) -> None:
        """ASGI's `send`. Raises `ClientDisconnected` after the end, `ApplicationError` for what breaks a rule.

        A sender that ignores the former is cancelled in the end: see `Unheard.take()`.
        """
        try:
            kind = message["type"]
        except (KeyError, TypeError):
            wanted = _WANTED[self._phase]
            raise ApplicationError(f"{wanted}: a message is a dict with a type, not {message!r:.80} (S-2)") from None
        if kind == "websocket.send" and self._phase == OPEN:
            connection = self._connection
            payload = message.get("bytes")
            if payload is None and type(text := message.get("text")) is str:
                connection.send(TEXT_MESSAGE, text.encode())
            else:
                connection.send(*_encoded(payload, message.get("text")))
            if connection.gate.closed:
                await connection.gate.wait()
            return
        handler = self._HANDLERS.get((self._phase, kind))
        if handler is None:
            raise ApplicationError(f"{_WANTED[self._phase]}: the application sent {kind!r} (S-2)")
        await handler(self, message)

    # Handlers of messages.

    async def _accept(self, message: Message) -> None:
        opening = self._opening
        assert opening is not None
        self._connection = Connection(self._context, self._settings, self, opening.compression(self._settings.max_size))
        self._phase = OPEN
        try:
            self._connection.is_logged = is_logged = opening.accept(self._connection, message)
            self._has_seat = False  # the connection has it
        except ClientDisconnected:  # no error here: the application learns of it when it receives or sends
            is_logged = False
            self._phase = GONE
            self.end(ABNORMAL, "")
        except BaseException:
            self._phase = CONNECTING
            raise
        finally:
            if self._phase != OPEN:
                del self._connection  # it refers to this object, and both would wait for the garbage collector
        self._opening = None
        if is_logged and self._context.access is not None:
            self._context.access.tell("connection open", self)
        if self._watch is not None:
            self._watch.cancel()
        if self._phase == OPEN and self._context.draining:
            self._connection.drain()

    async def _forbid(self, _message: Message) -> None:
        assert self._opening is not None
        await self._opening.forbid()
        self._deny()

    async def _respond(self, message: Message) -> None:
        assert self._opening is not None
        await self._opening.respond(message)
        self._phase = DENYING
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self._deny()

    def _deny(self) -> None:
        self._phase = DENIED
        self.end(ABNORMAL, "")

    async def _watch_opening(self) -> None:
        """Tell an application that has not answered yet when its client leaves."""
        assert self._opening is not None
        await self._opening.wait_for_disconnect()
        self.end(ABNORMAL, "")

    async def _close(self, message: Message) -> None:
        code, reason = message.get("code"), message.get("reason")
        code = NORMAL if code is None else code
        if not isinstance(code, int) or not may_be_sent(code):
            raise ApplicationError(f"{code!r} is not a valid close code (RFC 6455 section 7.4)")
        if reason is not None and not isinstance(reason, str):
            raise ApplicationError(f"reason must be a str, not {type(reason).__name__} (ASGI: websocket.close)")
        self._phase = CLOSED
        self._messages.clear()
        self._queued = 0
        self._connection.close(int(code), reason or "")

    async def _drop(self, _message: Message) -> None:
        """Break the connection off on purpose (rule H-26)."""
        if self._opening is not None:
            await self._opening.drop()
        else:
            self._connection.drop()

    async def _close_again(self, _message: Message) -> None:
        """Ignore an end that crosses the one of the client: neither side could know."""

    async def _send_too_late(self, _message: Message) -> None:
        """Drop a message after the end; an application that accepted too late gets time to notice."""
        if self._unheard is None:
            self._unheard = Unheard()
        was_open = hasattr(self, "_connection")
        await self._unheard.take(0 if was_open else GRACE)

    _HANDLERS: ClassVar[dict[tuple[int, str], Callable[["Cycle", Message], Awaitable[None]]]] = {
        (CONNECTING, "websocket.accept"): _accept,
        (CONNECTING, "websocket.close"): _forbid,
        (CONNECTING, "websocket.http.response.start"): _respond,
        (CONNECTING, "esg.drop"): _drop,
        (DENYING, "esg.drop"): _drop,
        (OPEN, "esg.drop"): _drop,
        (GONE, "esg.drop"): _close_again,
        (DENYING, "websocket.http.response.body"): _respond,
        (OPEN, "websocket.close"): _close,
        (GONE, "websocket.send"): _send_too_late,
        (GONE, "websocket.close"): _close_again,
    }


def _encoded(data: object, text: object) -> tuple[int, bytes]:
    """The first byte and the payload of a message that is not plain bytes."""
    if isinstance(data, (bytearray, memoryview, bytes)):
        return BINARY_MESSAGE, bytes(data)
    if data is not None or not isinstance(text, str):
        raise ApplicationError("websocket.send needs bytes as bytes, or text as a str (ASGI: websocket.send)")
    return TEXT_MESSAGE, text.encode()
