"""What a request may cost: the Python instructions that ESG runs for one, counted exactly, with features off.

If a feature needs more, this shows that every request pays for it. If a change needs fewer, lower the number.
"""

import asyncio
import sys

import pytest

from benchmarks.opcodes import count_opcodes

BUDGET = {
    (3, 11): {"get": 740, "headers": 741, "stream": 4695, "h2-get": 1480, "h2-post-10k": 2030, "h2-stream": 7020},
    (3, 13): {"get": 690, "headers": 692, "stream": 4580, "h2-get": 1375, "h2-post-10k": 1870, "h2-stream": 6650},
}


LIMITS = {(3, 11): 68, (3, 13): 62}
"""What all limits, backpressure and health together may add to a GET."""

COUNTED = {(3, 11): 44, (3, 13): 39}
"""What it may add to a GET that it is counted (rule M-1): docs/performance.md has it in machine instructions."""

TIMED = 5
"""What the time-outs of calls may add to a GET: a few looks of the sweeper, shared by all requests of a count."""

COUNTS = 5

each_version = pytest.mark.skipif(sys.version_info[:2] not in BUDGET, reason="each version has its own instructions")


def own_instructions(server: str, row: str) -> float:
    """ESG's share of a request: the lowest of several counts, without the work that the clock causes now and then."""
    counts = [count_opcodes(server, row, asyncio.run) for _ in range(COUNTS)]
    return min(
        sum(many for code, (_, many) in counted.items() if "/esg_" in code.co_filename.replace("\\", "/"))
        for counted in counts
    )


@each_version
@pytest.mark.parametrize("row", ["get", "headers", "stream", "h2-get", "h2-post-10k", "h2-stream"])
def test_a_request_keeps_to_its_budget(row: str) -> None:
    budget = BUDGET[sys.version_info[:2]][row]
    assert budget * 0.97 < own_instructions("esg", row) <= budget


@each_version
def test_to_be_limited_keeps_to_its_budget() -> None:
    budget = LIMITS[sys.version_info[:2]]
    assert budget * 0.9 < own_instructions("esg-limited", "get") - own_instructions("esg", "get") <= budget


@each_version
def test_m1_to_be_counted_keeps_to_its_budget() -> None:
    budget = COUNTED[sys.version_info[:2]]
    assert budget * 0.8 < own_instructions("esg-counted", "get") - own_instructions("esg", "get") <= budget


@each_version
def test_h24_time_outs_of_calls_cost_a_request_nothing() -> None:
    """H-24, H-25: calls are looked at by the clock, not one by one; a look belongs to no request."""
    assert own_instructions("esg-timed", "get") - own_instructions("esg", "get") <= TIMED
