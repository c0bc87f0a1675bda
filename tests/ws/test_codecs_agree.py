"""Both codecs see the same in anything that a client sends, however it is cut (rule S-1)."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.testing import pieces
from esg_core.turns import TurnBudget
from esg_ws.codec_websockets import WebsocketsCodec
from esg_ws.codec_wsproto import WsprotoCodec
from esg_ws.compression_offers import Agreement
from esg_ws.deflate import Deflate
from esg_ws.frames import WebSocketError
from esg_ws.intake import FrameReader
from tests.support.ws.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, deflated, frame

LIMIT = 5000
REST = bytes(LIMIT + 200)
"""Completes any frame: one library finds some errors in its head, the other at its end."""


class Queue:
    """Takes all messages."""

    room = 2 * LIMIT

    def __init__(self, messages: list[object]) -> None:
        self._messages = messages

    def feed(self, message: str | bytes, size: int) -> bool:
        assert len(message) <= size <= 4 * len(message)
        self._messages.append(message)
        return True


class Heard:
    """Notes what a frame reader reports."""

    def __init__(self, codec: type[WebsocketsCodec] | type[WsprotoCodec], *, deflate: bool) -> None:
        self.events: list[object] = []
        agreed = Deflate(Agreement(client_bits=15), LIMIT) if deflate else None
        self._intake = FrameReader(codec, self, Queue(self.events), agreed, LIMIT, TurnBudget(lambda _: None))
        self._is_over = False

    def on_ping(self, payload: bytes) -> None:
        self.events.append(("ping", payload))

    def on_pong(self, payload: bytes) -> None:
        self.events.append(("pong", payload))

    def on_close(self, code: int, reason: str) -> None:
        self.events.append(("close", code, reason))
        self._is_over = True

    def feed(self, data: bytes) -> None:
        while not self._is_over:
            try:
                if self._intake.feed(data):
                    return
            except WebSocketError as error:
                self.events.append(("error", error.code))
                self._is_over = True
            data = b""


payloads = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"", b"\xff", b"\xe2\x82", b"\x82\xac", b"x" * 125, b"x" * 126, b"x" * 3000]),
)
codes = st.one_of(st.integers(0, 65535), st.sampled_from([1000, 1001, 1005, 1006, 1014, 1015, 3000, 4999]))
closes = st.builds(lambda code, reason: struct.pack("!H", code) + reason, codes, payloads)
frames = st.one_of(
    st.builds(frame, st.sampled_from([TEXT, BINARY, CONTINUATION]), payloads, fin=st.booleans()),
    st.builds(frame, st.sampled_from([TEXT, BINARY]), payloads),
    st.builds(frame, st.sampled_from([TEXT, BINARY]), payloads.map(deflated), fin=st.booleans(), rsv=st.just(4)),
    st.builds(frame, st.sampled_from([PING, PONG]), payloads),
    st.builds(frame, st.just(CLOSE), st.one_of(closes, st.just(b""), st.just(b"x"))),
    st.builds(frame, st.integers(0, 15), payloads, fin=st.booleans(), rsv=st.sampled_from([0, 0, 0, 1, 2, 4, 7])),
    st.builds(lambda opcode, payload: frame(opcode, payload, mask=None), st.integers(0, 15), payloads),
    st.binary(max_size=12),
)


def everything_heard(sent: bytes, step: int, *, deflate: bool) -> list[list[object]]:
    """By each codec, in pieces and at once."""
    heard = []
    for codec in (WebsocketsCodec, WsprotoCodec):
        for size in (step, 1 << 20):
            listener = Heard(codec, deflate=deflate)
            for piece in pieces(sent, size):
                listener.feed(piece)
            listener.feed(REST)
            heard.append(listener.events)
    return heard


messages = st.lists(frames, max_size=12).map(b"".join)
steps = st.sampled_from([1, 2, 5, 13, 10_000])


@pytest.mark.parametrize("deflate", [False, True])
@settings(max_examples=150, deadline=None)
@given(sent=messages, step=steps)
def test_s1_the_same_from_both_codecs_however_it_is_cut(deflate: bool, sent: bytes, step: int) -> None:
    heard = everything_heard(sent, step, deflate=deflate)
    assert all(events == heard[0] for events in heard)


@pytest.mark.parametrize("deflate", [False, True])
@settings(max_examples=100, deadline=None)
@given(sent=messages, step=steps, sizes=st.tuples(*[st.integers(1, 40)] * 4))
def test_s5_the_same_however_small_the_pieces_of_work_are(
    deflate: bool, sent: bytes, step: int, sizes: tuple[int, int, int, int]
) -> None:
    """S-5: what is left for a later turn is continued where it stopped."""
    (expected, *_) = everything_heard(sent, step, deflate=deflate)
    with pytest.MonkeyPatch.context() as patch:
        names = ("intake.PART", "intake.LARGEST_AT_ONCE", "deflate.PIECE", "deflate.SLICE")
        for name, size in zip(names, sizes, strict=True):
            patch.setattr(f"esg_ws.{name}", size)
        for name in ("intake.UNCOUNTED", "allowance.UNCOUNTED"):
            patch.setattr(f"esg_ws.{name}", 1)
        patch.setattr(TurnBudget, "room", 2)
        assert everything_heard(sent, step, deflate=deflate) == [expected] * 4
