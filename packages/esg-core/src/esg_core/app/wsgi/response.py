"""One call of a WSGI application, in its thread: `start_response`, `write`, iteration and `close` (rule I-5, PEP 3333).

Knows the application's side of the interface. The response goes into its `Call`, which the event loop sends.
"""

import re
from collections.abc import Callable, Iterable
from io import BytesIO
from os import getpid
from types import TracebackType
from typing import Any

from esg_core.app.forked_children import end_child
from esg_core.app.wsgi.body import Input
from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.environ import environ_of
from esg_core.app.wsgi.files import FileWrapper, file_part
from esg_core.app.wsgi.shared import Write
from esg_core.asgi import Headers
from esg_core.errors import ApplicationError

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]

Head = tuple[int, Headers, int | None]
"""Status, fields as in ASGI, and the content-length that they announce, if any."""

BODYLESS = frozenset((204, 304))
"""Statuses of responses without a body, and so without a length (RFC 9110 section 6.4.1)."""

MOST_REMEMBERED = 1024
"""Heads that are remembered: applications make few different ones."""

LONGEST_REMEMBERED = 512
"""Bytes; a head with longer fields is not remembered."""


_STATUS = re.compile(r"([0-9]{3})(?: |\Z)")


def answer(call: Call) -> None:
    """Call the application; its response, or what it raises, is in `call` afterwards."""
    try:
        if not call.is_abandoned:
            Response(call).run()
    except BaseException as error:  # noqa: BLE001 - it is raised again where the request runs
        call.error = error
    if isinstance(call.body, Input):
        call.body.file.close()
    if getpid() != call.shared.process:
        end_child(call.error)
    call.finish()


class Response:
    """One response: what the application calls, and what it returns."""

    __slots__ = ("_call", "_has_begun")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._has_begun = False

    # What the application calls.

    def start_response(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: ExceptionInfo | None = None
    ) -> Write:
        """See PEP 3333; raises `ApplicationError`, and what is in `exc_info` if it is too late for another response."""
        call = self._call
        if exc_info is not None:
            try:
                if self._has_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # its frames hold this one
        elif call.status:
            raise ApplicationError("start_response was called again without exc_info (PEP 3333)")
        try:
            call.status, fields, call.length = _heads[(status, *headers)]
        except TypeError:  # there is a list where PEP 3333 wants a tuple
            call.status, fields, call.length = _head(status, headers)
        call.headers = fields.copy()
        return self.write

    def write(self, part: bytes) -> None:
        """Add a part to the body; raises `ClientDisconnected`, and `ApplicationError` if it is not bytes."""
        if not part:
            return
        if type(part) is not bytes:
            raise ApplicationError(f"a WSGI application answers with bytes, not {type(part).__name__} (PEP 3333)")
        if not self._has_begun:
            self._begin()
        self._call.put(part)

    # How it is called.

    def run(self) -> None:
        """Call the application once, and then `close` of what it returns."""
        call = self._call
        shared, body = call.shared, call.body
        if isinstance(body, Input):
            environ = environ_of(shared.environ, call.scope, body.file, body.size)
        else:
            environ = environ_of(shared.environ, call.scope, BytesIO(body), len(body))
        result = shared.app(environ, self.start_response)
        try:
            kind = type(result)
            if kind is list or kind is tuple:
                self._take_all(result)
            elif not isinstance(result, FileWrapper) or not self._take_file(result):
                for part in result:
                    self.write(part)
            if not self._has_begun:
                self._begin()
        finally:
            close: Callable[[], object] | None = getattr(result, "close", None)
            if close is not None:
                close()

    def _take_all(self, parts: Iterable[bytes]) -> None:
        """Take a complete body, whose length is therefore known."""
        try:
            body = b"".join(parts)
        except TypeError as error:
            raise ApplicationError(f"a WSGI application answers with bytes (PEP 3333): {error}") from None
        if not self._has_begun:
            self._begin()
            if body or self._call.scope["method"] != "HEAD":
                self._announce(len(body))
        if body:
            self._call.put(body)

    def _take_file(self, wrapper: FileWrapper) -> bool:
        """Leave a plain file to the event loop, which needs no thread to send it; returns whether it is one."""
        call = self._call
        if self._has_begun or "http.response.zerocopysend" not in call.scope["extensions"]:
            return False
        part = file_part(wrapper, call.length)
        if part is None:
            return False
        call.file = part
        self._begin()
        self._announce(part.size)
        return True

    def _begin(self) -> None:
        if not self._call.status:
            raise ApplicationError("the application answered without calling start_response (PEP 3333)")
        self._has_begun = True

    def _announce(self, length: int) -> None:
        call = self._call
        if call.length is None and call.status not in BODYLESS:
            call.length = length
            call.headers.append((b"content-length", b"%d" % length))


class _Heads(dict[tuple[Any, ...], Head]):
    """Remembered heads, by what the application gave."""

    def __missing__(self, given: tuple[Any, ...]) -> Head:
        head = _head(given[0], given[1:])
        if sum(len(name) + len(value) for name, value in head[1]) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[given] = head
        return head


_heads = _Heads()


def _head(status: Any, headers: Iterable[Any]) -> Head:
    """An application's status and header fields for ASGI; raises `ApplicationError`."""
    fields, length = _fields(headers)
    return _status_code(status), fields, length


def _status_code(status: Any) -> int:
    match = _STATUS.match(status) if isinstance(status, str) else None
    if match is None:
        raise ApplicationError(
            f"start_response: {status!r:.80} is not a status of three digits and a reason (PEP 3333)"
        )
    return int(match[1])


def _fields(headers: Iterable[Any]) -> tuple[Headers, int | None]:
    length = None
    fields: Headers = []
    try:
        for name, value in headers:
            field = name.lower().encode("latin-1")
            fields.append((field, value.encode("latin-1")))
            if field == b"content-length" and value.isascii() and value.isdigit():
                length = int(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise ApplicationError(f"start_response: headers must be pairs of native strings (PEP 3333): {error}") from None
    return fields, length
