"""A tally without a server, and figures by name."""

import asyncio
from collections.abc import Mapping
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from esg_core.context import Context
from esg_core.figures.contracts import LoopTotals
from esg_core.figures.families import COUNTED
from esg_core.figures.layout import SLOTS
from esg_core.figures.merging import Merged
from esg_core.figures.readings import Histogram
from esg_core.figures.tally import Tally
from tests.support.http.memory import config_with


class Meter:
    """A loop meter whose totals are set by the test."""

    def __init__(self) -> None:
        self.now = LoopTotals(0.0, 0)

    def totals(self) -> LoopTotals:
        return self.now


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that is never called."""


def context_in(loop: asyncio.AbstractEventLoop) -> Context:
    """A context with a tally, `context.tally`."""
    context = Context(config_with(()), nothing, loop)
    context.tally = Tally(Meter(), context)
    return context


def tally_of(context: Context) -> Tally:
    assert context.tally is not None
    return context.tally


def counted_by(tally: Tally) -> "Figures":
    """What a tally has, as a reader sees it that knows of no other process."""
    merged = Merged()
    merged.present(0, tally.values())
    return Figures(merged)


class Figures:
    """The readings of merged figures, by family and labels; histograms as the number of what was observed."""

    def __init__(self, merged: Merged) -> None:
        self.readings = {reading.family.name: reading for reading in merged.readings()}

    def __getitem__(self, name: str) -> Mapping[tuple[str, ...], Any]:
        return {series.labels: series.value for series in self.readings[name].series}

    def one(self, name: str, *labels: str) -> float:
        value = self[name].get(labels, 0.0)
        return float(sum(value.counts)) if isinstance(value, Histogram) else float(value)

    def nonzero(self, name: str) -> dict[tuple[str, ...], float]:
        return {labels: self.one(name, *labels) for labels in self[name] if self.one(name, *labels)}


def numbers(**known: float) -> list[float]:
    """The values of a process by family name, at its first series; all others are 0."""
    values = [0.0] * len(SLOTS)
    for name, number in known.items():
        values[slot(name)] = number
    return values


def slot(name: str, *labels: str) -> int:
    """Where a family keeps a figure, or the first of its series if there are no labels."""
    [counted] = [counted for counted in COUNTED if counted.family.name == name]
    wanted = f"{name}{{{','.join(labels or counted.labels[0])}}}"
    return next(at for at, found in enumerate(SLOTS) if found.split(" ")[0] == wanted)
