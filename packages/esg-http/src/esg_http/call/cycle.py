"""One call of the application for one request: `receive()`, `send()` and their order (ASGI HTTP 2.5).

Knows ASGI and the stream it writes to, never bytes on the wire: the same cycle serves HTTP/1.1 and HTTP/2. It holds the
response head until the first part of the body (rule H-4), counts the body against content-length (H-3), drops what
HEAD, 204 and 304 must not carry, answers for applications that fail (H-10), reports disconnects to them (H-16, H-21),
and at the end writes the access line (R-3) and counts the request (M-1).

`phases` has the order of messages; a message that does not fit its phase is an error that names the rule.
"""

import asyncio
import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application, Headers, Message
from esg_core.errors import ApplicationError, ClientDisconnected
from esg_core.figures.outcomes import ONLY_LOGGED
from esg_core.header_fields import PLAIN_TEXT
from esg_core.request_ids import with_request_id
from esg_core.unheard import GRACE, GRACE_OF_HELPERS, Unheard
from esg_core.waiting import Waiters
from esg_http.call.extensions import EXTRA_MESSAGES, FILE_MESSAGES
from esg_http.call.failures import has_ended, has_raised, has_returned, is_stuck
from esg_http.call.message_checks import as_bytes, checked_headers, checked_status
from esg_http.call.noting import Noting
from esg_http.call.phases import COMPLETE, EXPECT_START, EXPECT_TRAILERS, HEAD_HELD, IN_BODY, WANTED
from esg_http.call.response_hook import apply_hook, prepare_answer

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import DirectApplication, DirectCall, Stream
    from esg_core.figures.outcomes import Row
    from esg_core.overload.admission import Place

BODYLESS = frozenset((204, 304))
"""Statuses whose responses have no body (RFC 9110 section 6.4.1)."""

INTERNAL_SERVER_ERROR = b"Internal Server Error"


class Cycle(Noting):
    """One call of the application; see `esg_core.contracts.Cycle`, and see `esg_core.contracts.Exchange`.

    The connection feeds it the request's body (`feed`, `feed_end`) and tells it when the client is gone (`disconnect`).
    `task` is set by the code that starts `run()`, `direct` by `begin()`. `place` is its slot, or its place in the queue
    for one. It is given back once: at the end of the response, or of the call if the client is gone (A-2). `sent`
    counts the bytes of the response body written so far. `row` is where the request is counted (rule M-1).
    """

    __slots__ = ("_head", "_unheard", "_with_trailers", "direct", "place", "task")

    direct: "DirectCall"
    task: asyncio.Task[None]
    _head: Headers
    _unheard: Unheard

    def __init__(
        self, context: "Context", stream: "Stream", scope: dict[str, Any], target: bytes, row: "Row | None" = None
    ) -> None:
        self._context = context
        self._stream = stream
        self.scope = scope
        self.target = target
        self.bodyless = stream.is_head
        self.buffered = 0
        self.client_gone = self.input_over = self.expects_continue = False
        self.row = row
        self.place: Place | None = None
        self._phase = EXPECT_START
        self._body: list[bytes] | None = None
        self.body_complete = False
        self._body_taken = False
        self.sent = 0
        self._waiters: Waiters | None = None
        self._with_trailers = False
        if row is not None:
            self.started_at = perf_counter()
        elif context.access is not None:
            self.row = ONLY_LOGGED
            if context.access.timed:
                self.started_at = perf_counter()

    # Called by the connection.

    def disconnect(self) -> None:
        """The client is gone, or given up: `receive()` reports it, and what is sent goes nowhere (rules H-16, H-21)."""
        if self.client_gone:
            return
        self.client_gone = self.input_over = True
        self._body = None
        self.buffered = 0
        if self.is_waiting:
            self.give_back()
        if self._waiters is not None:
            self._waiters.wake()
        self._stream.gate.nudge()
        if self.row is not None and self._phase != COMPLETE:
            self._note_break("aborted")
        if self._context.call_deadlines is not None and hasattr(self, "task"):
            self._context.call_deadlines.has_left(self.task)

    @property
    def awaits_response(self) -> bool:
        """Whether the client waits, and the application has not begun to answer (rule H-24)."""
        return self._phase == EXPECT_START and not self.client_gone

    def give_up_late(self) -> None:
        """End the exchange of a call that was cancelled because its response is late, and goes on."""
        is_stuck(self._context, self)
        self.drop()

    @property
    def is_waiting(self) -> bool:
        """Whether the call is waiting for a slot."""
        return self.place is not None and self.place.is_waiting

    @property
    def response_started(self) -> bool:
        """Whether a byte of the response has been written."""
        return self._phase >= IN_BODY

    @property
    def response_complete(self) -> bool:
        """Whether the last byte of the response has been written."""
        return self._phase == COMPLETE

    # Called by the application.

    async def send(self, message: Message) -> None:
        """ASGI's `send`. Raises `ApplicationError` for a broken rule, and what `_send_unheard()` raises."""
        try:
            kind = message["type"]
        except (KeyError, TypeError):
            said = f"{WANTED[self._phase]}: a message is a dict with a type, not {message!r:.80} (H-10)"
            raise ApplicationError(said) from None
        phase = self._phase
        if kind == "http.response.body" and (phase == HEAD_HELD or phase == IN_BODY):
            if self.client_gone:
                await self._send_unheard()
                return
            try:
                body = message["body"]
            except KeyError:
                body = b""
            if type(body) is not bytes:
                body = as_bytes(body)
            self._send_body(body, "more_body" not in message or not message["more_body"])
            if self._phase != COMPLETE and self._stream.gate.closed:
                await self._wait_at_gate()
        elif kind == "http.response.start" and phase == EXPECT_START:
            if self.client_gone:
                await self._send_unheard()
                return
            self._start(message)
        else:
            await self._send_other(kind, message)

    async def _wait_at_gate(self) -> None:
        gate = self._stream.gate
        while gate.closed and not self.client_gone:
            await gate.wait_once()

    async def _send_unheard(self) -> None:
        """Drop a message for a client that is gone (rule H-21); raises like `Unheard.take()`, at once in a fork."""
        if os.getpid() != self._context.process:
            raise ClientDisconnected("a child that the application has forked has no client (L-6)")
        if not hasattr(self, "_unheard"):
            self._unheard = Unheard()
        await self._unheard.take(GRACE if asyncio.current_task() is self.task else GRACE_OF_HELPERS)

    def _start(self, message: Message) -> None:
        try:
            status, headers = message["status"], message["headers"]
        except KeyError:
            status, headers = message.get("status"), ()
        if type(status) is not int or not 200 <= status <= 999:
            status = checked_status(status)
        if type(headers) is not list:
            headers = checked_headers(headers)
        self._prepared = self._stream.prepare(status, headers)
        self._head = headers
        self.status = status
        if status in BODYLESS:
            self.bodyless = True
        if "trailers" in message:
            self._with_trailers = bool(message["trailers"])
        self._phase = HEAD_HELD

    def _send_body(self, body: bytes, end: bool) -> None:
        if self._phase == HEAD_HELD and self._context.on_response is not None:
            self._ask_hook()
        sent = self.sent = self.sent + len(body)
        expected = self._prepared[1]
        if sent != expected and expected >= 0 and (end or sent > expected) and self._mismatch(body):
            return
        if self.bodyless:
            body = b""
        last = end and not self._with_trailers
        if self._phase == HEAD_HELD:
            self._stream.respond(self.status, self._prepared, body, last)
        elif body or last:
            self._stream.send(body, last)
        if last:
            self._complete()
        else:
            self._phase = EXPECT_TRAILERS if end else IN_BODY

    def _ask_hook(self) -> None:
        """Let the response hook change the head before it is sent (rule R-1)."""
        status, headers = apply_hook(self._context, self.scope, self.status, self._head)
        try:
            self._start({"status": status, "headers": headers})
        except ApplicationError as error:
            raise ApplicationError(f"the response hook: {error} (R-1)") from None

    def _mismatch(self, body: bytes) -> bool:
        """Handle a body that does not match content-length (rule H-3): send no more than was announced, then close.

        False if that is allowed: the answer to HEAD announces a body that need not follow.
        """
        got, expected = self.sent, self._prepared[1]
        if self.bodyless and got < expected:
            return False
        allowed = b"" if self.bodyless else body[: expected - got + len(body)]
        self.sent = min(got, expected)
        if self._phase == HEAD_HELD:
            self._stream.respond(self.status, self._prepared, allowed, False)
        elif allowed:
            self._stream.send(allowed, False)
        self._phase = IN_BODY
        self.fail()
        said = "longer" if got > expected else "shorter"
        raise ApplicationError(f"the body is {said} than its content-length: {got} instead of {expected} bytes (H-3)")

    async def _send_other(self, kind: object, message: Message) -> None:
        handler = EXTRA_MESSAGES.get(kind) if isinstance(kind, str) else None
        if kind in FILE_MESSAGES and not self._context.config.pathsend:
            raise ApplicationError(f"{kind} is not among the extensions: pathsend is off (H-27)")
        try:
            if not self.client_gone and (handler is None or not await handler(self, self._stream, message)):
                raise ApplicationError(f"{WANTED[self._phase]}: the application sent {kind!r} (H-10)")
        except ClientDisconnected:
            self.disconnect()
        if self.client_gone:
            await self._send_unheard()

    def _complete(self) -> None:
        self._phase = COMPLETE
        self._body = None
        self.buffered = 0
        if self.row is not None:
            row = self.row
            if row is ONLY_LOGGED:
                self._log_access(aborted=False)
            else:  # without a call of Python for most requests: this is what each costs while they are counted
                seconds = perf_counter() - self.started_at
                outcome = row.outcomes[self.status]
                if seconds < outcome.short_below:
                    outcome.new_durations.append(seconds)
                    outcome.new_sizes.append(self.sent)
                else:
                    self._note_end(row, seconds)
        place = self.place
        if place is not None:
            if place.special:
                place.release()
            else:
                place.in_flight -= 1
        if self._waiters is not None:
            self._waiters.wake()
        self._stream.finished()

    def give_back(self) -> None:
        """Give back its slot or its place in the queue, unless the end of the response has done so."""
        if self._phase != COMPLETE:
            place, self.place = self.place, None
            if place is not None:
                place.release()

    # Running and failing.

    async def run(self, app: Application) -> None:
        """Call the application, and answer in its place if it fails (rule H-10)."""
        context = self._context
        try:
            result: object = await app(self.scope, self.receive, self.send)  # type: ignore[func-returns-value]
            if result is not None or self._phase != COMPLETE:
                self.give_back()
                has_returned(context, self, result)
        except BaseException as error:  # noqa: BLE001 - whatever an application raises, the server goes on
            self.give_back()
            has_raised(context, self, error)
        finally:
            context.cycles.discard(self)
            if context.draining:
                context.left()

    def begin(self, app: "DirectApplication") -> None:
        """Let the application serve it without a task."""
        try:
            if self.client_gone:
                has_ended(self._context, self)
            else:
                self.direct = app.begin(self)
        except BaseException as error:  # noqa: BLE001 - as in `run()`
            has_ended(self._context, self, error)

    def answer_and_end(self, status: int, headers: Headers, body: bytes) -> None:
        try:
            if not self.client_gone:
                self._start({"status": status, "headers": headers})
                self._send_body(body, True)
            has_ended(self._context, self)
        except BaseException as error:  # noqa: BLE001 - as in `run()`
            has_ended(self._context, self, error)

    def go_on_in_task(self, rest: Application) -> None:
        self._context.run_in_task(self, rest)

    def fail(self) -> None:
        """End the exchange: with a 500 if nothing has been written, else so that the client sees a cut response."""
        if self._phase == COMPLETE or self.client_gone:
            return
        if self._phase >= IN_BODY:
            if self.row is not None:
                self._note_break("failed")
            self._stream.give_up()
            return
        self.answer(500, [PLAIN_TEXT], INTERNAL_SERVER_ERROR)

    def give_up(self) -> None:
        """End the exchange without another byte: the client seems to have gone."""
        if self._phase != COMPLETE and not self.client_gone:
            self._stream.give_up()

    def drop(self) -> None:
        """Break off with a reset (rules H-24, H-26)."""
        self._stream.drop()

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Write a whole response in the application's place."""
        headers = [*headers, (b"content-length", b"%d" % len(body))]
        self.status, prepared = prepare_answer(self._context, self._stream, self.scope, status, headers)
        self.bodyless = self._stream.is_head or self.status in BODYLESS
        self.sent = len(body)
        self._prepared = prepared
        self._stream.respond(self.status, prepared, b"" if self.bodyless else body, True)
        self._complete()

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> bool:
        """Give the connection to another protocol instead of answering in HTTP: `extensions["esg.switch"]`.

        `headers` go into the answer that announces it. Returns whether the access log has a line of it. Raises
        `ClientDisconnected`, or `ApplicationError` if it is too late.
        """
        if self.client_gone:
            raise ClientDisconnected("the client has disconnected")
        if self._phase != EXPECT_START:
            raise ApplicationError("it is too late to switch protocols: the response has begun")
        headers = with_request_id(self.scope, headers)
        self.status = self._stream.switch(protocol, headers)
        self.give_back()
        self._phase = COMPLETE
        del self._stream  # the other protocol may live long
        return self.row is not None and self._note_switch(self.row, headers)

    # Called by `extensions`.

    @property
    def phase(self) -> int:
        """How far the response is; see `phases`."""
        return self._phase

    def begin_file(self, size: int) -> bool:
        """Write the head, if it is still held, of a response whose next `size` bytes come from a file.

        Returns whether the bytes are to be sent: not for HEAD, 204 and 304. Raises `ApplicationError` if they do not
        fit the content-length, and `ClientDisconnected`: the client may have left while the file was opened.
        """
        if self.client_gone:
            raise ClientDisconnected("the client has disconnected")
        if self._phase == HEAD_HELD:
            self._send_body(b"", False)
        if 0 <= self._prepared[1] < self.sent + size and not self.bodyless:
            raise ApplicationError(f"the file is longer than content-length: {size} more after {self.sent} bytes (H-3)")
        self.sent += size
        return not self.bodyless

    def end_file(self) -> None:
        """End the body: the file was its last part."""
        if self.client_gone:
            raise ClientDisconnected("the client has disconnected")
        self._send_body(b"", True)

    def end_trailers(self) -> None:
        """End the response: its trailers are written."""
        self._complete()
