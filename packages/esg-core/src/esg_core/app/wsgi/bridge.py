"""The ASGI application that a WSGI application is served as (rules I-1 to I-6).

The body of a request is collected first; then a thread calls the application, and its response is sent while the thread
goes on: by a task (`relay`), or without one if it is whole (`direct`). `response` is what the thread does, and `call`
what may wait between the two.
"""

import asyncio
from typing import TYPE_CHECKING

from esg_core.app.siblings import has_siblings
from esg_core.app.wsgi.body import collect
from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.direct import DirectCall
from esg_core.app.wsgi.environ import Environ, common_environ
from esg_core.app.wsgi.errors import ErrorStream
from esg_core.app.wsgi.files import FileWrapper
from esg_core.app.wsgi.relay import Serving, relay
from esg_core.app.wsgi.response import answer
from esg_core.app.wsgi.shared import Bounds, Shared, WSGIApplication
from esg_core.app.wsgi.threads import Threads
from esg_core.asgi import Receive, Scope, Send
from esg_core.contracts import DirectApplication, Exchange
from esg_core.errors import ApplicationError

if TYPE_CHECKING:
    from esg_core.options.config import Config


class WSGIBridge(DirectApplication):
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
        serving = self._serving.get(loop) or self._serve_in(loop)
        if scope["type"] != "http":
            await _serve_other(scope["type"], receive, send)
            return
        message = await receive()
        is_whole = message["type"] == "http.request" and not message.get("more_body")
        body = message.get("body", b"") if is_whole else await collect(message, receive, self._bounds.in_memory)
        if body is None:
            return
        call = Call(serving.shared, scope, body)
        call.receive, call.send = receive, send
        serving.start(call)
        await relay(call, serving.threads)

    def begin(self, exchange: Exchange) -> DirectCall:
        """Serve a request without a task; see `esg_core.contracts.DirectApplication`."""
        loop = asyncio.get_running_loop()
        serving = self._serving.get(loop) or self._serve_in(loop)
        call = DirectCall(serving, exchange)
        serving.start(call)
        return call

    def _serve_in(self, loop: asyncio.AbstractEventLoop) -> Serving:
        """Begin serving a loop's requests, and forget loops that are closed."""
        threads: Threads[Call] = Threads(self._limit, answer)
        shared = Shared(self._app, self._environ(), self._bounds, loop)
        serving = Serving(shared, threads)
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


async def _serve_other(kind: str, receive: Receive, send: Send) -> None:
    if kind != "lifespan":
        raise ApplicationError(f"a WSGI application cannot serve {kind}")
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
