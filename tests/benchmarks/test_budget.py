"""What a request may cost: the Python instructions that ESG runs for one, counted exactly, with features off.

If a feature needs more, this shows that every request pays for it. If a change needs fewer, lower the number.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from benchmarks.opcodes import Opcodes, count_opcodes

pytestmark = pytest.mark.everywhere

BUDGET = {
    (3, 11): {"get": 740, "headers": 741, "stream": 4695, "h2-get": 1480, "h2-post-10k": 2030, "h2-stream": 7020},
    (3, 12): {"get": 692, "headers": 693, "stream": 4400, "h2-get": 1360, "h2-post-10k": 1870, "h2-stream": 6420},
    (3, 13): {"get": 690, "headers": 692, "stream": 4580, "h2-get": 1350, "h2-post-10k": 1870, "h2-stream": 6650},
    (3, 14): {"get": 726, "headers": 728, "stream": 4860, "h2-get": 1425, "h2-post-10k": 1950, "h2-stream": 7020},
    (3, 15): {"get": 727, "headers": 729, "stream": 4860, "h2-get": 1426, "h2-post-10k": 1951, "h2-stream": 7020},
}
"""By version, as each has its own instructions."""

LIMITS = {(3, 11): 68, (3, 12): 65, (3, 13): 62, (3, 14): 66, (3, 15): 66}
"""What all limits, backpressure and health together may add to a GET."""

COUNTED = {(3, 11): 44, (3, 12): 40, (3, 13): 39, (3, 14): 42, (3, 15): 42}
"""What it may add to a GET that it is counted (rule M-1): docs/performance.md has it in machine instructions."""


class StandingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still: what the clock causes belongs to no request, however slow the machine is."""

    def time(self) -> float:
        return 1000.0


def run(counting: Coroutine[Any, Any, Opcodes]) -> Opcodes:
    with asyncio.Runner(loop_factory=StandingLoop) as runner:
        return runner.run(counting)


def own_instructions(server: str, row: str) -> float:
    """ESG's share of a request: the same in each count."""
    counted = count_opcodes(server, row, run)
    return sum(many for code, (_, many) in counted.items() if "/esg_" in code.co_filename.replace("\\", "/"))


@pytest.mark.parametrize("row", ["get", "headers", "stream", "h2-get", "h2-post-10k", "h2-stream"])
def test_a_request_keeps_to_its_budget(row: str) -> None:
    budget = BUDGET[sys.version_info[:2]][row]
    assert budget * 0.97 < own_instructions("esg", row) <= budget


def test_to_be_limited_keeps_to_its_budget() -> None:
    budget = LIMITS[sys.version_info[:2]]
    assert budget * 0.9 < own_instructions("esg-limited", "get") - own_instructions("esg", "get") <= budget


def test_m1_to_be_counted_keeps_to_its_budget() -> None:
    budget = COUNTED[sys.version_info[:2]]
    assert budget * 0.8 < own_instructions("esg-counted", "get") - own_instructions("esg", "get") <= budget


def test_h24_time_outs_of_calls_cost_a_request_nothing() -> None:
    """H-24, H-25: calls are looked at by the clock, not one by one; a look belongs to no request."""
    assert own_instructions("esg-timed", "get") - own_instructions("esg", "get") < 0.1
