"""Starts the servers of a comparison, lets one run at a time, and reads what a load has cost it."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import proc
from benchmarks.apps import HELLO, HUGE
from benchmarks.fairness.app import ANSWER
from benchmarks.loads import NoResult
from benchmarks.processes import Bench, Running, ServerError, free_port
from benchmarks.rows import Question
from benchmarks.servers import Certificate, Launch

IDLE = "idle"
"""The load whose figure is memory."""

ROOT = Path(__file__).parents[2]

PATIENCE = 120.0
"""Seconds that a client may take for its work."""

KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept."""

_ANSWERS = {"benchmarks.apps:hello": HELLO, "benchmarks.apps:huge": HUGE, "benchmarks.fairness.app:app": ANSWER}


class Failed(Exception):
    """There is no figure."""


@contextlib.contextmanager
def fleet(bench: Bench, servers: Sequence[str], app: str, certificate: Certificate) -> Iterator[dict[str, Running]]:
    """The servers by name, all of them stopped by a signal."""
    with contextlib.ExitStack() as stack:
        started = {}
        for server in servers:
            launch = Launch(app, free_port(), tls=certificate, http3=True, keep_alive=KEEP_ALIVE)
            running = stack.enter_context(bench.start(server, launch, Question(_ANSWERS[app])))
            started[server] = running
            stack.callback(send_signal, running, signal.SIGCONT)
            send_signal(running, signal.SIGSTOP)
        yield started


def measure(bench: Bench, running: Running, name: str) -> float:
    """Run a load once: microseconds of CPU that a piece of its work costs, or bytes of memory; raises `Failed`."""
    send_signal(running, signal.SIGCONT)
    try:
        with _client(bench, name, running.launch.port) as client:
            before = proc.cpu_ns(running.pids()), proc.memory(running.pids())["Pss"]
            done = int(_answer(client))
            after = proc.cpu_ns(running.pids()), proc.memory(running.pids())["Pss"]
        if not done:
            raise Failed("nothing was done")
        return (after[1] - before[1]) / done if name == IDLE else (after[0] - before[0]) / 1000 / done
    except (ServerError, NoResult, OSError, ValueError) as error:
        raise Failed(str(error)) from error
    finally:
        send_signal(running, signal.SIGSTOP)


def send_signal(running: Running, number: signal.Signals) -> None:
    """Send a signal to all processes of a server; one that has ended is left alone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.process.pid, number)


@contextlib.contextmanager
def _client(bench: Bench, name: str, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [*bench.cores.pin_load, sys.executable, "-m", "benchmarks.http3.loads", name, str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            if _line(process) != "ready":
                raise Failed("the client was not ready")
            yield process
        finally:
            process.kill()


def _answer(client: "subprocess.Popen[str]") -> str:
    assert client.stdin is not None
    client.stdin.write("\n")
    client.stdin.flush()
    return _line(client)


def _line(client: "subprocess.Popen[str]") -> str:
    """The next line that the client writes; raises `Failed` with what it has to say if there is none."""
    assert client.stdout is not None
    assert client.stderr is not None
    if not select.select([client.stdout], [], [], PATIENCE)[0]:
        raise Failed(f"no result in {PATIENCE:g} s")
    line = client.stdout.readline().strip()
    if not line:
        raise Failed((client.stderr.read().strip().splitlines() or ["the client has ended"])[-1])
    return line
