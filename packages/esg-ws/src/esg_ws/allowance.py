"""What one connection may do with what it has just been sent: a little unasked, then what the turn has room for.

Sans-I/O. Most of what comes is one small message, which must not even ask (rule H-22).
"""

from esg_core.turns import UNCOUNTED, TurnBudget


class Allowance:
    """The work of one read: each piece of it takes its cost from `left`, which begins with `UNCOUNTED`.

    Where nothing is left, `is_over()` tells whether to stop. A read by which all was used, or something was `granted`,
    ends with `settle()`.
    """

    __slots__ = ("_budget", "granted", "left")

    def __init__(self, budget: TurnBudget) -> None:
        self._budget = budget
        self.left = UNCOUNTED
        self.granted = 0

    def is_over(self) -> bool:
        """Whether the rest is for another turn; asks the budget when it is called for the first time in a read."""
        if self.left <= 0 and not self.granted:
            self.granted = self._budget.room
            self.left += self.granted - UNCOUNTED
        return self.left <= 0

    def settle(self) -> None:
        """Tell the budget what has been used."""
        self._budget.spend((self.granted or UNCOUNTED) - self.left)
        self.granted = 0
