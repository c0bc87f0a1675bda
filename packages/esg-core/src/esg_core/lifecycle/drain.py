"""Ends a server: in order and in time, or at once (rule L-2).

The order: readiness fails, and every response announces the end; after `shutdown_delay` the listeners are closed; after
a last call idle connections close, and busy ones once their response is complete; new ones have a moment for their
first request, or longer if other processes go on serving; when nothing runs, the application shuts down. Whatever takes
longer than `timeout_graceful_shutdown` is cancelled, and the application still gets its shutdown.

Knows no signals and no exit codes. Before each step, `allow` gets the seconds that it may take (see `Watchdog`).
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from esg_core.app.lifespan import CANCEL_PATIENCE
from esg_core.lifecycle.assembly import ServerParts
from esg_core.waiting import OneTimeEvent, finite, unless

if TYPE_CHECKING:
    from esg_core.context import Context

LAST_CALL = 0.1
"""Seconds from the end of listening to the end of idle connections: requests that are on their way are served."""

FIRST_CALL = 0.3
"""Seconds after the last call that connections have for their first request: a round trip to a client far away."""

HANDSHAKE_PATIENCE = 1.0
"""Seconds for connections that are in their TLS handshake when the listeners are closed."""

NEW = 15.0
"""Seconds that new connections have for their handshake and first request where other processes go on serving.

A client on a busy machine may take seconds from `connect()` to its request, and cannot know that it may repeat it.
Where nothing else serves, its next connection would be refused anyway, and an operator waits for the end.
"""

TELL_AFTER = 0.1
"""Seconds after which the log says what the drain waits for."""

SHUTDOWN_LIMIT = 5.0
"""Seconds that the application's shutdown has at least, even if the drain has used up all its time."""

BLOCKED = 1.0
"""A step counts as blocked this many seconds after its time."""


def drain_budget(context: "Context") -> float:
    """Seconds after which a drain that has begun must have come to its second half; `inf` for no limit."""
    return context.config.shutdown_delay + context.config.timeout_graceful_shutdown + BLOCKED


class Drain:
    """Ends one server, once.

    Until `is_last` happens, other processes go on serving on its addresses, so its clients must not notice its end;
    None if there are no others.
    """

    def __init__(self, parts: ServerParts, allow: Callable[[float], None], is_last: OneTimeEvent | None = None) -> None:
        self._context = parts.context
        self._listeners = parts.listeners
        self._lifespan = parts.lifespan
        self._allow = allow
        self._is_last = is_last
        self._logger = logging.getLogger("esg.error")
        self.forced = False
        self._deadline = math.inf

    async def run(self) -> None:
        """End in order; afterwards `forced` says whether something had to be cancelled."""
        context = self._context
        self._logger.info("Shutting down")
        context.announce_closing()
        await self._delay()
        self._deadline = context.loop.time() + context.config.timeout_graceful_shutdown
        await self._listeners.close()
        if context.connections or self._listeners.is_opening:
            await asyncio.sleep(LAST_CALL)
        context.drain(patient=True)
        if not await self._wait_quiet():
            await self._cancel()
        await self._shut_down(self.time_left(SHUTDOWN_LIMIT))

    async def abandon(self) -> None:
        """End at once: whatever runs is cancelled, and the application gets a short shutdown."""
        await self._listeners.close()
        self._context.drain()
        await self._cancel()
        await self._shut_down(SHUTDOWN_LIMIT)

    def time_left(self, least: float) -> float:
        """Seconds that are left of `timeout_graceful_shutdown`, but not less than `least`; `inf` without limit."""
        return max(least, self._deadline - self._context.loop.time())

    async def _delay(self) -> None:
        delay = self._context.config.shutdown_delay
        if delay:
            self._logger.info("Serving for another %g s; readiness now fails", delay)
            await asyncio.sleep(delay)

    async def _wait_quiet(self) -> bool:
        context = self._context
        telling = context.loop.call_later(TELL_AFTER, self._tell)
        try:
            async with asyncio.timeout_at(finite(self._deadline)):
                await self._first_call()
                context.drain()  # including those accepted at the last moment
                await context.wait_quiet()
        except TimeoutError:
            return False
        finally:
            telling.cancel()
        return True

    async def _first_call(self) -> None:
        """Wait for the handshakes and first requests of new connections: a client far away needs a moment for them."""
        last = self._is_last
        if last is None or last or not await unless(last, self._wait_for_new(NEW)):
            await self._wait_for_new(0.0)

    async def _wait_for_new(self, seconds: float) -> None:
        """Wait so long for handshakes and first requests together, but not less than each needs."""
        loop, limit = self._context.loop, self._context.config.timeout_graceful_shutdown
        end = loop.time() + min(seconds, limit / 2)
        await self._listeners.settle(max(HANDSHAKE_PATIENCE, end - loop.time()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(min(FIRST_CALL, limit / 2), end - loop.time())):
                await self._context.wait_quiet()

    def _tell(self) -> None:
        """Say what the drain waits for."""
        self._logger.info(
            "Waiting for %d connections and %d running requests (CTRL+C to force quit)",
            len(self._context.connections),
            len(self._context.cycles),
        )

    async def _cancel(self) -> None:
        """Cancel what still runs, and cut what is still connected."""
        context = self._context
        tasks = context.tasks()
        if tasks or context.connections:
            self.forced = True
            self._logger.error(
                "Cancelling %d running requests, closing %d connections", len(tasks), len(context.connections)
            )
        self._allow(CANCEL_PATIENCE + BLOCKED)
        await self._listeners.settle(0)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_PATIENCE)
        for connection in list(context.connections):
            connection.abort()
        await asyncio.sleep(0)

    async def _shut_down(self, limit: float) -> None:
        self._listeners.close_datagrams()
        self._allow(limit + CANCEL_PATIENCE + BLOCKED)
        if not await self._lifespan.shutdown(limit):
            self.forced = True
        self._context.close()
