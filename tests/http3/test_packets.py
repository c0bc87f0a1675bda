"""Headers, answers without keys, IDs and timers (rules Q-11, Q-15)."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from esg_http.h3.connection_ids import LENGTH, RESET_TOKEN, ConnectionIds
from esg_http.h3.packets import LongHeader, read_long_header, stateless_reset, version_negotiation
from esg_http.h3.timers import Timers
from tests.support.core.loops import run_in

NOISE = bytes(range(64, 128))


@given(st.binary(max_size=255), st.binary(max_size=255), st.integers(0, 2**32 - 1), st.integers(0, 127))
def test_q15_version_negotiation_answers_with_the_ids_exchanged(
    destination: bytes, source: bytes, version: int, noise: int
) -> None:
    packet = version_negotiation(LongHeader(version, destination, source), (1, 2), noise)
    assert read_long_header(packet) == LongHeader(0, source, destination)
    assert packet.endswith(bytes((0, 0, 0, 1, 0, 0, 0, 2)))
    assert packet[0] & 0x80


@given(st.binary(min_size=1, max_size=60))
def test_q15_any_bytes_are_a_header_or_not(datagram: bytes) -> None:
    found = read_long_header(datagram)
    if found is not None:
        length = 7 + len(found.destination) + len(found.source)
        assert length <= len(datagram)
        assert all(read_long_header(datagram[:size]) is None for size in range(length))


@given(st.integers(0, 1500))
def test_q15_a_stateless_reset_is_shorter_than_what_it_answers(received: int) -> None:
    packet = stateless_reset(b"t" * RESET_TOKEN, received, NOISE)
    if received < 22:
        assert packet is None
    else:
        assert packet is not None
        assert 21 <= len(packet) == min(received - 1, 43)
        assert packet[0] & 0xC0 == 0x40
        assert packet.endswith(b"t" * RESET_TOKEN)


def test_q11_ids_name_server_and_slot() -> None:
    ids = ConnectionIds(b"mg", 7, b"k" * 32)
    made = {ids.make() for _ in range(100)}
    assert len(made) == 100
    assert {(len(one), one[:3]) for one in made} == {(LENGTH, b"mg\x07")}
    assert all(map(ids.is_ours, made))
    assert not ids.is_ours(b"mg")
    assert not ids.is_ours(b"gm345678")
    one, other = sorted(made)[:2]
    assert len(ids.reset_token(one)) == RESET_TOKEN
    assert ids.reset_token(one) == ConnectionIds(b"mg", 3, b"k" * 32).reset_token(one)
    assert ids.reset_token(one) != ids.reset_token(other)
    assert ids.reset_token(one) != ConnectionIds(b"mg", 7, b"l" * 32).reset_token(one)


class Alarm:
    """See `Timed`; notes its calls in `log`."""

    def __init__(self, name: str, log: list[str], done: asyncio.Event | None = None) -> None:
        self.name = name
        self.log = log
        self.done = done
        self.timer = math.inf
        self.queued: list[float] = []
        self.again = math.inf

    def expire(self, now: float) -> None:
        assert now >= self.timer
        self.log.append(self.name)
        self.timer, self.again = self.again, math.inf
        if self.done is not None:
            self.done.set()


def test_one_timer_serves_all(loop: str) -> None:
    """Timers move later and earlier, and come again."""

    async def main() -> None:
        running = asyncio.get_running_loop()
        timers, log, done = Timers(running, Alarm.expire), list[str](), asyncio.Event()
        start = running.time()
        early, moved, last = Alarm("early", log), Alarm("moved", log), Alarm("last", log, done)
        for alarm, at in ((last, 0.06), (moved, 0.01), (early, 0.03)):
            alarm.timer = start + at
            timers.put(alarm)
        moved.timer = start + 0.05
        timers.put(moved)
        early.timer, early.again = start + 0.02, start + 0.04
        timers.put(early)
        await asyncio.wait_for(done.wait(), 20)
        assert (sorted(log), log[-1]) == (["early", "early", "last", "moved"], "last")
        timers.put(early)
        timers.close()

    run_in(loop, main())


def test_a_timer_that_moves_with_every_packet_keeps_few_places() -> None:
    """An early alarm and a late one, a hundred times, as acknowledgements and the end of an idle connection are."""

    async def main() -> None:
        running = asyncio.get_running_loop()
        timers, log, done = Timers(running, Alarm.expire), list[str](), asyncio.Event()
        alarm = Alarm("alarm", log, done)
        for _ in range(100):
            alarm.timer, alarm.again = running.time(), running.time() + 60
            timers.put(alarm)
            await asyncio.wait_for(done.wait(), 20)
            done.clear()
        assert len(log) == 100
        assert len(timers._heap) == len(alarm.queued) <= 2
        timers.close()

    run_in("asyncio", main())


def test_a_timer_that_was_taken_back_never_comes() -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        timers, log, done = Timers(running, Alarm.expire), list[str](), asyncio.Event()
        gone, last = Alarm("gone", log), Alarm("last", log, done)
        for alarm in (gone, last):
            alarm.timer = running.time() + 0.02
            timers.put(alarm)
        gone.timer = math.inf
        await asyncio.wait_for(done.wait(), 20)
        assert log == ["last"]

    run_in("asyncio", main())
