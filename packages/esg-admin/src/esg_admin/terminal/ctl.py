"""Runs `esg ctl`: one question or action, and its answer as text for people or as JSON for scripts.

Knows the paths of the admin address and how its documents read; neither sockets nor the command line.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from esg_admin.terminal.client import Client, Refused
from esg_admin.terminal.writing import age, duration, printable, size
from esg_core.admin.contracts import Action

ACTIONS: Mapping[str, Action] = {
    "restart": Action.RESTART,
    "add": Action.ADD,
    "remove": Action.REMOVE,
    "drain": Action.DRAIN,
    "reopen": Action.REOPEN,
}


def run(client: Client, what: str, as_json: bool) -> list[str]:
    """Do it; returns the lines to print. Raises `CommandError`; see `refused()` for what to print then."""
    if what in ACTIONS:
        content = client.post(f"/{ACTIONS[what].value}")
        return [to_json(content)] if as_json else [f"{what}: accepted"]
    content = client.get(f"/{what}") if what in ASKED else client.stats()
    document = content["workers"] if what == "workers" else content
    return [to_json(document)] if as_json else WRITTEN[what](document)


def refused(error: Refused) -> list[str]:
    """What a script gets on standard output when the server refuses: its document, if it has sent one."""
    return [] if error.content is None else [to_json(error.content)]


def to_json(content: Any) -> str:
    """One line."""
    return json.dumps(content, separators=(",", ":"))


def _stats(content: Mapping[str, Any]) -> list[str]:
    """A name and a value a line; what is of several values has a name for each."""
    pairs = list(_pairs("", {name: value for name, value in content.items() if name != "workers"}))
    pairs.append(("workers", len(content["workers"])))
    width = max(len(name) for name, _ in pairs)
    return [f"{printable(name):{width}}  {printable(value)}" for name, value in pairs]


def _pairs(prefix: str, content: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _pairs(f"{prefix}{name}.", value)
        elif name not in ("latency_bounds", "latency_counts"):
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _workers(content: Sequence[Mapping[str, Any]]) -> list[str]:
    return _table(
        ("worker", "state", "running", "queued", "connections", "websockets", "lag", "memory", "age", "pid"),
        [
            (
                *(one[name] for name in ("worker", "state", "running", "queued", "connections", "websockets")),
                duration(one["lag"]),
                size(one["memory"]),
                age(one["age"]),
                one["pid"],
            )
            for one in content
        ],
    )


def _requests(content: Mapping[str, Any]) -> list[str]:
    names = ("worker", "method", "path", "protocol", "client", "id")
    running = [
        (duration(one.get("seconds")), one.get("phase"), *map(one.get, names)) for one in content.get("running", ())
    ]
    ended = [
        (duration(one.get("seconds")), one.get("reason"), *map(one.get, names)) for one in content.get("ended", ())
    ]
    return [
        *_table(("running", "phase", *names), running),
        "",
        *_table(("ended", "reason", *names), ended),
        *_silent(content),
    ]


def _stacks(content: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for process in content.get("processes", ()):
        for kind in ("thread", "task"):
            for one in process.get(f"{kind}s", ()):
                found.append(
                    f"worker {process.get('worker')} (process {process.get('pid')}), {kind} {one.get('name')}:"
                )
                found += [f"  {line}" for line in str(one.get("stack", "")).splitlines()]
                found.append("")
    return [*map(printable, found), *_silent(content)]


def _silent(content: Mapping[str, Any]) -> list[str]:
    return [
        f"worker {printable(one.get('worker'))} (process {printable(one.get('pid'))}) has not answered"
        for one in content.get("silent", ())
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as what is in them, two spaces apart."""
    cells = [heads, *([printable("-" if cell in (None, "") else cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


WRITTEN: Mapping[str, Callable[[Any], list[str]]] = {
    "stats": _stats,
    "workers": _workers,
    "stacks": _stacks,
    "requests": _requests,
}
"""How each document reads."""

ASKED = ("stacks", "requests")
"""Documents with a path of their own name, but for that of `/stats`, whose workers are a part of it."""
