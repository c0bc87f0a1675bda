"""What becomes of messages that an application sends although its client has gone (rules H-21 and S-4).

Knows no protocol. Most applications listen for the disconnect and need a moment to stop; some find out by the error
that `send()` raises. Others expect neither: an adapter loses the task that sends for it, a framework takes any error
for a fault. So messages are taken in silence for a while, then refused, and at last the caller is cancelled.
"""

import asyncio

from esg_core.errors import ClientDisconnected

GRACE = 1.0
"""Seconds, from the first message that nobody hears, for which messages are taken in silence."""

GRACE_OF_HELPERS = 30.0
"""The same for a task other than that of the call: what relies on it may wait for ever once it has failed."""

AT_ONCE = 16
"""Messages that are taken without a pause: an application is best cancelled where it waits itself, and not here."""

PAUSE = 0.001
"""Seconds that each further message takes, so that no caller keeps the event loop busy."""

TURNS = 10
"""Turns of the event loop before an error is raised, in which those who listen for the disconnect stop the caller."""

REFUSALS = 8
"""Errors that a caller may ignore before it is cancelled."""

PENALTY = 1.0
"""Seconds that each message takes from then on, for a caller that ignores this too."""

FORGET = 0.1
"""Seconds after which a caller that was cancelled here has done with it."""


class Unheard:
    """The messages of one call whose client has gone."""

    __slots__ = ("_refused", "_since", "_taken")

    def __init__(self) -> None:
        self._since = 0.0
        self._taken = 0
        self._refused = 0

    async def take(self, grace: float) -> None:
        """Take a message: in silence for `grace` seconds, which begin with the first one.

        Raises `ClientDisconnected` afterwards, and `asyncio.CancelledError` where that has not helped.
        """
        now = asyncio.get_running_loop().time()
        if not self._taken:
            self._since = now
        if now < self._since + grace:
            self._taken += 1
            if self._taken > AT_ONCE:
                await _pause(PAUSE)
            return
        self._refused += 1
        if self._refused > REFUSALS:
            await _pause(PENALTY)
            raise asyncio.CancelledError("the client has disconnected, and the application goes on sending")
        for _ in range(TURNS):
            await _pause(0)
        raise ClientDisconnected("the client has disconnected")


async def _pause(seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError as error:
        # anyio keeps the error in a frame of the error's own traceback, and by way of its other frames the generator
        # that the application has sent from. Without the traceback that is closed, and need not wait for the collector.
        asyncio.get_running_loop().call_later(FORGET, _forget_traceback, error)
        raise


def _forget_traceback(error: BaseException) -> None:
    error.__traceback__ = None
