"""Starts a server for an experiment, on its own core, and stops it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.processes import Cores, ServerError, free_port, stop
from benchmarks.servers import SERVERS, Launch

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 15.0
_CORES = Cores.choose()


@contextlib.contextmanager
def serving(server: str, options: Sequence[str] = ()) -> Iterator[int]:
    """The port of a server of the table that serves the application of the experiments."""
    launch = Launch("benchmarks.overload.apps:app", free_port())
    with _running([*SERVERS[server](launch), *options], launch.port):
        yield launch.port


@contextlib.contextmanager
def observed(settings: Mapping[str, object]) -> Iterator[int]:
    """The port of an ESG with these settings that reports its figures; see `observed.py`."""
    port = free_port()
    with _running(["-m", "benchmarks.overload.observed", str(port), json.dumps(dict(settings))], port):
        yield port


@contextlib.contextmanager
def _running(words: Sequence[str], port: int) -> Iterator[None]:
    command = ["taskset", "-c", str(_CORES.server), sys.executable, *words]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for_listener(process, port)
        yield
    finally:
        stop(process)  # with its workers: what they have accepted would take them minutes


def _wait_for_listener(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise ServerError(f"{process.args!r} does not listen; exit code {process.poll()}")
