"""The engine of a connection, in any version: its parts, as far as the connection above it needs them. Sans-I/O."""

from abc import abstractmethod
from typing import Generic, Protocol

from esg_core.turns import TurnBudget
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.allowance import Excess
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.bodies import BaseBodies
from esg_http.multiplexed.engine.endings import BaseEndings
from esg_http.multiplexed.engine.requests import BaseRequests
from esg_http.multiplexed.engine.sending import BaseSending
from esg_http.multiplexed.engine.streams import BaseStreamTable
from esg_http.multiplexed.limits import Limits


class InputInTurns(Protocol):
    """The receiving half of an engine, as far as it takes turns with other connections."""

    @property
    def is_behind(self) -> bool:
        """Whether there was no room for everything that came."""

    @abstractmethod
    def go_on(self, now: float) -> None:
        """Take what has waited; `now` is in seconds, by any clock."""


class BaseEngine(Generic[S]):
    """The parts of a connection, each with one subject; each knows only the parts that it is given."""

    __slots__ = ("account", "control", "data", "endings", "receiving", "requests", "sending", "streams")

    streams: BaseStreamTable[S]
    sending: BaseSending[S]
    data: BaseBodies[S]
    requests: BaseRequests[S]
    endings: BaseEndings[S]
    receiving: InputInTurns

    def __init__(self, limits: Limits, budget: TurnBudget, excess: Excess) -> None:
        self.account = Account(limits, budget, excess)

    def unlink(self) -> None:
        """Let go of the ended connection, so that neither waits for the garbage collector (rule H-20)."""
        self.sending.unlink()
        self.requests.unlink()
        self.endings.unlink()
