"""Keeps children that the application forks from serving beside their parent (rule L-6).

A forked child has everything of its parent: the event loop in the middle of a turn, the connections, the listening
sockets. When it returned from the application, it would be a second server on all of them and mix its responses with
those of its parent. So it cannot answer any running request, and it ends where it returns: with the code of
`sys.exit()`, with the traceback of an exception, or with an error that it should have ended by itself.

Knows contexts. Costs nothing until the application forks. Started programs (`subprocess`) and children that end by
themselves (`os._exit()`, `multiprocessing`) are not affected.
"""

import asyncio
import contextlib
import logging
import os
import select
import sys
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakSet

from esg_core.errors import ClientDisconnected

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Cycle

_contexts: "WeakSet[Context]" = WeakSet()


def watch_forks(context: "Context") -> None:
    """Keep children of this process from serving the context's clients."""
    _contexts.add(context)


def end_if_forked(context: "Context", error: BaseException | None = None) -> None:
    """End this process if it is a forked child; called after a call of the application, whatever its outcome."""
    if os.getpid() != context.process:
        end_child(error)


def _after_fork() -> None:
    """In the child, before `os.fork()` returns."""
    for context in _contexts:
        for cycle in context.cycles:
            cycle.client_gone = True
        context.cycles = _NoReturn(context.cycles)
        if context.loop.is_running():
            context.loop.call_soon(end_child, None)  # for tasks that are not the server's
            _see_nothing(context.loop)


class _NoReturn(set["Cycle"]):
    """The running calls in a child, where none may end."""

    def discard(self, element: object) -> None:
        """End the child, whichever call has ended."""
        end_child(None)


def _see_nothing(loop: asyncio.AbstractEventLoop) -> None:
    """Detach the loop from its poller: on Linux the parent shares it, and the child would take its clients' bytes."""
    number = getattr(loop, "_get_backend_id", None)  # uvloop's
    if number is None:
        number = getattr(getattr(loop, "_selector", None), "fileno", None)  # asyncio's
    if number is not None and hasattr(select, "epoll"):
        with select.epoll() as poller:
            os.dup2(poller.fileno(), number(), inheritable=False)


def end_child(error: BaseException | None) -> NoReturn:
    """End this process, a child that has returned from the application, maybe with an error."""
    logger = logging.getLogger("esg.error")
    code: object = 1
    if isinstance(error, SystemExit):
        code = error.code
    elif error is None or isinstance(error, ClientDisconnected):
        logger.error("a child process of the application came back to the server: end it with os._exit()")
    else:
        logger.error("exception in a child process of the application", exc_info=error)
    if code is not None and not isinstance(code, int):
        logger.error("a child process of the application exits: %s", code)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the application may have closed it, or put anything there
            stream.flush()
    os._exit((code or 0) & 0xFF)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
