"""The engine of one HTTP/3 connection: its parts, and what each of them needs of the others.

Sans-I/O: `receiving` is given what the transport delivers and its time, `sending` queues in the transport, and the
connection does the rest, asked through the link.
"""

from typing import Generic

from esg_core.turns import TurnBudget
from esg_http.h3.coding.codes import CONTROL, H3_EXCESSIVE_LOAD, QPACK_DECODER, QPACK_ENCODER
from esg_http.h3.engine.bodies import Bodies
from esg_http.h3.engine.control import ControlStream
from esg_http.h3.engine.endings import Endings
from esg_http.h3.engine.link import EngineLink
from esg_http.h3.engine.qpack_streams import DecoderStream, EncoderStream
from esg_http.h3.engine.receiving import Receiving
from esg_http.h3.engine.requests import RequestStreams
from esg_http.h3.engine.sending import Sending
from esg_http.h3.engine.streams import StreamTable
from esg_http.h3.engine.unidirectional import CriticalStream, UnidirectionalStreams
from esg_http.multiplexed.allowance import Excess
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.engine import BaseEngine
from esg_http.multiplexed.limits import Limits

EXCESS = Excess(H3_EXCESSIVE_LOAD, "RFC 9114 section 10.5")
"""What a client gets that asks for too much."""


class Engine(BaseEngine[S], Generic[S]):
    """The parts of a connection, each with one subject; each knows only the parts that it is given here."""

    __slots__ = ()

    streams: StreamTable[S]
    sending: Sending[S]
    receiving: Receiving[S]

    def __init__(self, limits: Limits, budget: TurnBudget, link: EngineLink[S]) -> None:
        super().__init__(limits, budget, EXCESS)
        account = self.account
        self.streams = StreamTable()
        self.sending = Sending(self.streams, link)
        self.data = Bodies(self.sending)
        self.control = ControlStream(self.streams, self.sending, account, limits)
        self.requests = RequestStreams(self.streams, self.sending, self.data, account, limits, link)
        self.endings = Endings(self.sending, link)
        critical: dict[int, CriticalStream] = {
            CONTROL: self.control,
            QPACK_ENCODER: EncoderStream(account),
            QPACK_DECODER: DecoderStream(account),
        }
        unidirectional = UnidirectionalStreams(critical, self.sending, account)
        self.receiving = Receiving(account, self.requests, unidirectional, self.endings)
