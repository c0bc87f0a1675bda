"""Runs the rounds: row by row, and within a row server after server, again and again.

Each measurement has a fresh server. Its CPU time is read right before and right after the load, and divided by the
requests that the load has counted. A server that fails loses only that round; one that is not done in time is not tried
again in the row. The failure is part of its outcome.
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import proc
from benchmarks.loads import LoadError, NoResult
from benchmarks.processes import Bench, Running, ServerError, ask, free_port, make_certificate
from benchmarks.results import Outcome, Results, Sample
from benchmarks.rows import ROWS, Row
from benchmarks.servers import Certificate, Launch

_WARM_UP_REQUESTS = 500
_WARM_UP_BYTES = 32 << 20
"""Bytes of all answers before a load: large ones are requested less often."""

_LOG_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows and servers, how many rounds, how many seconds of load in each."""

    rows: Sequence[str]
    servers: Sequence[str]
    rounds: int
    seconds: int


def run_rounds(plan: Plan, bench: Bench, rows: Mapping[str, Row] = ROWS) -> Results:
    """Measure everything of the plan; progress goes to standard error."""
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory))
        return {name: _run_row(rows[name], plan, bench, certificate) for name in plan.rows}


def _run_row(row: Row, plan: Plan, bench: Bench, certificate: Certificate) -> dict[str, Outcome]:
    outcomes = {server: Outcome() for server in plan.servers if server in row.servers}
    slow = set()
    for number in range(1, plan.rounds + 1):
        for server, outcome in outcomes.items():
            if server in slow:
                continue
            _progress(f"{row.title}: round {number} of {plan.rounds}, {server}")
            try:
                with bench.start(server, launch_for(row, certificate), row.question) as running:
                    outcome.samples[number] = _measure(running, row, plan.seconds, bench)
            except NoResult as error:
                slow.add(server)
                outcome.failures.append(f"round {number}: {error}, not tried again")
            except (ServerError, LoadError) as error:
                outcome.failures.append(f"round {number}: {error}")
    _progress("")
    return outcomes


def launch_for(row: Row, certificate: Certificate) -> Launch:
    """How a server is started for a row, on a free port."""
    tls = certificate if row.tls else None
    return Launch(row.app, free_port(), row.access_log, tls, row.websocket, row.http2, wsgi=row.wsgi)


def _measure(running: Running, row: Row, seconds: int, bench: Bench) -> Sample:
    asked = min(_WARM_UP_REQUESTS, _WARM_UP_BYTES // len(row.question.answer))
    ask(running.launch, row.question, asked)
    family = running.pids()
    before = proc.cpu_ns(family)
    counted = row.load.run(running.url, seconds, bench.cores.pin_load)
    if row.access_log:
        _wait_for_log(running, counted.requests + asked)
    if running.pids() != family:
        raise ServerError("its processes changed during the load")
    used = proc.cpu_ns(family) - before
    return Sample(used / counted.requests / 1000, counted.rps, counted.p99_ms)


def _wait_for_log(running: Running, requests: int) -> None:
    """Lines that are written late are part of the cost; an access log that loses lines does not count."""
    deadline = time.monotonic() + _LOG_SECONDS
    while (lines := running.log.read_bytes().count(b"\n")) < requests:
        if time.monotonic() > deadline:
            raise ServerError(f"its access log has {lines} lines for {requests} requests")
        time.sleep(0.05)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
