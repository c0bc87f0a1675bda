"""Measures what a server costs without load: its start, its memory, idle CPU, idle connections.

This process opens the connections: each is used once, then left open while the memory is read again. Before
the first reading the server has answered a number of requests, so that what it allocates once is not counted.
"""

import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import proc
from benchmarks.apps import HELLO
from benchmarks.connections import allow_descriptors, readable, used_connection
from benchmarks.processes import Bench, Running, ServerError, ask, free_port
from benchmarks.rows import Question
from benchmarks.servers import Launch

CONNECTIONS = 2000
STARTS = 5
_SETTLE_SECONDS = 1.0
IDLE_SECONDS = 5.0
_WARM_UP_REQUESTS = 500
_KEEP_ALIVE_SECONDS = 75
_APP = "benchmarks.apps:hello"
_QUESTION = Question(HELLO)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a footprint, for people."""

    name: str
    title: str
    digits: int


FIGURES = (
    Figure("first_response_ms", "First response after the start, ms", 0),
    Figure("start_cpu_ms", "CPU until the first response, ms", 0),
    Figure("pss_mib", "Memory of the idle server (PSS), MiB", 1),
    Figure("rss_mib", "Memory of the idle server (RSS), MiB", 1),
    Figure("connection_bytes", "Memory of an idle keep-alive connection, bytes", 0),
    Figure("idle_cpu_us", f"CPU of the idle server in {IDLE_SECONDS:.0f} s, µs", 0),
)


@dataclass(slots=True)
class Footprint:
    """The figures of one server by name, or why there are none."""

    figures: dict[str, float] = field(default_factory=dict)
    failure: str = ""


def measure_footprints(servers: Sequence[str], bench: Bench, many: int = STARTS) -> dict[str, Footprint]:
    """Measure each server, with so many starts, in turns; a failure of one is part of its footprint."""
    allow_descriptors(CONNECTIONS + 500)
    footprints = {server: Footprint() for server in servers}
    starts: dict[str, list[Running]] = {server: [] for server in servers}
    for step in range(many + 1):
        for server, footprint in footprints.items():
            try:
                with bench.start(server, _launch(), _QUESTION) as running:
                    if step == 0:  # modules may have to be compiled: this start does not count
                        footprint.figures |= _idle_figures(running)
                    else:
                        starts[server].append(running)
            except ServerError as error:
                footprint.failure = str(error)
    for server, footprint in footprints.items():
        if started := starts[server]:
            footprint.figures["first_response_ms"] = statistics.median(one.first_answer for one in started) * 1000
            footprint.figures["start_cpu_ms"] = statistics.median(one.start_cpu_ns for one in started) / 1e6
    return footprints


def _launch() -> Launch:
    return Launch(_APP, free_port(), keep_alive=_KEEP_ALIVE_SECONDS)


def _idle_figures(running: Running) -> dict[str, float]:
    time.sleep(_SETTLE_SECONDS)
    family = running.pids()
    memory = proc.memory(family)
    before = proc.cpu_ns(family)
    time.sleep(IDLE_SECONDS)
    idle = proc.cpu_ns(family) - before
    return {
        "pss_mib": memory["Pss"] / 2**20,
        "rss_mib": memory["Rss"] / 2**20,
        "idle_cpu_us": idle / 1000,
        "connection_bytes": _bytes_of_a_connection(running),
    }


def _bytes_of_a_connection(running: Running) -> float:
    ask(running.launch, _QUESTION, _WARM_UP_REQUESTS)
    before = proc.memory(running.pids())["Pss"]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(used_connection(running.launch.port)) for _ in range(CONNECTIONS)]
        after = proc.memory(running.pids())["Pss"]
        if closed := len(readable(clients)):
            raise ServerError(f"closed {closed} of {CONNECTIONS} idle connections")
    return (after - before) / CONNECTIONS
