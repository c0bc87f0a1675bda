"""The ASGI application that a WSGI application is served as (rules I-1 to I-5).

The body of a request is collected first; then a thread calls the application, and its response is sent while the thread
goes on. Knows ASGI; `response` is what the thread does, and `call` what may wait between the two.
"""

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

from esg_core.app.siblings import has_siblings
from esg_core.app.wsgi.body import collect
from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.environ import Environ, common_environ
from esg_core.app.wsgi.errors import ErrorStream
from esg_core.app.wsgi.files import FilePart, FileWrapper
from esg_core.app.wsgi.response import answer
from esg_core.app.wsgi.shared import Bounds, Shared, WSGIApplication
from esg_core.app.wsgi.threads import Threads
from esg_core.app.wsgi.watch import Watch
from esg_core.asgi import Message, Receive, Scope, Send
from esg_core.errors import ApplicationError, ClientDisconnected

if TYPE_CHECKING:
    from esg_core.options.config import Config

CANCEL_PATIENCE = 0.5
"""Seconds that a thread has to end when its request is cancelled."""

_logger = logging.getLogger("esg.error")


class Serving(NamedTuple):
    """What serves the requests of one event loop."""

    shared: Shared
    threads: Threads[Call]
    watch: Watch


class WSGIBridge:
    """Serves a WSGI application in threads; `config` says how many, and what may wait in memory."""

    only_http = True
    """To WSGI, requests to switch to another protocol are plain HTTP."""

    def __init__(self, app: WSGIApplication, config: "Config") -> None:
        self._app = app
        self._limit = config.wsgi_threads
        self._bounds = _bounds(config)
        self._serving: dict[asyncio.AbstractEventLoop, Serving] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or a lifespan in which nothing happens. Raises what the application raises."""
        loop = asyncio.get_running_loop()
        shared, threads, watch = self._serving.get(loop) or self._serve_in(loop)
        if scope["type"] != "http":
            await _serve_other(scope["type"], receive, send)
            return
        message = await receive()
        is_whole = message["type"] == "http.request" and not message.get("more_body")
        body = message.get("body", b"") if is_whole else await collect(message, receive, self._bounds.in_memory)
        if body is None:
            return
        call = Call(shared, scope, body, receive, send)
        threads.start(call)
        if not watch.is_on:
            watch.start()
        try:  # not in a separate coroutine: each object of a waiting request costs the garbage collector time
            await call.news()
            data = call.take()
            if data and len(data) == call.length:
                await send({"type": "http.response.start", "status": call.status, "headers": call.headers})
                await send({"type": "http.response.body", "body": data})
            else:
                await _relay(call, data)
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

    def _serve_in(self, loop: asyncio.AbstractEventLoop) -> Serving:
        """Begin serving a loop's requests, and forget loops that are closed."""
        threads: Threads[Call] = Threads(self._limit, answer)
        shared = Shared(self._app, self._environ(), self._bounds, loop)
        serving = Serving(shared, threads, Watch(loop, threads))
        self._serving = {
            **{other: served for other, served in self._serving.items() if not other.is_closed()},
            loop: serving,
        }
        return serving

    def _environ(self) -> Environ:
        return common_environ(
            {
                "SERVER_SOFTWARE": "esg",
                "wsgi.version": (1, 0),
                "wsgi.errors": ErrorStream(),
                "wsgi.multithread": self._limit > 1,
                "wsgi.multiprocess": has_siblings(),
                "wsgi.run_once": False,
                "wsgi.input_terminated": True,
                "wsgi.file_wrapper": FileWrapper,
            }
        )


def _bounds(config: "Config") -> Bounds:
    in_memory = min(config.wsgi_body_memory, config.wsgi_response_buffer)
    return Bounds(in_memory, config.wsgi_response_buffer - in_memory)


async def _relay(call: Call, data: bytes) -> None:
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


async def _serve_other(kind: str, receive: Receive, send: Send) -> None:
    if kind != "lifespan":
        raise ApplicationError(f"a WSGI application cannot serve {kind}")
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _goes_beyond() -> ApplicationError:
    return ApplicationError("the body is longer than its content-length (PEP 3333)")


def _part(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
