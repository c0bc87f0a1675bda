"""Evaluates the experiments: for each, a section of the page, its charts, and the bars that must be cleared.

It measures nothing. A bar is a sentence and whether it holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.charts import Bar, Group, Line, bar_chart, line_chart
from benchmarks.overload import episode, leaks, saturation, slow, waiting
from benchmarks.overload.client import milliseconds, percentile
from benchmarks.overload.settings import DEADLINE, HIGHEST, WINDOW
from benchmarks.report import table

HEALTH_BAR, SERVED_BAR, BESIDE_BAR = 250, 1000, 50
"""Milliseconds: a health answer, the 99th percentile of served requests, that of a normal client beside slow ones."""


@dataclass(frozen=True, slots=True)
class Section:
    """Its part of the page, the files that belong to it by name, and its bars."""

    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    bars: Sequence[tuple[str, bool]] = ()


HEAD = ["server", "goodput", "503", "lost", "p50 ms", "p99 ms", "health ms", "load late ms", "probes lost"]

CHARTS = (
    ("goodput", "Served in time, as a share of the capacity (more is better)", 2),
    ("p99", "99th percentile of the latency of served requests, ms (less is better)", 0),
    ("refused", "Share of requests that got a 503", 2),
    ("health", "Slowest answer to a health probe, ms (less is better)", 0),
)


def of_saturation(results: Mapping[str, Mapping[float, saturation.Outcome]]) -> Section:
    """Servers and loads."""
    about = (
        "An application that keeps the loop busy for 20 ms per request, an open load on kept connections; answers that "
        f"take more than 5 s are lost. ESG with backpressure: at most {HIGHEST} run, {HIGHEST} wait, windows of "
        f"{WINDOW:g} s."
    )
    parts = [f"### {title}\n\n{table(HEAD, lines)}" for title, lines in saturation.tables(results)]
    loads = sorted({load for outcomes in results.values() for load in outcomes})
    files = {
        f"{name}.svg": bar_chart(title, [_group(results, load, name, digits) for load in loads])
        for name, title, digits in CHARTS
    }
    charts = [f"![{title}]({name}.svg)" for name, title, _ in CHARTS]
    text = "\n\n".join(["## Saturation", about, *charts, *parts])
    return Section(text, files, list(_saturation_bars(results.get("esg", {}))))


def _group(results: Mapping[str, Mapping[float, saturation.Outcome]], load: float, figure: str, digits: int) -> Group:
    bars = [Bar(name, getattr(outcomes[load], figure)) for name, outcomes in results.items()]
    return Group(f"{load:g} times the capacity", bars, digits)


def _saturation_bars(outcomes: Mapping[float, saturation.Outcome]) -> Sequence[tuple[str, bool]]:
    bars = []
    for load, found in outcomes.items():
        if load < 1:
            bars.append((f"at {load:g} times the capacity, no request gets a 503", found.refused == found.lost == 0))
        if load >= 5:
            at = f"at {load:g} times the capacity"
            bars += [
                (f"{at} goodput is at least 0.9 of it", found.goodput >= 0.9),
                (f"{at} p99 of served requests is under 1 s", (found.p99 or SERVED_BAR) < SERVED_BAR),
                (f"{at} health is answered within 0.25 s", (found.health or HEALTH_BAR) < HEALTH_BAR),
            ]
    return bars


def of_episode(found: episode.Outcome) -> Section:
    """The limit over time."""
    lines = [
        [name, *(str(record.count(status)) for status in (200, 503)), str(record.lost), *_times(record.latencies)]
        for name, record in (("before", found.before), ("during", found.during), ("after", found.after))
    ]
    windows = "never" if found.windows is None else f"{found.windows:.1f} windows of {WINDOW:g} s"
    about = (
        f"Half of the capacity, {episode.HEAVY:g} times the capacity for a while, and half again. The limit fell to "
        f"{found.lowest}; until it was {HIGHEST} again after the end: {windows}."
    )
    phases = table(["phase", "200", "503", "lost", "p50 ms", "p99 ms"], lines)
    chart = line_chart(
        "The limit, and what runs and waits, in one overload",
        [
            Line(title, [(entry["time"], entry[name]) for entry in found.history])
            for name, title in (("limit", "limit"), ("inflight", "running"), ("queued", "waiting"))
        ],
        (found.began, found.ended, "10 times the capacity"),
    )
    calm = found.before.count(503) + found.before.lost
    recovered = found.windows is not None and found.windows <= 10
    bars = [
        ("no request gets a 503 before the overload", calm == 0),
        ("the limit recovers within 10 windows", recovered),
    ]
    text = f"## One overload\n\n{about}\n\n![The limit over time](episode.svg)\n\n{phases}"
    return Section(text, {"episode.svg": chart}, bars)


def _times(latencies: Mapping[int, Sequence[float]]) -> list[str]:
    found = [milliseconds(percentile(latencies.get(200, []), share)) for share in (0.5, 0.99)]
    return ["-" if value is None else f"{value:.0f}" for value in found]


def of_waiting(found: Mapping[str, waiting.Outcome]) -> Section:
    """Clients that wait."""
    lines = [
        [kind, str(each.statuses.get(200, 0)), str(each.again), str(each.refused), str(each.peak), f"{each.elu:.2f}"]
        for kind, each in found.items()
    ]
    head = ["kind", "first answers", "second ones", "503", "open at once", "busy"]
    text = f"## Clients that wait\n\nOn an idle loop.\n\n{table(head, lines)}"
    bars = [
        (f"no waiting client ({kind}) is refused or lost", set(each.statuses) == {200} and each.refused == 0)
        for kind, each in found.items()
    ]
    return Section(text, bars=bars)


def of_slow(found: slow.Outcome) -> Section:
    """Slow clients."""
    lines = [
        [kind, str(slow.CROWDS[kind]), "for ever" if held is None else f"{held:.1f}", f"{slow.LONGEST[kind]:.2f}"]
        for kind, held in found.held.items()
    ]
    p50, p99 = (0.0 if value is None else value for value in (found.p50, found.p99))
    text = "\n\n".join(
        (
            f"## Slow clients\n\n{found.clients} clients, deadlines of {DEADLINE} s.",
            table(["kind", "of how many", "held at most, s", "may be held, s"], lines),
            f"A normal client: {found.served} answers, {found.failed} failed, p50 {p50:.1f} ms, p99 {p99:.1f} ms.",
        )
    )
    bars = [
        (f"no slow client is held longer than its deadline ({kind})", held is not None and held <= slow.LONGEST[kind])
        for kind, held in found.held.items()
    ]
    bars.append(("a normal client's p99 beside slow ones is under 50 ms", 0 < p99 < BESIDE_BAR and not found.failed))
    return Section(text, bars=bars)


def of_leaks(requests: int, found: leaks.Outcome) -> Section:
    """What is left."""
    ends = ", ".join(f"{name} {count}" for name, count in sorted(found.ends.items()))
    memory = ", ".join(f"{size / 2**20:.1f}" for size in found.memory)
    left = ", ".join(f"{name} {count}" for name, count in found.left.items())
    text = (
        f"## Nothing is left\n\n{requests} requests: {ends}. Left afterwards: {left}. Memory after each fifth: "
        f"{memory} MiB."
    )
    grown = found.memory[-1] / found.memory[1]
    bars = [
        ("nothing is left", not any(found.left.values())),
        ("memory is flat after the first two fifths", grown < 1.03),
    ]
    return Section(text, bars=bars)
