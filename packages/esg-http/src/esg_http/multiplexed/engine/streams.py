"""Which streams a connection has. Sans-I/O: an idle or closed stream has no object."""

from typing import Generic

from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.priority import Priority


class BaseStreamTable(Generic[S]):
    """The streams of one connection.

    `live` holds the streams with a request that are not closed, by number; `early_priorities` holds priorities that
    came before their requests.
    """

    __slots__ = ("early_priorities", "live")

    def __init__(self) -> None:
        self.live: dict[int, S] = {}
        self.early_priorities: dict[int, Priority] = {}
