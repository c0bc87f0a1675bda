"""The engine of one HTTP/2 connection: its parts, and which of them handles which frame.

Sans-I/O: `receiving` is given input and its time, `sending` holds what is to be written, and the connection does the
rest, asked through the link.
"""

from typing import Generic

from esg_core.turns import TurnBudget
from esg_http.h2.coding.codes import (
    CONTINUATION,
    DATA,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from esg_http.h2.engine.control import ControlFrames
from esg_http.h2.engine.data import DataFrames
from esg_http.h2.engine.endings import Endings
from esg_http.h2.engine.link import EngineLink
from esg_http.h2.engine.receiving import Handler, Receiving
from esg_http.h2.engine.requests import RequestFrames
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.streams import StreamTable
from esg_http.multiplexed.allowance import Excess
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.engine import BaseEngine
from esg_http.multiplexed.limits import Limits

EXCESS = Excess(ENHANCE_YOUR_CALM, "RFC 9113 section 10.5")
"""What a client gets that asks for too much."""


class Engine(BaseEngine[S], Generic[S]):
    """The parts of a connection, each with one subject; each knows only the parts that it is given here."""

    __slots__ = ()

    streams: StreamTable[S]
    sending: Sending[S]
    data: DataFrames[S]
    requests: RequestFrames[S]
    receiving: Receiving[S]

    def __init__(self, limits: Limits, budget: TurnBudget, link: EngineLink[S]) -> None:
        super().__init__(limits, budget, EXCESS)
        account = self.account
        self.streams = StreamTable()
        self.sending = Sending(self.streams, link)
        self.control = ControlFrames(self.streams, self.sending, account, limits, link)
        self.data = DataFrames(self.streams, self.sending, account)
        self.requests = RequestFrames(self.streams, self.sending, self.data, account, limits, link)
        self.endings = Endings(self.streams, self.sending, link)
        self.receiving = Receiving(account, self.requests, self.data, self._handlers(), self.endings, link)

    def _handlers(self) -> dict[int, Handler]:
        """Return what handles each type of frame except HEADERS, which has its own price."""
        control = self.control
        return {
            DATA: self.data.on_data,
            RST_STREAM: control.on_rst_stream,
            WINDOW_UPDATE: control.on_window_update,
            SETTINGS: control.on_settings,
            PING: control.on_ping,
            CONTINUATION: self.requests.on_continuation,
            PRIORITY: control.on_priority,
            PRIORITY_UPDATE: control.on_priority_update,
            PUSH_PROMISE: control.on_push_promise,
            GOAWAY: control.on_goaway,
        }

    def unlink(self) -> None:
        super().unlink()
        self.control.unlink()
        self.receiving.unlink()
