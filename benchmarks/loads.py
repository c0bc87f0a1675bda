"""The load generators: one run of a program against a URL, and its figures.

A load is anything that fits `Load`; the rows choose one. Each parses the output of its own program, which nothing else
knows. A load fails (`LoadError`) when answers were not successes: a fast error is no result.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

EXTRA_SECONDS = 20.0
"""Seconds that a load may take beyond its time, to connect and to end."""

_SCRIPTS = Path(__file__).parent / "scripts"
_TOLERATED = 0.01
"""Share of failures that h2load may report: it counts requests that were cut off when a server closed a connection
cleanly, as servers do after a number of requests."""

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class LoadError(Exception):
    """The load could not run, or not every answer was a success."""


class NoResult(LoadError):
    """The server was not done in time, or had answered nothing by then."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no result in {seconds:g} s")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a load has counted in one run."""

    requests: int
    rps: float
    p99_ms: float


class Load(Protocol):
    """A program that sends requests as fast as it can for some seconds."""

    def run(self, url: str, seconds: int, pin: Sequence[str]) -> Counted:
        """Load `url` for `seconds`; `pin` is the beginning of its command line.

        Raises `LoadError`, and `NoResult` when nothing was answered or it has not ended `EXTRA_SECONDS` after its time.
        """


@dataclass(frozen=True, slots=True)
class Wrk:
    """wrk: keep-alive connections of HTTP/1.1, one request at a time on each.

    `requests`, if given, are sent as they are, one after the other over all connections; several in one are a pipeline.
    """

    script: str = ""
    connections: int = 64
    requests: tuple[bytes, ...] = ()

    def run(self, url: str, seconds: int, pin: Sequence[str]) -> Counted:
        """Run wrk with one thread."""
        with tempfile.TemporaryDirectory() as directory:
            files = [Path(directory) / str(number) for number in range(len(self.requests))]
            for file, request in zip(files, self.requests, strict=True):
                file.write_bytes(request)
            name = "cycle.lua" if files else self.script
            script = ["-s", str(_SCRIPTS / name)] if name else []
            command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--latency", *script, url]
            return parse_wrk(_output([*pin, *command, *(["--", *map(str, files)] if files else [])], seconds), seconds)


@dataclass(frozen=True, slots=True)
class H2Load:
    """h2load: HTTP/2, or HTTP/1.1 with `("--h1",)`, with several requests at a time on each connection.

    `headers` names a file of header fields, one per line; `body`, if given, is posted. `paths` are asked for in turn.
    """

    connections: int = 8
    streams: int = 10
    headers: str = ""
    body: bytes = b""
    arguments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ("/",)

    def run(self, url: str, seconds: int, pin: Sequence[str]) -> Counted:
        """Run h2load with one thread."""
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "requests.tsv"
            sizes = [f"-c{self.connections}", f"-m{self.streams}", f"-D{seconds}", f"--log-file={log}"]
            request = [*self._fields(), *self._data(Path(directory) / "body")]
            urls = [url.removesuffix("/") + path for path in self.paths]
            text = _output([*pin, "h2load", "-t1", *sizes, *request, *self.arguments, *urls], seconds)
            return parse_h2load(text, log.read_text(encoding="ascii"), seconds)

    def _fields(self) -> list[str]:
        lines = (_SCRIPTS / self.headers).read_text(encoding="ascii").splitlines() if self.headers else []
        return [f"-H{line}" for line in lines]

    def _data(self, file: Path) -> list[str]:
        if not self.body:
            return []
        file.write_bytes(self.body)
        return [f"-d{file}"]


@dataclass(frozen=True, slots=True)
class WebSocketLoad:
    """Our own client, with one text message of `size` bytes at a time on each connection.

    What counts as a request is a message that comes back.
    """

    size: int
    connections: int = 64
    deflate: bool = False
    broadcast: bool = False

    def run(self, url: str, seconds: int, pin: Sequence[str]) -> Counted:
        """Run `benchmarks.websocket_client`."""
        sizes = [f"--size={self.size}", f"--connections={self.connections}"]
        flags = ["--deflate"] * self.deflate + ["--broadcast"] * self.broadcast
        client = [sys.executable, "-m", "benchmarks.websocket_client", url, str(seconds), *sizes, *flags]
        counted = json.loads(_output([*pin, *client], seconds))
        return Counted(counted["messages"], counted["messages"] / counted["seconds"], counted["p99_ms"])


def _output(command: list[str], seconds: int) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + EXTRA_SECONDS, check=True)
    except FileNotFoundError as error:
        raise LoadError(f"{error.filename} is not installed: see benchmarks/README.md") from error
    except subprocess.TimeoutExpired as error:
        raise NoResult(seconds + EXTRA_SECONDS) from error
    except subprocess.CalledProcessError as error:
        raise LoadError(f"the load failed: {(error.stderr or error.stdout).strip()}") from error
    return done.stdout


def parse_wrk(text: str, seconds: float) -> Counted:
    """Read the report that wrk prints with `--latency` after that many seconds."""
    for trouble in (r"Socket errors: (?!connect 0, read 0, write 0, timeout 0).*", r"Non-2xx or 3xx responses: .*"):
        if found := re.search(trouble, text):
            raise LoadError(found[0].strip())
    requests = re.search(r"(\d+) requests in ", text)
    rps = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", text)
    if not (requests and rps and p99):
        raise LoadError("wrk has no report")
    if requests[1] == "0":
        raise NoResult(seconds)
    return Counted(int(requests[1]), float(rps[1]), float(p99[1]) * _UNITS[p99[2]])


def parse_h2load(text: str, log: str, seconds: float) -> Counted:
    """Read h2load's report after that many seconds, and its log: one line per request, with start, status and µs."""
    rps = re.search(r"finished in .*?, ([\d.]+) req/s", text)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, \d+ errored, \d+ timeout", text)
    if not (rps and counts):
        raise LoadError("h2load has no report")
    if int(counts[2]) > _TOLERATED * int(counts[1]):
        raise LoadError(counts[0])
    if counts[1] == "0":
        raise NoResult(seconds)
    latencies = [int(line.split("\t")[2]) for line in log.splitlines()]
    return Counted(int(counts[1]), float(rps[1]), percentile(latencies, 99) / 1000)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
