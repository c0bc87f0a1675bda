"""When to ping a client, and how long to wait for its pong (rule S-3).

Knows times and the payloads of pings, no connection. It is a number to look at, not a timer.
"""

import os
from math import inf


class Keepalive:
    """The pings of one connection: `due` is when the next ping must be sent, or the pong must have come.

    `interval` is the time between pings and `timeout` the time for an answer, in seconds; infinite for none.
    """

    __slots__ = ("_interval", "_next", "_payload", "_timeout", "due")

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._payload = b""
        self._next = inf
        self.due = now + interval

    @property
    def is_waiting(self) -> bool:
        """Whether a ping awaits an answer, which must come before `due`."""
        return bool(self._payload) and self._timeout != inf

    def ping(self, now: float) -> bytes:
        """The payload of the ping that is due."""
        self._payload = os.urandom(4)
        self._next = now + self._interval
        self.due = self._next if self._timeout == inf else now + self._timeout
        return self._payload

    def postpone(self, now: float) -> None:
        """Restart the client's time to answer, because it could not be heard."""
        if self.is_waiting:
            self.due = now + self._timeout

    def stop(self) -> None:
        """Send no more pings, and wait for nothing."""
        self._payload = b""
        self.due = self._next = inf

    def answer(self, payload: bytes) -> bool:
        """Take a pong; returns whether it answers the latest ping."""
        if not self._payload or payload != self._payload:
            return False
        self._payload = b""
        self.due = self._next
        return True
