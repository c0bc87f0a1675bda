"""How much of its input one connection may process in a turn: a little for free, then what the turn's budget allows.

Sans-I/O. Most input is one small message, which must not even ask (rule H-22).
"""

from esg_core.turns import UNCOUNTED, TurnBudget


class Allowance:
    """The work of one read: each piece subtracts its cost from `left`, which begins at `UNCOUNTED`.

    When nothing is left, `is_over()` says whether to stop. A read that used everything, or was `granted` more, ends
    with `settle()`.
    """

    __slots__ = ("_budget", "granted", "left")

    def __init__(self, budget: TurnBudget) -> None:
        self._budget = budget
        self.left = UNCOUNTED
        self.granted = 0

    def is_over(self) -> bool:
        """Whether the rest must wait for another turn; its first call in a read asks the budget."""
        if self.left <= 0 and not self.granted:
            self.granted = self._budget.room
            self.left += self.granted - UNCOUNTED
        return self.left <= 0

    def settle(self) -> None:
        """Charge the budget with what was used."""
        self._budget.spend((self.granted or UNCOUNTED) - self.left)
        self.granted = 0
