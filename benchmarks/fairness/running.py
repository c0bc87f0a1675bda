"""Starts all servers of a comparison on one core, and runs one at a time while an innocent client is watched."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.fairness.app import ANSWER
from benchmarks.fairness.attacker import ANSWERS_WITHIN, MOST_SECONDS, REFUSED, SILENT
from benchmarks.fairness.attacks import (
    HTTP2,
    HTTP3,
    SEEN_OVER_HTTP3,
    TLS,
    WEBSOCKET,
    WEBSOCKET_OVER_HTTP2,
    Attack,
)
from benchmarks.fairness.innocent import Waits, connect, watch
from benchmarks.loads import NoResult
from benchmarks.processes import Bench, Running, ServerError, free_port
from benchmarks.rows import Question
from benchmarks.servers import Certificate, Launch

ROOT = Path(__file__).parents[2]

BEFORE, AFTER = 0.1, 0.5
"""Seconds for which the innocent client is watched before the attack, and after all of it has been sent."""

PREPARED = 20.0
"""Seconds within which an attack must be ready."""


class NotSpoken(Exception):
    """The server does not speak the protocol of the attack."""


class Settings:
    """How servers are started for a protocol."""

    def __init__(self, bench: Bench, protocol: str, certificate: Certificate) -> None:
        self.bench = bench
        self._protocol = protocol
        self._certificate = certificate

    def launch(self) -> Launch:
        """What one server is started for."""
        protocol = self._protocol
        return Launch(
            "benchmarks.fairness.app:app",
            free_port(),
            tls=self._certificate if protocol in (TLS, HTTP3, SEEN_OVER_HTTP3) else None,
            websocket=protocol in (WEBSOCKET, WEBSOCKET_OVER_HTTP2, HTTP3, SEEN_OVER_HTTP3),
            http2=protocol in (HTTP2, WEBSOCKET_OVER_HTTP2),
            http3=protocol in (HTTP3, SEEN_OVER_HTTP3),
        )


@contextlib.contextmanager
def fleet(settings: Settings, servers: Sequence[str]) -> Iterator[dict[str, Running | str]]:
    """The servers by name, all of them stopped by a signal; for one that does not start or answer, the reason."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Running | str] = {}
        for server in servers:
            try:
                running = stack.enter_context(settings.bench.start(server, settings.launch(), Question(ANSWER)))
            except (ServerError, NoResult) as error:
                started[server] = str(error)
                continue
            started[server] = running
            stack.callback(_signal, running, signal.SIGCONT)
            _signal(running, signal.SIGSTOP)
        yield started


def measure(running: Running, attack: Attack) -> Waits:
    """Let this server run, with an innocent client, while it is attacked; raises `NotSpoken`."""
    _signal(running, signal.SIGCONT)
    try:
        with _attacker(attack, running.launch.port) as attacker:
            client = connect(
                running.launch.port, tls=running.launch.tls is not None, http3=attack.protocol == SEEN_OVER_HTTP3
            )
            return watch(client, is_over=attacker.is_over)
    finally:
        _signal(running, signal.SIGSTOP)


def _signal(running: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.process.pid, number)


class _Attacker:
    """A process that attacks some time after `is_over()` is first called."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._begin = time.monotonic() + BEFORE
        self._end = self._begin + MOST_SECONDS + AFTER
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        """Start the attack, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        time.sleep(BEFORE)
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended, or been told to
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        self._process.stdout.readline()
        self._end = min(self._end, time.monotonic() + AFTER)

    def is_over(self) -> bool:
        """Whether the client need not be watched any longer."""
        return time.monotonic() > self._end

    def end(self) -> None:
        """End the process, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        self._thread.join()


@contextlib.contextmanager
def _attacker(attack: Attack, port: int) -> Iterator[_Attacker]:
    command = [sys.executable, "-m", "benchmarks.fairness.attacker", attack.protocol, attack.name, str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            _wait_until_ready(process, attack)
            attacker = _Attacker(process)
            try:
                yield attacker
            finally:
                attacker.end()
        finally:
            process.kill()


def _wait_until_ready(process: "subprocess.Popen[str]", attack: Attack) -> None:
    """The attack has been prepared; raises `NotSpoken` where the server refuses it, `NoResult` if it is silent."""
    assert process.stdout is not None
    timer = threading.Timer(PREPARED, process.kill)
    timer.start()
    is_ready = process.stdout.readline() == "ready\n"
    timer.cancel()
    if not is_ready:
        process.wait()
        if process.returncode == SILENT:
            raise NoResult(ANSWERS_WITHIN)
        raise NotSpoken(attack.protocol) if process.returncode == REFUSED else ServerError("the attacker failed")
