"""One queue of connections that several workers share, as one of them sees it.

Joins what the kernel says of the queue, what the workers publish, and the law of `esg_core.sockets.shares`.
"""

import socket
from time import monotonic
from typing import TYPE_CHECKING

from esg_core.sockets.shares import STAND_BACK, FairShare
from esg_core.sockets.tcp import counts_queue, queue_meter

if TYPE_CHECKING:
    from esg_core.sockets.board import Holding


class SharedQueue:
    """The queue of `listening`; `holding` counts what this process holds of it and of other queues."""

    pause = STAND_BACK

    def __init__(self, listening: socket.socket, holding: "Holding") -> None:
        self.accept = holding.acceptance(listening)
        self._holding = holding
        self._share = FairShare(holding.board, holding.row)
        self._count_waiting = queue_meter(listening)
        self._knows_count = counts_queue(listening)

    def open(self) -> None:
        """Count this process in: it comes to the queue from now on."""
        self._holding.open()

    def close(self) -> None:
        """Count it out, for now or for good."""
        self._holding.close()

    def room(self) -> int | None:
        """How many connections to accept; None to leave them to the others for `pause` seconds, then to ask again."""
        self._holding.look()
        waiting = self._count_waiting()
        if not waiting:
            self._share.rest()
            return 0
        now = monotonic()
        room = self._share.room(waiting, now, self._holding.brief.slack(now))
        return (min(room, waiting) if self._knows_count else room) or None
