"""One overload from beginning to end: calm, ten times the capacity, calm again; and the limit throughout."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from benchmarks.overload.apps import CAPACITY
from benchmarks.overload.client import Record, ask_json, offer
from benchmarks.overload.running import observed
from benchmarks.overload.settings import HIGHEST, LIMITED, WINDOW

CALM, HEAVY = 0.5, 10.0
"""Multiples of the capacity."""

LEAST_CALM = 5.0
"""Seconds of calm at the end: more than the limit may take to recover."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The three phases, and the server's records: time from the start in seconds, `limit`, `inflight`, `elu`."""

    before: Record
    during: Record
    after: Record
    history: Sequence[dict[str, Any]]
    began: float
    """When the overload began, and below when it ended, in seconds."""
    ended: float

    @property
    def lowest(self) -> int:
        """The lowest limit of all."""
        return min(int(entry["limit"]) for entry in self.history)

    @property
    def windows(self) -> float | None:
        """How many windows after the overload the limit was back where it had been; None if it never was."""
        low = [entry["time"] for entry in self.history if entry["limit"] < HIGHEST]
        last = max(low, default=0.0)
        if last >= self.history[-1]["time"]:
            return None
        return max(0.0, last - self.ended) / WINDOW


def measure(seconds: float) -> Outcome:
    """With an overload of that many seconds."""
    with observed(LIMITED) as port:
        return uvloop.run(_measure(port, seconds))


async def _measure(port: int, seconds: float) -> Outcome:
    clock = asyncio.get_running_loop().time  # the monotonic clock, as the server's
    await ask_json(port, "/watch")
    begin = clock()
    before = await offer(port, "/spin", CALM * CAPACITY, LEAST_CALM)
    began = clock() - begin
    heavy = asyncio.ensure_future(offer(port, "/spin", HEAVY * CAPACITY, seconds))
    await asyncio.sleep(seconds)
    ended = clock() - begin
    during = await heavy
    after = await offer(port, "/spin", CALM * CAPACITY, LEAST_CALM)
    history = await ask_json(port, "/history")
    noted = [{**entry, "time": entry["time"] - begin} for entry in history]
    return Outcome(before, during, after, noted, began, ended)
