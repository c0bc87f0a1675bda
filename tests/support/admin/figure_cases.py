"""One table of figures, which the page in JavaScript and the terminal in Python must both get right."""

import json
from pathlib import Path
from typing import Any

from esg_core.admin.contracts import Stats
from tests.support.admin.source import totals

CASES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

WRITTEN: list[tuple[str, float | None, str]] = [(name, value, text) for name, value, text in CASES["written"]]
"""Function, as the page calls it; value; text."""

QUANTILES: dict[str, dict[str, Any]] = {case["name"]: case for case in CASES["quantiles"]}
DOCUMENTS: dict[str, dict[str, Any]] = {case["name"]: case for case in CASES["documents"]}

SHARES = [0.5, 0.9]
"""The quantiles that the cases of documents expect."""


def stats_of(case: dict[str, Any]) -> list[Stats]:
    """The documents of a case, whole."""
    return [_stats(**one) for one in case["stats"]]


def _stats(*, uptime: float, requests: int, latency: list[int], workers: list[Any], pid: int = 70) -> Stats:
    return {
        "version": "0.2.0",
        "pid": pid,
        "started_at": 1.5e9,
        "uptime": uptime,
        "is_ready": True,
        "is_draining": False,
        "options": {},
        "versions": {},
        "totals": {**totals(requests), "latency_bounds": [1, 2], "latency_counts": latency},
        "workers": [
            {
                "worker": number,
                "pid": process,
                "state": "ready",
                "age": 1.0,
                "heartbeat_age": None,
                "requests_total": 0,
                "running": 0,
                "queued": 0,
                "connections": 0,
                "websockets": 0,
                "busy_seconds_total": busy,
                "lag": 0.0,
                "memory": 0,
            }
            for number, process, busy in workers
        ],
    }
