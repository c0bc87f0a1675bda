"""One server to measure: started on its core, asked until it answers, stopped with all its descendants.

It knows processes and one HTTP request, but neither rows nor results. What a server writes goes to a file, the same for
all servers; its last line explains a failure.
"""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import proc
from benchmarks.loads import NoResult
from benchmarks.rows import Question
from benchmarks.servers import SERVERS, Certificate, Launch

_ROOT = Path(__file__).parent.parent
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0

ANSWER_SECONDS = 20.0
"""Seconds in which a server must give all answers that it is asked for before a load."""


class ServerError(Exception):
    """A server did not start, gave a wrong answer, or died."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the server runs, and where the load does."""

    server: int
    load: int
    others: tuple[int, ...] = ()
    """For additional workers of a server."""

    @classmethod
    def choose(cls) -> "Cores":
        """The last two cores that this process may use, and the others; exits where there is only one."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            sys.exit("benchmarks need two cores: one for the server, one for the load")
        *others, load, server = cores
        return cls(server, load, tuple(others))

    def of_workers(self, workers: int) -> set[int]:
        """A core for each worker, as far as there are enough."""
        return {self.server, *self.others[: workers - 1]}

    @property
    def pin_load(self) -> list[str]:
        """The beginning of a load's command line."""
        return ["taskset", "-c", str(self.load)]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that has answered once."""

    process: "subprocess.Popen[bytes]"
    launch: Launch
    log: Path
    first_answer: float
    """Seconds from the start of the process to its first response."""
    start_cpu_ns: int
    """What all its processes have used of the CPU by then."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.launch.tls else 'http'}://127.0.0.1:{self.launch.port}/"

    def pids(self) -> list[int]:
        """The process and its descendants; raises `ServerError` when the process has ended."""
        if self.process.poll() is not None:
            raise ServerError(f"exited with {self.process.returncode}: {_last_line(self.log)}")
        return proc.tree(self.process.pid)


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def make_certificate(directory: Path) -> Certificate:
    """A self-signed certificate (P-256) for 127.0.0.1, made with the openssl command."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(["openssl", "req", "-x509", *kind, *name, *files], check=True, capture_output=True)
    return made


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of a run share."""

    cores: Cores
    python: str = sys.executable
    """The interpreter that the servers run on."""

    @contextlib.contextmanager
    def start(self, server: str, launch: Launch, question: Question, options: Sequence[str] = ()) -> Iterator[Running]:
        """Start a server, a core for each worker, and wait until it answers the question; stop all of it at the end.

        `options` are appended to its command.
        """
        cores = self.cores.of_workers(launch.workers or 1)
        command = ["taskset", "-c", ",".join(map(str, cores)), self.python, *SERVERS[server](launch), *options]
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "server.log"
            with log.open("wb") as output:
                began = time.perf_counter()
                process = subprocess.Popen(
                    command, cwd=_ROOT, env=_environment(), stdout=output, stderr=output, start_new_session=True
                )
            try:
                _wait_for_listener(process, launch.port, log)
                ask(launch, question)
                seconds, family = time.perf_counter() - began, proc.tree(process.pid)
                running = Running(process, launch, log, seconds, proc.cpu_ns(family))
                if not proc.pinned_to(running.pids(), cores):
                    raise ServerError("it did not stay on its core")
                yield running
            finally:
                stop(process)


def _environment() -> dict[str, str]:
    """Without settings for the interpreter: not writing byte code would slow down ESG, which is installed editable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(_ROOT)}


def _wait_for_listener(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            raise ServerError(f"exited with {process.returncode}: {_last_line(log)}")
        time.sleep(0.002)
    raise ServerError(f"did not listen within {_START_SECONDS:.0f} s: {_last_line(log)}")


def ask(launch: Launch, question: Question, times: int = 1) -> None:
    """Send that many requests on one connection, within `ANSWER_SECONDS` in total.

    Raises `ServerError` unless each answer is 200 with the right body, and `NoResult` when the time runs out.
    """
    if launch.http2:
        _ask_over_http2(launch, question, times)
        return
    seconds = ANSWER_SECONDS
    deadline = time.monotonic() + seconds
    with contextlib.closing(_connection(launch, seconds)) as connection:
        for _ in range(times):
            try:
                connection.request(question.method, question.path, question.body, dict(question.fields))
                response = connection.getresponse()
                body = response.read()
            except TimeoutError as error:
                raise NoResult(seconds) from error
            except (OSError, http.client.HTTPException) as error:
                raise ServerError(f"no answer: {error!r}") from error
            if response.status != 200 or body != question.answer:
                raise ServerError(f"wrong answer: {response.status}, {len(body)} bytes beginning {body[:40]!r}")
            if time.monotonic() > deadline:
                raise NoResult(seconds)


def _ask_over_http2(launch: Launch, question: Question, times: int) -> None:
    """With nghttp, which finds HTTP/2 by ALPN, and in cleartext by prior knowledge; its requests have no fields."""
    with tempfile.NamedTemporaryFile() as posted:
        posted.write(question.body or b"")
        posted.flush()
        data = [f"--data={posted.name}"] if question.body else []
        url = f"{'https' if launch.tls else 'http'}://127.0.0.1:{launch.port}{question.path}"
        command = ["nghttp", f"--multiply={times}", *data, url]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=ANSWER_SECONDS)
        except FileNotFoundError as error:
            raise ServerError("nghttp is not installed: see benchmarks/README.md") from error
        except subprocess.TimeoutExpired as error:
            raise NoResult(ANSWER_SECONDS) from error
    if done.returncode != 0:
        raise ServerError(f"no answer: {done.stderr.decode(errors='replace').strip()[-200:]}")
    if not _is_mixed(done.stdout, question.answer, times):
        raise ServerError(f"wrong answer: {len(done.stdout)} bytes beginning {done.stdout[:40]!r}")


def _is_mixed(data: bytes, answer: bytes, times: int) -> bool:
    """Whether the bytes are those of that many answers, however the answers are interleaved."""
    right = all(data.count(byte) == times * answer.count(byte) for byte in set(answer))
    return right and len(data) == times * len(answer)


def _connection(launch: Launch, seconds: float) -> http.client.HTTPConnection:
    if launch.tls is None:
        return http.client.HTTPConnection("127.0.0.1", launch.port, timeout=seconds)
    context = ssl.create_default_context(cafile=launch.tls.certificate)
    return http.client.HTTPSConnection("127.0.0.1", launch.port, timeout=seconds, context=context)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the server to end, then kill what is left of its process group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
