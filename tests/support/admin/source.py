"""A source of made-up figures: still ones for tables, moving ones for the page."""

import math
import random
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esg_core.admin.contracts import Action, Answer, Question, Stats, Totals, WorkerStats
from esg_core.figures.readings import Exemplar, Family, Histogram, Kind, Reading, Series

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120)

READINGS = (
    Reading(
        Family("esg_http_requests", Kind.COUNTER, "Requests.", ("method", "code")),
        [Series(("GET", "200"), 41.0), Series(("POST", "500"), 1.0)],
    ),
    Reading(
        Family("esg_http_request_duration_seconds", Kind.HISTOGRAM, "Durations.", ("code",), "seconds", (0.1, 1.0)),
        [Series(("2xx",), Histogram((40.0, 2.0, 1.0), 12.5, (None, Exemplar("4bf92f35", 0.7, 1.5e9), None)))],
    ),
    Reading(Family("esg_workers", Kind.GAUGE, "Workers.", ("state",)), [Series(("ready",), 4.0)]),
    Reading(Family("esg_build", Kind.INFO, "Versions.", ("version",)), [Series(("0.2.0",), 1.0)]),
)

RUNNING = {"method": "GET", "path": "/", "protocol": "1.1", "client": "192.0.2.7", "id": "a1", "phase": "application"}
ANSWERS = {
    Question.STACKS: [
        Answer(0, 71, {"threads": [{"name": "MainThread", "stack": "..."}], "tasks": []}),
        Answer(1, 72, None),
    ],
    Question.REQUESTS: [
        Answer(0, 71, {"running": [{**RUNNING, "seconds": 2.5}], "ended": [{**RUNNING, "seconds": 3.0, "at": 5.0}]}),
        Answer(1, 72, None),
        Answer(2, 73, {"running": [{**RUNNING, "seconds": 7.5}], "ended": [{**RUNNING, "seconds": 1.5, "at": 9.0}]}),
    ],
}


def totals(requests: int = 0) -> Totals:
    """All processes together, as they are before anything has happened but some requests."""
    return {
        "requests_total": requests,
        "errors_total": 0,
        "aborted_total": 0,
        "refused_total": {"queue_full": 0},
        "running": 0,
        "queued": 0,
        "limit": None,
        "connections": 0,
        "websockets": 0,
        "h2_streams": 0,
        "h3_streams": 0,
        "memory": 0,
        "latency_bounds": list(BOUNDS),
        "latency_counts": [0] * (len(BOUNDS) + 1),
    }


class StillSource:
    """Its figures never change; it keeps what it was asked and told. See `esg_core.admin.contracts.Source`."""

    def __init__(self) -> None:
        self.is_healthy = True
        self.refusal = ""
        self.acted: list[Action] = []
        self.asked: list[tuple[Question, Callable[[Sequence[Answer]], None]]] = []

    def readings(self) -> Sequence[Reading]:
        return READINGS

    def stats(self) -> Stats:
        return {
            "version": "0.2.0",
            "pid": 70,
            "started_at": 1.5e9,
            "uptime": 12.0,
            "is_ready": self.is_healthy,
            "is_draining": False,
            "options": {"workers": 4},
            "versions": {"python": "3.11"},
            "totals": totals(42),
            "workers": [],
        }

    def is_ready(self) -> bool:
        return self.is_healthy

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        self.asked.append((question, answered))

    def answer(self) -> None:
        """Answer what was asked first."""
        question, answered = self.asked.pop(0)
        answered(ANSWERS[question])

    def act(self, action: Action, done: Callable[[str], None]) -> None:
        self.acted.append(action)
        done(self.refusal)


PATHS = ("/api/orders/18", "/api/search", "/reports/2026/annual.pdf", "/", "/api/v1/completions", "/upload")


class MovingSource(StillSource):
    """A server with four workers under a load that swells and ebbs, from some minutes ago on."""

    def __init__(self, workers: int = 4, seed: int = 7) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._began = time.time()
        self._second = 0
        self._totals = totals(1_843_200)
        refused = {"queue_full": 1204, "queue_timeout": 87, "saturated": 0, "draining": 12}
        self._totals.update({"limit": 400, "errors_total": 311, "aborted_total": 95, "refused_total": refused})
        self._workers = [self._worker(number) for number in range(workers)]

    def stats(self) -> Stats:
        self._move()
        return {
            **super().stats(),
            "started_at": self._began,
            "uptime": 273_815.0 + self._second,
            "options": {"workers": 4, "limit_concurrency": 400, "admin": "127.0.0.1:9099", "access_log": False},
            "versions": {"python": "CPython 3.11.2", "esg-core": "0.2.0", "esg-http": "0.2.0", "uvloop": "0.21.0"},
            "totals": self._totals,
            "workers": self._workers,
        }

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        """Answers at once: the last worker is silent."""
        self._random.seed(self._second)
        answers = [Answer(one["worker"], one["pid"], self._requests()) for one in self._workers[:-1]]
        last = self._workers[-1]
        answered([*answers, Answer(last["worker"], last["pid"], None)])

    def _move(self) -> None:
        """One second passes."""
        self._second += 1
        load = 0.55 + 0.3 * math.sin(self._second / 17) + 0.08 * math.sin(self._second / 3.1)
        for worker in self._workers:
            share = min(0.99, load * self._random.uniform(0.85, 1.15) * (1.2 if worker["worker"] == 2 else 1))
            count = round(900 * share)
            worker["requests_total"] += count
            worker["running"] = round(60 * share)
            worker["queued"] = max(0, round(40 * (share - 0.85)))
            worker["busy_seconds_total"] += share
            worker["lag"] = 0.0004 + 0.02 * share**6
            worker["memory"] = (118 + 3 * worker["worker"]) * 2**20 + round(9e6 * share)
            worker["connections"] = round(180 * (0.7 + share / 3))
            worker["heartbeat_age"] = self._random.uniform(0, 2)
            worker["age"] += 1
            self._count(count, share)
        for name in ("running", "queued", "connections", "websockets", "memory"):
            self._totals[name] = sum(worker[name] for worker in self._workers)

    def _count(self, count: int, share: float) -> None:
        self._totals["requests_total"] += count
        self._totals["errors_total"] += share > 0.9
        self._totals["aborted_total"] += self._random.random() < 0.2
        self._totals["refused_total"]["queue_full"] += 3 * (share > 0.93)
        for _ in range(count):
            duration = self._random.lognormvariate(math.log(0.008 + 0.02 * share**3), 0.9)
            self._totals["latency_counts"][bisect_left(BOUNDS, duration)] += 1

    def _worker(self, number: int) -> WorkerStats:
        return {
            "worker": number,
            "pid": 4211 + 3 * number,
            "state": "draining" if number == 3 else "ready",
            "age": 273_810.0 - 80_000 * number,
            "heartbeat_age": 0.4,
            "requests_total": 460_800,
            "running": 0,
            "queued": 0,
            "connections": 0,
            "websockets": 12 + number,
            "busy_seconds_total": 90_000.0,
            "lag": 0.0,
            "memory": 0,
        }

    def _requests(self) -> Mapping[str, Any]:
        pick = self._random.choice
        running = [self._request(seconds=self._random.expovariate(0.4), phase=pick(("application", "response body")))]
        running += [self._request(seconds=self._random.expovariate(0.9), phase="application") for _ in range(4)]
        ended = [
            self._request(seconds=2.31, status=200, reason="slow", at=time.time() - 8),
            self._request(seconds=0.042, status=500, reason="failed", at=time.time() - 71),
            self._request(seconds=11.4, status=None, reason="aborted", at=time.time() - 640),
        ]
        return {"running": running, "ended": ended}

    def _request(self, **fields: Any) -> Mapping[str, Any]:
        pick = self._random.choice
        client = f"198.51.100.{self._random.randrange(250)}"
        identity = f"{self._random.getrandbits(64):016x}"
        common = {"method": pick(("GET", "GET", "POST")), "path": pick(PATHS), "protocol": pick(("1.1", "2"))}
        return {**common, "client": client, "id": identity, **fields}
