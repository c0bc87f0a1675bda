"""Evaluates the scenes: tables of what was lost, and the bars that ESG must clear. It measures nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.charts import Bar as ChartBar
from benchmarks.charts import Group, bar_chart
from benchmarks.fleet.balancers import BALANCERS
from benchmarks.fleet.tally import Tally
from benchmarks.report import table

Key = tuple[str, str, str]
"""Scene, balancer, server."""

ABOUT = {
    "replaced": "All three hosts, one after the other: SIGTERM, wait for the end, start. uvicorn and granian have no "
    "delay of their own; an orchestrator that waits before SIGTERM (`preStop`) gives them one.",
    "killed": "One host ended by SIGKILL, and started again after 2 s. What runs there is lost with any server; a "
    "balancer repeats what is safe to repeat.",
    "cut off": "One host stopped by SIGSTOP for 5 s: it accepts, and says nothing.",
    "overloaded": "40 clients beside the balancer keep one host busy for 5 s, with 20 ms of CPU a request. ESG runs at "
    "most 10 requests (`--backpressure-max-limit 10`) and refuses the others with 503, which the balancer repeats.",
}
"""What happens in each scene."""

HEAD = ["server", "answers", "lost", "WebSockets cut", "longest s"]
CUT = "WebSocket: cut"


@dataclass(frozen=True)
class Bar:
    """A promise, and what broke it."""

    text: str
    broken_by: Mapping[str, int]


def bars(found: Mapping[Key, Tally]) -> Iterator[Bar]:
    """What the page of the fleet promises of ESG, for each scene that was played."""
    for (scene, balancer, server), tally in found.items():
        if server == "esg":
            where = f"{scene}, behind {balancer}"
            if scene in ("replaced", "cut off"):
                yield Bar(f"{where}: nothing is lost", tally.lost)
            elif BALANCERS[balancer].repeats:
                kinds = {kind: count for kind, count in tally.lost.items() if kind.startswith("GET")}
                yield Bar(f"{where}: no GET is lost", kinds)


def text(found: Mapping[Key, Tally]) -> str:
    """A section for each scene, with a table for each balancer."""
    return "\n\n".join(_section(scene, found) for scene in dict.fromkeys(scene for scene, _, _ in found))


def charts(found: Mapping[Key, Tally]) -> dict[str, str]:
    """A picture for each scene, by the name of its file: what was lost of 1,000 answers."""
    pictures = {}
    for scene in dict.fromkeys(scene for scene, _, _ in found):
        title = f"{scene.capitalize()}: requests and WebSockets lost, for 1,000 answers (less is better)"
        balancers = dict.fromkeys(key[1] for key in found if key[0] == scene)
        pictures[_file(scene)] = bar_chart(title, [_group(found, scene, balancer) for balancer in balancers])
    return pictures


def _group(found: Mapping[Key, Tally], scene: str, balancer: str) -> Group:
    tallies = {key[2]: tally for key, tally in found.items() if key[:2] == (scene, balancer)}
    return Group(balancer, [ChartBar(server, _share(tally)) for server, tally in tallies.items()], 1)


def _share(tally: Tally) -> float:
    return tally.lost.total() * 1000 / max(1, tally.answered)


def _file(scene: str) -> str:
    return f"{scene.replace(' ', '-')}.svg"


def _section(scene: str, found: Mapping[Key, Tally]) -> str:
    parts = [f"## {scene.capitalize()}", ABOUT[scene], f"![Lost of 1,000 answers]({_file(scene)})"]
    for balancer in dict.fromkeys(key[1] for key in found if key[0] == scene):
        tallies = {key[2]: tally for key, tally in found.items() if key[:2] == (scene, balancer)}
        kinds = [f"* {server}: {_kinds(tally)}" for server, tally in tallies.items() if tally.lost]
        parts += [f"### {balancer}", table(HEAD, [_line(*each) for each in tallies.items()]), "\n".join(kinds)]
    return "\n\n".join(part for part in parts if part)


def _line(server: str, tally: Tally) -> list[str]:
    cut = tally.lost[CUT]
    return [server, str(tally.answered), str(tally.lost.total() - cut), str(cut), f"{tally.longest:.1f}"]


def _kinds(tally: Tally) -> str:
    return ", ".join(f"{kind} ({count})" for kind, count in tally.lost.most_common())
