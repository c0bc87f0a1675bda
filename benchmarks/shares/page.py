"""Evaluates the figures: a table, and the bars that must be cleared."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.report import table
from benchmarks.shares.scenes import SCENES, Scene

NOISE = 1.1
"""How many times the best of the others is still not worse, since figures are noisy."""

TICK = 0.004
"""Seconds by which waits may differ whatever the servers do: a process that wants a core in use may get it that late.

Linux takes a core away at a tick, and most kernels have 250 a second.
"""

Figures = Mapping[str, Mapping[str, Sequence[float]]]
"""By scene and server, one for each round; a server that cannot be measured has none."""


def comparison(figures: Figures, servers: Sequence[str]) -> str:
    """The medians of all rounds, as a table."""
    lines = []
    for name, by_server in figures.items():
        scene = SCENES[name]
        lines.append([scene.title, *(_written(scene, by_server.get(server, ())) for server in servers)])
    return table(["", *servers], lines)


def bars(figures: Figures, judged: str) -> Iterator[tuple[str, bool]]:
    """Each bar, and whether the server clears it."""
    for name, by_server in figures.items():
        scene = SCENES[name]
        own = median(by_server[judged]) if by_server.get(judged) else float("inf")
        others = [median(found) for server, found in by_server.items() if found and not server.startswith(judged)]
        if scene.bar is not None:
            yield f"{scene.title}: at most {_number(scene, scene.bar)}", own <= scene.bar
        elif scene.reference is not None and by_server.get(scene.reference):
            pairs = zip(by_server.get(judged, ()), by_server[scene.reference], strict=False)
            ratios = [own / reference for own, reference in pairs]  # rounds are interleaved
            is_cleared = bool(ratios) and median(ratios) <= NOISE
            yield f"{scene.title}: at most {NOISE} times {scene.reference}, round by round", is_cleared
        elif scene.reference is None and others:
            best = min(others)
            text = f"{scene.title}: at most {NOISE} times the best of the others, or {TICK * 1000:.0f} ms above it"
            yield text, own <= max(NOISE * best, best + TICK)


def _written(scene: Scene, found: Sequence[float]) -> str:
    return _number(scene, median(found)) if found else "-"


def _number(scene: Scene, figure: float) -> str:
    return f"{figure:.2f}" if scene.unit == 1 else f"{figure * scene.unit:.0f}"
