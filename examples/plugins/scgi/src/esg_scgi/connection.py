"""One accepted connection: it reads a request, runs the application, and writes what that sends.

Fulfils two contracts of `esg_core.contracts`: `Connection`, by which the server's lifecycle drains and ends it, and
`Cycle`, one call of the application.
"""

import asyncio
import math
from http import HTTPStatus
from typing import cast

from esg_core.asgi import Application, Headers, Message
from esg_core.context import Context
from esg_core.contracts import DirectApplication, DirectCall
from esg_core.errors import ClientDisconnected
from esg_core.overload.admission import Place
from esg_core.sockets.ends import abort, close, end_for_client
from esg_core.waiting import OneTimeEvent, WriteGate
from esg_scgi.request import ScgiError, ScgiRequest, read_request


class ScgiConnection(asyncio.Protocol):
    """The protocol of one connection; see `esg_core.contracts.Connection`."""

    transport: asyncio.Transport

    def __init__(self, context: Context) -> None:
        self.deadline = math.inf
        self.check_at = 0
        self.gate = WriteGate(context.loop)
        self._context = context
        self._data = bytearray()
        self._request: ScgiRequest | None = None
        self._cycle: ScgiCycle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        self.deadline = self._context.loop.time() + self._context.config.timeout_request_headers
        self._context.join(self)

    def data_received(self, data: bytes) -> None:
        if self._cycle is not None:
            return  # a request is all that a client may send
        self._data += data
        try:
            self._read()
        except ScgiError as error:
            self._context.logger.warning("Bad SCGI request: %s", error)
            abort(self.transport)

    def eof_received(self) -> bool:
        return self._cycle is not None  # the response may still be read

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self.transport, exc)
        self._context.leave(self)
        if self._cycle is not None:
            self._cycle.lose()
        self.gate.open()

    def pause_writing(self) -> None:
        self.gate.close()
        self.deadline = self._context.loop.time() + self._context.config.timeout_write

    def resume_writing(self) -> None:
        self.deadline = math.inf
        self.gate.open()

    def drain(self) -> None:
        if self._cycle is None:
            close(self.transport)

    def abort(self) -> None:
        abort(self.transport)

    def expire(self, now: float) -> None:
        abort(self.transport)

    def _read(self) -> None:
        """Go on with the request; when it is complete, call the application."""
        config = self._context.config
        if self._request is None:
            self._request = read_request(self._data)
            if self._request is None:
                return
            self.deadline = self._context.loop.time() + config.timeout_request
            if self._request.body_size > config.limit_request_body:
                raise ScgiError("its body is longer than limit_request_body")
        if len(self._data) >= self._request.end:
            self.deadline = math.inf
            body = bytes(self._data[self._request.body_start : self._request.end])
            self._data.clear()
            self._cycle = ScgiCycle(self, self._context, self._request, body)
            self._context.start(self._cycle, self._context.app)


class ScgiCycle:
    """One call of the application; see `esg_core.contracts.Cycle`."""

    task: asyncio.Task[None]
    direct: DirectCall

    def __init__(self, connection: ScgiConnection, context: Context, request: ScgiRequest, body: bytes) -> None:
        self.body_complete = False  # so that WSGI applications, too, are called in a task
        self.client_gone = False
        self.place: Place | None = None
        self._connection = connection
        self._context = context
        self._scope = request.scope(context.state, context.extensions)
        self._body: bytes | None = body
        self._gone = OneTimeEvent()
        self._has_begun = False
        self._is_complete = False

    async def run(self, app: Application) -> None:
        """Call the application, and answer in its place if it fails."""
        try:
            await app(self._scope, self._receive, self._send)
            if not self._is_complete and not self.client_gone:
                raise RuntimeError("the application returned before its response was complete")
        except ClientDisconnected:
            pass
        except Exception as error:
            self._context.logger.exception("Exception in the application")
            self._context.on_failure(error)
            if not self._has_begun:
                self._write_head(HTTPStatus.INTERNAL_SERVER_ERROR, [])
        finally:
            close(self._connection.transport)
            self._context.cycles.discard(self)
            if self._context.draining:
                self._context.left()

    @property
    def awaits_response(self) -> bool:
        return not self._has_begun and not self.client_gone

    def end_input(self) -> None:
        self._gone.reach()

    def give_up_late(self) -> None:
        abort(self._connection.transport)

    def begin(self, app: DirectApplication) -> None:
        self._context.run_in_task(self, app)

    def lose(self) -> None:
        """The client has gone."""
        self.client_gone = True
        self._gone.reach()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self.client_gone:
            raise ClientDisconnected("the client has gone")
        if message["type"] == "http.response.start" and not self._has_begun:
            self._write_head(HTTPStatus(message["status"]), list(message.get("headers", ())))
        elif message["type"] == "http.response.body" and self._has_begun and not self._is_complete:
            self._is_complete = not message.get("more_body", False)
            self._connection.transport.write(message.get("body", b""))
            await self._connection.gate.wait()
        else:
            raise RuntimeError(f"unexpected message {message['type']}")

    def _write_head(self, status: HTTPStatus, headers: Headers) -> None:
        if any(byte in part for field in headers for part in field for byte in b"\r\n\0"):
            raise ValueError("a header field holds a line break")
        self._has_begun = True
        lines = [b"status: %d %s" % (status, status.phrase.encode()), *(b"%s: %s" % field for field in headers)]
        self._connection.transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
