"""What the frames of one client may cost: room in this turn of the loop, and allowances (rules H-22, 2-3).

Sans-I/O. `Receiving` sets the time and the room before it hands out frames; each frame's handler charges its price.
"""

from esg_core.turns import TurnBudget
from esg_http.multiplexed.allowance import Allowance, Excess
from esg_http.multiplexed.costs import CANCELLATION, OVERSIZED_BLOCK
from esg_http.multiplexed.limits import Limits

SMALL_DATA = 64
"""Bytes of content below which a DATA frame is small."""

SMALL_A_FRAME = 50
"""Small DATA frames that count as one useless frame: a client that streams measurements sends hundreds a second."""


class Account:
    """The costs of one connection: `now` is the time of the input being read, `room` the units left for it."""

    __slots__ = ("_cancelled", "_oversized", "_reset", "_small_data", "_useless", "budget", "now", "room")

    def __init__(self, limits: Limits, budget: TurnBudget, excess: Excess) -> None:
        self.budget = budget
        self.now = 0.0
        self.room = 0
        self._cancelled = Allowance(limits.client_resets, "cancelled streams", excess)
        self._useless = Allowance(limits.control_frames, "useless frames", excess)
        self._reset = Allowance(limits.server_resets, "streams that had to be reset", excess)
        self._oversized = Allowance(limits.server_resets, "header sections that are too large", excess)
        self._small_data = Allowance(limits.control_frames * SMALL_A_FRAME, "small DATA frames", excess)

    def charge_useless(self, count: int = 1) -> None:
        """Charge frames that honest clients rarely send; like the other charges, raises `ConnectionFault`."""
        self._useless.spend(self.now, count)

    def charge_refused(self) -> None:
        """Charge a stream that the client has opened beyond the limit."""
        self._cancelled.spend(self.now)

    def charge_cancelled(self) -> None:
        """Charge a stream that the client has cancelled."""
        self._cancelled.spend(self.now)
        self.room -= CANCELLATION

    def charge_reset(self) -> None:
        """Charge a stream that the server has to reset."""
        self._reset.spend(self.now)
        self.room -= CANCELLATION

    def charge_oversized(self) -> None:
        """Charge a header section with too many fields."""
        self._oversized.spend(self.now)
        self.room -= OVERSIZED_BLOCK

    def charge_small(self, content: object) -> None:
        """Charge a DATA frame with little or no content that does not end its body."""
        (self._small_data if content else self._useless).spend(self.now)
