"""The connection without a socket against the h2 library as its client, with anything happening in between.

Both sides open, write, end, cancel and change their windows and settings in any order, while their bytes cross on the
wire and arrive in any pieces. Neither may find an error in the other, and each must have received what the other sent.
"""

from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from esg_core.asgi import Headers
from tests.support.http2 import wire
from tests.support.http2.session import RecordedStream, Session

STREAMS = 10
"""The most streams that the client has open."""

SIZES = st.sampled_from([0, 1, 9, 500, 16384, 40000, 90000])
WHICH = st.integers(0, STREAMS)
SETTINGS = st.sampled_from(
    [
        {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0},
        {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000},
        {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 200000},
        {h2.settings.SettingCodes.MAX_FRAME_SIZE: 16384},
        {h2.settings.SettingCodes.MAX_FRAME_SIZE: 70000},
        {h2.settings.SettingCodes.HEADER_TABLE_SIZE: 0},
        {h2.settings.SettingCodes.HEADER_TABLE_SIZE: 4096},
        {h2.settings.SettingCodes.HEADER_TABLE_SIZE: 60, h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 70000},
    ]
)
TRAILERS: Headers = [(b"x-sum", b"1"), (b"x-end", b"trailers")]


@dataclass
class Half:
    """What one side has sent on a stream, or what the other has received."""

    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    ended: bool = False


@dataclass
class Exchange:
    """One stream; `is_cut`: either side has reset it before its end."""

    asked: Half
    answered: Half = field(default_factory=Half)
    heard: Half = field(default_factory=Half)
    is_cut: bool = False
    client_is_done: bool = False
    taken: int = 0


class Connection(RuleBasedStateMachine):
    """A client and a server, and the bytes on the way between them."""

    @initialize()
    def begin(self) -> None:
        self.session = Session()
        self.peer = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self.exchanges: dict[int, Exchange] = {}
        self.up = self.down = b""
        self.unacknowledged = 1
        self.peer.initiate_connection()
        self.peer.receive_data(wire.settings((3, 100)))

    # What the client does.

    def asking(self, which: int) -> int | None:
        """A stream on which the client may still send."""
        numbers = [number for number, exchange in self.exchanges.items() if not exchange.client_is_done]
        return numbers[which % len(numbers)] if numbers else None

    @rule(method=st.sampled_from([b"GET", b"POST"]), value=st.binary(max_size=9), size=SIZES, end=st.booleans())
    def ask(self, method: bytes, value: bytes, size: int, end: bool) -> None:
        if sum(not exchange.heard.ended for exchange in self.exchanges.values()) >= STREAMS:
            return
        number = self.peer.get_next_available_stream_id()
        more = [(b"x-value", value.hex().encode()), (b"cookie", b"a=%d" % number)]
        asked = Half([(b":method", method), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a.test"), *more])
        self.exchanges[number] = Exchange(asked)
        self.peer.send_headers(number, asked.headers, end_stream=end)
        if end:
            self.exchanges[number].client_is_done = asked.ended = True
        else:
            self.upload(0, size, number=number)

    @rule(which=WHICH, size=SIZES)
    def upload(self, which: int, size: int, number: int | None = None) -> None:
        number = number or self.asking(which)
        if number is None:
            return
        room = min(self.peer.local_flow_control_window(number), self.peer.max_outbound_frame_size, size)
        if room >= 0:
            content = bytes([number % 251]) * room
            self.peer.send_data(number, content, pad_length=7 if room == 9 else None)
            self.exchanges[number].asked.body += content

    @rule(which=WHICH, with_trailers=st.booleans())
    def end_request(self, which: int, with_trailers: bool) -> None:
        number = self.asking(which)
        if number is None:
            return
        asked = self.exchanges[number].asked
        if with_trailers:
            self.peer.send_headers(number, TRAILERS, end_stream=True)
        else:
            self.peer.end_stream(number)
        asked.ended = self.exchanges[number].client_is_done = True

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        number = self.asking(which)
        if number is not None:
            self.peer.reset_stream(number)
            self.exchanges[number].is_cut = self.exchanges[number].client_is_done = True
            self.exchanges[number].heard.ended = True

    @rule(which=WHICH, size=st.integers(1, 100000))
    def widen(self, which: int, size: int) -> None:
        waiting = [number for number, exchange in self.exchanges.items() if not exchange.heard.ended]
        self.peer.increment_flow_control_window(size)
        if waiting:
            self.peer.increment_flow_control_window(size, waiting[which % len(waiting)])

    @rule(changes=SETTINGS)
    def change_settings(self, changes: dict[h2.settings.SettingCodes | int, int]) -> None:
        """One at a time: to the library, an acknowledgement covers one of each setting, whichever frame it was in."""
        if not self.unacknowledged:
            self.peer.update_settings(changes)
            self.unacknowledged += 1

    @rule(which=WHICH)
    def ping_and_prioritise(self, which: int) -> None:
        self.peer.ping(b"12345678")
        self.peer.prioritize(2 * which + 1, weight=1 + which)

    # What the server does.

    def answering(self, which: int) -> tuple[RecordedStream, Half] | None:
        """A stream that the application may still write to."""
        streams = [stream for stream in self.session.live.values() if not self.exchanges[stream.id].answered.ended]
        if not streams:
            return None
        stream = streams[which % len(streams)]
        return stream, self.exchanges[stream.id].answered

    @rule(which=WHICH, size=SIZES, end=st.booleans())
    def answer(self, which: int, size: int, end: bool) -> None:
        found = self.answering(which)
        if found is None:
            return
        stream, answered = found
        content = bytes([stream.id % 251]) * size
        answered.body += content
        answered.ended = end
        if answered.headers:
            self.session.send_data(stream, content, end=end)
        else:
            answered.headers = [(b":status", b"200"), (b"x-n", b"%d" % stream.id), (b"etag", b"%d" % size)]
            block = self.session.encoder.encode(answered.headers)
            self.session.send_response(stream, block, content, end=end)

    @rule(which=WHICH)
    def send_trailers(self, which: int) -> None:
        found = self.answering(which)
        if found is not None and found[1].headers:
            stream, answered = found
            answered.trailers, answered.ended = TRAILERS, True
            self.session.send_trailers(stream, TRAILERS)

    @rule(which=WHICH)
    def cut(self, which: int) -> None:
        found = self.answering(which)
        if found is not None:
            self.session.reset(found[0], wire.Code.INTERNAL_ERROR)
            self.exchanges[found[0].id].is_cut = True

    @rule(which=WHICH)
    def read_body(self, which: int) -> None:
        streams = [stream for stream in self.session.live.values() if stream.upload is not None]
        if streams:
            stream = streams[which % len(streams)]
            exchange = self.exchanges[stream.id]
            self.session.consumed(stream, len(stream.body) - exchange.taken)
            exchange.taken = len(stream.body)

    # What the wire does.

    @rule(size=st.integers(1, 60000), pieces=st.lists(st.integers(1, 9000), min_size=1, max_size=4))
    def carry_up(self, size: int, pieces: list[int]) -> None:
        self.up += self.peer.data_to_send()
        now, self.up = self.up[:size], self.up[size:]
        for piece in (*pieces[:-1], len(now)):
            part, now = now[:piece], now[piece:]
            self.session.receive(part, 0.0)

    @rule(size=st.integers(1, 60000))
    def carry_down(self, size: int) -> None:
        self.down += self.session.take()
        now, self.down = self.down[:size], self.down[size:]
        for event in self.peer.receive_data(now):
            self.hear(event)

    def hear(self, event: h2.events.Event) -> None:
        self.unacknowledged -= isinstance(event, h2.events.SettingsAcknowledged)
        exchange = self.exchanges.get(getattr(event, "stream_id", None) or 0)
        if exchange is None:
            assert not isinstance(event, h2.events.ConnectionTerminated)
            return
        heard = exchange.heard
        if isinstance(event, h2.events.ResponseReceived):
            heard.headers = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            heard.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            heard.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            heard.ended = True
        elif isinstance(event, h2.events.StreamReset):
            assert exchange.is_cut == (event.error_code == wire.Code.INTERNAL_ERROR)
            exchange.client_is_done = heard.ended = True

    # What must hold.

    @invariant()
    def neither_finds_fault(self) -> None:
        assert getattr(self, "session", None) is None or self.session.faults == []

    def teardown(self) -> None:
        """Bring everything to its end, and compare."""
        if not hasattr(self, "session"):
            return
        self.carry_up(2**30, [1])
        for _ in range(200):
            if all(exchange.heard.ended for exchange in self.exchanges.values()) and not self.session.live:
                break
            self.carry_up(2**30, [1])
            self.carry_down(2**30)
            self.widen_all()
            if self.asking(0) is not None:
                self.end_request(0, with_trailers=False)
            self.answer(0, 1, end=True)
            self.read_body(0)
        self.carry_down(2**30)
        for number, exchange in self.exchanges.items():
            self.compare(number, exchange)
        assert self.session.live == {}
        self.neither_finds_fault()

    def widen_all(self) -> None:
        self.peer.increment_flow_control_window(10**6)
        for number, exchange in self.exchanges.items():
            if not exchange.heard.ended:
                self.peer.increment_flow_control_window(10**6, number)

    def compare(self, number: int, exchange: Exchange) -> None:
        stream = self.session.opened[number]
        asked, answered, heard = exchange.asked, exchange.answered, exchange.heard
        assert stream.head is not None
        expected = [(b"host", b"a.test"), *[one for one in asked.headers if one[0][:1] != b":"]]
        assert stream.head.headers == expected
        assert asked.body.startswith(stream.body)
        assert answered.body.startswith(heard.body)
        assert stream.body == asked.body or not stream.is_complete
        if not exchange.is_cut:
            assert heard == answered
            assert stream.is_complete != (number in self.session.engine.streams._resets), (
                "answered before its end, or heard to it"
            )


Connection.TestCase.settings = settings(
    deadline=None,
    max_examples=60,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
test_any_order = Connection.TestCase
