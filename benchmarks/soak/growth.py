"""Whether processes have grown, and whether anything of their clients is left in them."""

from typing import Any

from benchmarks.soak.serving import Sample

GROWTH = 1.15
"""By how much memory may grow, as noise that is no leak.

Of a worker, from the middle of the last calm phase to its end; of a parent, from the first third of the restarts to the
last.
"""

MORE_DESCRIPTORS = 8
"""How many more may be open in a median, beyond the same growth: connections come and go."""

FEWEST = 9
"""Samples of a parent from which on it is judged: before, it still warms up."""


def grown(name: str, samples: list[Sample]) -> list[str]:
    """Processes with more memory or descriptors at the end of the last phase than in its middle."""
    wrong = []
    half, last = samples[len(samples) // 2 : len(samples) * 3 // 4], samples[len(samples) * 3 // 4 :]
    print(f"{name}: process: KiB and descriptors at the start, in the middle and at the end of the last phase")
    for pid in samples[-1]:
        start, middle, end = (_median([one[pid] for one in part if pid in one]) for part in (samples[:1], half, last))
        print(f"  {pid}: {start} {middle} {end}")
        wrong += _compared(f"{name}: process {pid}", middle, end)
    return wrong


def grown_parent(name: str, samples: list[tuple[int, int]]) -> list[str]:
    """The same for a parent, which outlives all restarts; one sample after each."""
    if len(samples) < FEWEST:
        return []
    first, last = _median(samples[: len(samples) // 3]), _median(samples[-len(samples) // 3 :])
    print(f"{name}: parent: KiB and descriptors in the first and in the last third of the restarts: {first} {last}")
    return _compared(f"{name}: parent", first, last)


def left(name: str, clean: dict[str, Any], after: dict[int, dict[str, Any]]) -> list[str]:
    """Tasks and objects that are more than at the beginning, although all clients have gone."""
    print(f"{name}: tasks and objects of connections at the beginning {clean}, at the end {list(after.values())}")
    return [f"{name}: process {pid} still holds {state}" for pid, state in after.items() if state != clean]


def _median(values: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(sorted(each)[len(each) // 2] for each in zip(*values, strict=True))


def _compared(what: str, before: tuple[int, ...], after: tuple[int, ...]) -> list[str]:
    if not before or not after:
        return []
    wrong = []
    if after[0] > before[0] * GROWTH:
        wrong.append(f"{what} has grown from {before[0]} to {after[0]} KiB")
    if after[1] > before[1] * GROWTH + MORE_DESCRIPTORS:
        wrong.append(f"{what} has {after[1]} descriptors after {before[1]}")
    return wrong
