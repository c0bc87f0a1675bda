"""An application that needs the loop for 20 ms per request, offered a multiple of what one loop can do."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import uvloop

from benchmarks.overload.apps import CAPACITY
from benchmarks.overload.client import Record, milliseconds, offer, percentile, probe
from benchmarks.overload.running import serving
from benchmarks.overload.settings import LIMITED, as_options

LOADS = (0.5, 1, 2, 5, 10)
"""Multiples of the capacity."""

WARM_UP = 2.0
"""Seconds of load before the measurement, in which the limit settles."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A server, its additional options, and the path of its health check."""

    server: str
    options: Sequence[str] = ()
    health: str = "/health"


SETTINGS: Mapping[str, Setting] = {
    "esg": Setting("esg", as_options(LIMITED), "/__esg_health__"),
    "esg, off": Setting("esg", ("--health",), "/__esg_health__"),
    "uvicorn": Setting("uvicorn"),
    "granian": Setting("granian"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A server's results under one load; times in milliseconds, None where nothing was answered."""

    goodput: float
    """Answers of 200 a second that came in time, as a share of the capacity."""

    p50: float | None
    p99: float | None
    refused: float
    """Share of requests that got a 503."""

    lost: float
    """Share of requests that got nothing in time."""

    health: float | None
    """The slowest answer to a health probe."""

    health_lost: int
    late: float | None
    """By how much the load was behind at worst: the client's own share of the latencies."""


def measure(name: str, load: float, seconds: float) -> Outcome:
    """Offer that many times the capacity to one of `SETTINGS`."""
    setting = SETTINGS[name]
    with serving(setting.server, setting.options) as port:
        record, probed = uvloop.run(_offer(port, setting.health, load * CAPACITY, seconds))
    served, probes = record.latencies.get(200, []), probed.latencies.get(200, [])
    return Outcome(
        goodput=len(served) / record.elapsed / CAPACITY,
        p50=milliseconds(percentile(served, 0.5)),
        p99=milliseconds(percentile(served, 0.99)),
        refused=record.count(503) / record.total,
        lost=record.lost / record.total,
        health=milliseconds(max(probes, default=None)),
        health_lost=probed.lost,
        late=milliseconds(record.late),
    )


async def _offer(port: int, health: str, rate: float, seconds: float) -> tuple[Record, Record]:
    warming = asyncio.ensure_future(offer(port, "/spin", rate, WARM_UP))
    await asyncio.sleep(WARM_UP)
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    probing = asyncio.ensure_future(probe(port, health, over))
    record = await offer(port, "/spin", rate, seconds)
    over.set_result(None)
    await warming
    return record, await probing


def tables(results: Mapping[str, Mapping[float, Outcome]]) -> list[tuple[str, list[list[str]]]]:
    """For each load a title and lines of a table: server, then its figures."""
    loads = sorted({load for outcomes in results.values() for load in outcomes})
    return [
        (f"{load:g} times the capacity", [[name, *_cells(results[name][load])] for name in results]) for load in loads
    ]


def _cells(outcome: Outcome) -> list[str]:
    values = asdict(outcome)
    shares = [f"{values[name]:.0%}" for name in ("goodput", "refused", "lost")]
    times = ["-" if values[name] is None else f"{values[name]:.0f}" for name in ("p50", "p99", "health", "late")]
    return [*shares, *times, str(outcome.health_lost)]
