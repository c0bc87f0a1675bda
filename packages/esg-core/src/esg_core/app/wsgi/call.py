"""One request on its way through a thread, and its response on the way back (rule I-4).

One thread puts parts of the response, one task of the event loop takes them. There is no lock: each attribute is
changed by one side only, and operations on the list of parts are atomic. The task asks to be told before it looks for
the last time; the thread checks whether it has been asked after it has put something. So neither can miss the other.
The `Backlog` holds what does not fit because the client is slower than the thread.
"""

import asyncio
from contextvars import copy_context
from typing import NoReturn

from esg_core.app.wsgi.backlog import Backlog
from esg_core.app.wsgi.body import Input
from esg_core.app.wsgi.files import FilePart
from esg_core.app.wsgi.shared import Shared
from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.errors import ClientDisconnected

PIECE = 65536
"""Bytes sent at a time, if they come in smaller parts."""

NO_PARTS: list[bytes] = []
"""What every call has until its first part; it stays empty."""

GONE = "the client has disconnected"


class Call:
    """The request, and what the thread has made of it so far.

    The thread sets `status`, `headers` and `length`, the content-length if there is one, before the first part or the
    end; `file` and `error`, what it has raised, before the end; then `is_over`. The task sets `is_sending` from
    the head of a response that comes in parts to its end, and `is_left` when it no longer waits for the thread to end.
    `watching` is the task that looks after a call that takes long.
    """

    __slots__ = (
        "_backlog",
        "_future",
        "_is_asked",
        "_parts",
        "body",
        "context",
        "error",
        "file",
        "headers",
        "is_abandoned",
        "is_left",
        "is_over",
        "is_sending",
        "length",
        "receive",
        "scope",
        "send",
        "shared",
        "status",
        "watching",
    )

    headers: Headers
    receive: Receive
    send: Send

    def __init__(self, shared: Shared, scope: Scope, body: bytes | Input) -> None:
        self.shared = shared
        self.scope = scope
        self.body = body
        self.context = copy_context()
        self.status = 0
        self.length: int | None = None
        self.file: FilePart | None = None
        self.error: BaseException | None = None
        self.watching: asyncio.Task[None] | None = None
        self._future: asyncio.Future[None] | None = None
        self._parts: list[bytes] = NO_PARTS
        self._backlog: Backlog | None = None
        self.is_over = self.is_abandoned = self.is_sending = self._is_asked = self.is_left = False

    # The thread.

    def put(self, part: bytes) -> None:
        """Add a part of the response, which must not be empty; waits for room.

        Raises `ClientDisconnected` once the response is abandoned.
        """
        if self.is_abandoned:
            raise ClientDisconnected(GONE)
        if self._parts or self._backlog is not None:
            self._put_behind(part)
        else:  # of any size: it is in memory already, and nothing else is
            self._parts = [part]
        if self._is_asked:
            self._tell()

    def finish(self) -> None:
        """The thread is done."""
        self.is_over = True
        if self._is_asked:
            self._tell()
        if self.is_left:
            self.close()

    def _put_behind(self, part: bytes) -> None:
        """Add a part behind those that wait."""
        backlog = self._backlog
        if backlog is None:
            backlog = self._backlog = Backlog(self.shared, self._parts)
        rest = memoryview(part)
        while (rest := backlog.put(rest)) and not self.is_abandoned:
            if self._is_asked:
                self._tell()
            backlog.wait(self)
        if self.is_abandoned:
            raise ClientDisconnected(GONE)

    def _tell(self) -> None:
        self._is_asked = False
        self.shared.tell(self)

    # The event loop: mostly the task.

    def wake(self) -> None:
        """There may be news: let the task go on."""
        future = self._future
        if future is not None and not future.done():
            future.set_result(None)

    def go_on_in_task(self) -> None:
        """Let a task serve the rest, if there is none yet."""

    def news(self) -> "asyncio.Future[None]":
        """A future that is done when there is something to take or the call is over, and perhaps without reason."""
        self._future = future = self.shared.loop.create_future()
        self._is_asked = True
        if self.is_over or not (self._is_empty or self.is_abandoned):
            self._is_asked = False
            future.set_result(None)
        return future

    def take(self) -> bytes:
        """Take about a piece of what is in memory; empty if there is nothing."""
        parts = self._parts
        data = parts.pop(0) if len(parts) == 1 else _joined(parts)
        if self._backlog is not None:
            self._backlog.free(len(data))
        return data

    async def next(self) -> bytes:
        """The next bytes to be sent, empty when there are no more.

        Raises `OSError`: `ClientDisconnected` if the response is abandoned, or what the temporary file fails with.
        """
        while not (data := await self._take_next()) and not self.is_complete:
            await self.news()
        return data

    async def _take_next(self) -> bytes:
        if self.is_abandoned:
            raise ClientDisconnected(GONE)
        backlog = self._backlog
        held = 0 if backlog is None else backlog.in_file  # first: while it holds anything, no part overtakes it
        if self._parts or backlog is None or not held:
            return self.take()
        return await backlog.read(PIECE)

    def abandon(self) -> None:
        """The response is no longer wanted: the thread learns so when it puts the next part."""
        self.is_abandoned = True
        if self._backlog is not None:
            self._backlog.free(0)

    def leave(self) -> None:
        """The task stops waiting for the thread, which then closes the call."""
        self.is_left = True
        if self.is_over:
            self.close()

    def close(self) -> None:
        """Close the files, once neither the thread nor the task uses them; may be called twice."""
        if self._backlog is not None:
            self._backlog.close()
        if self.file is not None:
            self.file.close()

    def raise_error(self) -> NoReturn:
        """Raise what the thread has raised, and let go of it: its traceback holds this call."""
        error, self.error = self.error, None
        assert error is not None
        try:
            raise error
        finally:
            del error

    @property
    def is_complete(self) -> bool:
        """Whether all parts have been taken, and no more will come."""
        return self.is_over and not self._parts and (self._backlog is None or not self._backlog.in_file)

    @property
    def _is_empty(self) -> bool:
        return not self._parts and (self._backlog is None or not self._backlog.in_file)


def _joined(parts: list[bytes]) -> bytes:
    """Take about a piece off the front of a list that a thread may append to at the same time."""
    count = size = 0
    for part in parts:
        count += 1
        size += len(part)
        if size >= PIECE:
            break
    data = b"".join(parts[:count])
    del parts[:count]
    return data
