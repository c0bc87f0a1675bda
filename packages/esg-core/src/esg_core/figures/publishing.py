"""Publishes the figures of one process soon after something has happened, and never while nothing does (rule M-1).

Knows the loop, for its one timer, which is also how the loop's lag is known: it is as late as the loop is.
"""

import asyncio

from esg_core.figures.segment import Segment
from esg_core.figures.tally import Tally

DELAY = 0.25
"""Seconds from something that is counted to its publication, at most."""


class Publisher:
    """Publishes a tally into a segment; without one, it only looks how busy and how late the loop is.

    The first request after a pause arms the timer, which goes on for as long as others follow. `publish()` is for each
    sign of life, `close()` for the end. All methods belong to the loop's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, tally: Tally, segment: Segment | None = None) -> None:
        self._loop = loop
        self._tally = tally
        self._segment = segment
        self._timer: asyncio.TimerHandle | None = None
        self._seen = -1
        tally.on_activity = self._arm
        self.publish()
        tally.await_activity()

    def publish(self) -> None:
        """Publish now."""
        self._tally.sample()
        if self._segment is not None:
            self._segment.write(self._tally.values())

    def close(self) -> None:
        """Publish for the last time; may be called twice."""
        self._tally.on_activity = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.publish()

    def _arm(self) -> None:
        """Something is counted after a pause."""
        if self._timer is None:
            self._wait()

    def _wait(self) -> None:
        due = self._loop.time() + DELAY
        self._timer = self._loop.call_at(due, self._expire, due)

    def _expire(self, due: float) -> None:
        """Publish; a request that has begun since the last time may end right after this, so that it goes on."""
        self._timer = None
        self._tally.has_lag(self._loop.time() - due)
        self.publish()
        seen, self._seen = self._seen, self._tally.activity
        if seen != self._seen:
            self._wait()
        else:
            self._tally.await_activity()
