"""Handles messages that an application sends after its client has gone (rules H-21 and S-4).

Knows no protocol. Most applications listen for the disconnect and need a moment to stop; some rely on the error that
`send()` raises. Others expect neither: an adapter loses the task that sends for it, a framework reports any error as a
failure. So messages are dropped silently for a while, then refused, and finally the caller is cancelled.
"""

import asyncio

from esg_core.errors import ClientDisconnected

GRACE = 1.0
"""Seconds, from the first message without a client, for which messages are dropped silently."""

GRACE_OF_HELPERS = 30.0
"""The same for a task other than that of the call: whatever relies on it may wait forever once it has failed."""

AT_ONCE = 16
"""Messages dropped without a pause: an application is best cancelled where it waits itself, not here."""

PAUSE = 0.001
"""Seconds of pause for each further message, so that no caller keeps the event loop busy."""

TURNS = 10
"""Turns of the event loop before an error is raised, so that a listener for the disconnect can stop the caller."""

REFUSALS = 8
"""Errors that a caller may ignore before it is cancelled."""

PENALTY = 1.0
"""Seconds of pause before each cancellation, for a caller that ignores them."""

FORGET = 0.1
"""Seconds after which a caller that was cancelled here no longer needs the traceback."""


class Unheard:
    """The messages of one call whose client has gone."""

    __slots__ = ("_refused", "_since", "_taken")

    def __init__(self) -> None:
        self._since = 0.0
        self._taken = 0
        self._refused = 0

    async def take(self, grace: float) -> None:
        """Drop a message silently, for `grace` seconds from the first one on.

        After that it raises `ClientDisconnected` and finally, if that does not help, `asyncio.CancelledError`.
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
        # anyio keeps the error in a frame of the error's own traceback, whose other frames hold the generator from
        # which the application has sent. Without the traceback it is closed without waiting for the garbage collector.
        asyncio.get_running_loop().call_later(FORGET, _forget_traceback, error)
        raise


def _forget_traceback(error: BaseException) -> None:
    error.__traceback__ = None
