"""A connection without a socket, whose requests are recorded."""

from collections import Counter
from dataclasses import replace

from esg_core.errors import RequestError
from esg_core.turns import TurnBudget
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.engine.engine import Engine
from esg_http.multiplexed.base_stream import BaseStream, Unsent
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.request_head import RequestHead
from tests.support.http2 import wire
from tests.support.http2.wire import Frame, Kind

LIMITS = Limits(
    streams=100,
    fields=128,
    field_bytes=65536,
    request_line=16384,
    client_resets=500,
    server_resets=10,
    control_frames=1000,
    stream_window=2**20,
)


class RecordedStream(BaseStream):
    """A stream that remembers what it was told."""

    def __init__(self, number: int, window: int) -> None:
        super().__init__(number, window)
        self.head: RequestHead | None = None
        self.declined: RequestError | None = None
        self.body = b""
        self.is_complete = self.was_reset = False
        self.moves = 0

    def on_content(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        self.is_complete = True

    def on_reset(self) -> None:
        self.was_reset = True

    def on_moved(self) -> None:
        self.moves += 1


class Session:
    """A server's connection; `opened` has all streams that it ever had, `told` counts the calls of each hook.

    What the parts of its engine have is here under the same names.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.told: Counter[str] = Counter()
        self.opened: dict[int, RecordedStream] = {}
        self.faults: list[StreamFault | ConnectionFault] = []
        self.pongs: list[bytes] = []
        self.engine: Engine[RecordedStream] = Engine(limits, TurnBudget(lambda renew: renew()), self)
        self.sending = sending = self.engine.sending
        self.requests = self.engine.requests
        self.consumed = self.engine.data.consumed
        self.live = self.engine.streams.live
        self.put, self.fill, self.set_stuck, self.reset = sending.put, sending.fill, sending.set_stuck, sending.reset
        self.send_head, self.send_response = sending.send_head, sending.send_response
        self.send_data, self.send_trailers = sending.send_data, sending.send_trailers
        self.encoder, self.out = sending.encoder, sending.out

    def receive(self, data: bytes, now: float) -> None:
        """Receive, in as many turns as it takes."""
        receiving = self.engine.receiving
        receiving.receive(data, now)
        while receiving.is_behind:
            receiving.receive(b"", now)

    def take(self) -> bytes:
        """The bytes to be written now, as far as the windows allow."""
        while self.fill(2**20):
            pass
        data = b"".join(self.out)
        self.out.clear()
        self.sending.out_size = 0
        return data

    @property
    def last(self) -> int:
        return self.engine.streams.last

    @property
    def out_size(self) -> int:
        return self.sending.out_size

    @property
    def window(self) -> int:
        return self.sending.window

    @property
    def updates_due(self) -> int:
        return self.sending.updates_due

    @property
    def sent(self) -> int:
        return self.sending.sent

    @property
    def is_over(self) -> bool:
        return self.engine.endings.is_over

    @property
    def has_begun(self) -> bool:
        return self.engine.receiving.has_begun

    @property
    def is_settled(self) -> bool:
        return self.engine.control.is_settled

    def make_stream(self, number: int, window: int) -> RecordedStream:
        stream = self.opened[number] = RecordedStream(number, window)
        return stream

    def begin(self, stream: RecordedStream, head: RequestHead) -> None:
        stream.head = head
        stream.is_complete = stream.upload is None

    def decline(self, stream: RecordedStream, error: RequestError) -> None:
        stream.declined = error

    def has_begun_block(self) -> None:
        self.told["block"] += 1

    def has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        self.faults.append(fault)

    def count_leftovers(self) -> None:
        self.told["leftovers"] += 1

    def has_output(self) -> None:
        self.told["output"] += 1

    def has_unsent(self, unsent: Unsent) -> None:
        self.told["unsent"] += 1

    def has_no_streams(self) -> None:
        self.told["no streams"] += 1

    def has_started(self) -> None:
        self.told["start"] += 1

    def has_failed(self, fault: ConnectionFault) -> None:
        self.told["failed"] += 1

    def has_pong(self, payload: bytes) -> None:
        self.pongs.append(payload)


def session_with(*frames: bytes, **limits: int) -> Session:
    """A session with changed limits that has received the opening and these frames at time 0."""
    session = Session(replace(LIMITS, **limits))
    session.receive(wire.OPENING + b"".join(frames), 0.0)
    return session


def asked_session(*frames: bytes, requests: int = 1) -> Session:
    """A session with a request and no answer yet; its connection's window is large."""
    asked = [wire.headers(number) for number in range(1, 2 * requests, 2)]
    session = Session()
    session.receive(wire.OPENING + wire.window(0, 10**7) + b"".join([*frames, *asked]), 0.0)
    assert session.faults == []
    session.take()
    return session


def first(session: Session) -> RecordedStream:
    return session.opened[1]


def said(session: Session) -> list[tuple[int, int, bool]]:
    """Stream, size and end flag of each DATA frame to be written now."""
    return [(frame.stream, len(frame.payload), frame.ends) for frame in frames(session) if frame.kind == Kind.DATA]


def frames(session: Session) -> list[Frame]:
    size = session.out_size
    framed = b"".join(session.out)
    assert len(framed) == size
    return [*wire.read(session.take())]
