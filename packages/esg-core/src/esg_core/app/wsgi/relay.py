"""What a task does for one call: it sends the response while the thread goes on (rules I-1, I-4).

Knows ASGI and the call, whose other end is `response`, but no application.
"""

import asyncio
import logging
import sys

from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.files import FilePart
from esg_core.app.wsgi.shared import Shared
from esg_core.app.wsgi.threads import Threads
from esg_core.app.wsgi.watch import Watch
from esg_core.asgi import Message
from esg_core.errors import ApplicationError, ClientDisconnected

CANCEL_PATIENCE = 0.5
"""Seconds that a thread has to end when its request is cancelled."""

_logger = logging.getLogger("esg.error")


class Serving:
    """What serves the requests of one event loop."""

    __slots__ = ("shared", "threads", "watch")

    def __init__(self, shared: Shared, threads: Threads[Call]) -> None:
        self.shared = shared
        self.threads = threads
        self.watch = Watch(shared.loop, threads)

    def start(self, call: Call) -> None:
        """Let a thread begin with a call."""
        self.threads.start(call)
        if not self.watch.is_on:
            self.watch.start()


async def relay(call: Call, threads: Threads[Call]) -> None:
    """Send the response of a call that has been started, until the thread is done; raises what it raises."""
    try:
        await call.news()
        data = call.take()
        if data and len(data) == call.length:
            await call.send({"type": "http.response.start", "status": call.status, "headers": call.headers})
            await call.send({"type": "http.response.body", "body": data})
        else:
            await _relay_parts(call, data)
        if not call.is_complete:
            await _await_end(call)
    except BaseException as error:
        await _give_up(call, error, threads)
        raise
    finally:
        threads.done()
        if call.watching is not None:
            call.watching.cancel()
    call.close()
    if call.error is not None:
        call.raise_error()


async def _relay_parts(call: Call, data: bytes) -> None:
    """Send a response that has no parts, or more than one; `data` is what has come of it."""
    send = call.send
    if not data and not call.is_complete:
        data = await call.next()
    if not data and call.error is not None:
        return
    await send({"type": "http.response.start", "status": call.status, "headers": call.headers})
    call.is_sending = True
    left = sys.maxsize if call.length is None else call.length
    while len(data) < left and not call.is_complete:
        await send(_part(data, more=True))
        left -= len(data)
        data = await call.next()
    call.is_sending = False
    if call.file is not None:
        await _send_file(call, call.file, data)
    elif len(data) >= left or call.error is None:
        await send(_part(data[:left], more=False))
    elif data:
        await send(_part(data, more=True))
    if len(data) > left:
        raise _goes_beyond()


async def _send_file(call: Call, file: FilePart, data: bytes) -> None:
    if data:
        await call.send(_part(data, more=True))
    await call.send(
        {"type": "http.response.zerocopysend", "file": file.fileno(), "offset": file.offset, "count": file.size}
    )


async def _await_end(call: Call) -> None:
    """The client has its response: wait until the thread is done."""
    if await call.next():
        raise _goes_beyond()


async def _give_up(call: Call, error: BaseException, threads: Threads[Call]) -> None:
    """Let the thread end a response that cannot be sent; raises what the application raises meanwhile."""
    call.abandon()
    try:
        async with asyncio.timeout(CANCEL_PATIENCE if isinstance(error, asyncio.CancelledError) else None):
            while not call.is_over:
                await call.news()
    except TimeoutError:
        _leave(call, threads)
        return
    except asyncio.CancelledError as cancelled:
        await _give_up(call, cancelled, threads)
        raise
    call.close()
    if isinstance(error, OSError) and call.error is not None and not isinstance(call.error, ClientDisconnected):
        call.raise_error()


def _leave(call: Call, threads: Threads[Call]) -> None:
    """Stop waiting for a thread, and for all others whose response is abandoned: nothing can end them."""
    threads.leave(call)
    if not call.is_left:
        call.leave()
        stuck = [other for other in threads.running() if other.is_abandoned and not other.is_over]
        for other in stuck:
            other.leave()
        if stuck:
            _logger.warning("abandoned %d calls of the WSGI application that do not return", len(stuck))


def _goes_beyond() -> ApplicationError:
    return ApplicationError("the body is longer than its content-length (PEP 3333)")


def _part(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
