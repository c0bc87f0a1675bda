"""U-6: real gunicorn, with ESG in its workers."""

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.behaviour.board import counted, published
from tests.support.behaviour.lifecycle import Clock, closes_in_time, free_port, get, request
from tests.support.certificates import CA
from tests.support.e2e.leaving import Case, leave_all, missing
from tests.support.e2e.server import PATIENCE, ROOT, Program
from tests.support.e2e.wire import ask

APP = "tests.e2e.apps.deployed:app"
ESG, H11 = "esg.workers.ESGWorker", "esg.workers.ESGH11Worker"
OURS = "tests.e2e.apps.deployed"


class Gunicorn(Program):
    """Gunicorn with one worker, unless the options say otherwise, on a free port of the loopback."""

    def __init__(self, worker: str, *options: str, app: str = APP, env: dict[str, str] | None = None) -> None:
        self.port = free_port()
        listen = () if "-b" in options else ("-b", f"127.0.0.1:{self.port}")
        command = (sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", worker, *listen, *options, app)
        super().__init__(*command, env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def ask(self, path: str = "/", *fields: str) -> str:
        """The body of a response, over a new connection."""
        head = "\r\n".join((f"GET {path} HTTP/1.1", "host: esg", *fields))
        with self.connect() as connection:
            response = ask(connection, f"{head}\r\n\r\n".encode())
        assert response.status == 200
        return response.body.decode()


@contextmanager
def running(worker: str, *options: str, **more: Any) -> Iterator[Gunicorn]:
    """Gunicorn whose first worker serves; no process is left afterwards, whatever happens."""
    with Gunicorn(worker, *options, **more) as program:
        try:
            program.wait_for("running on")
            yield program
        finally:
            if program.process.poll() is None:
                assert program.stop(signal.SIGQUIT) == 0


@pytest.fixture(scope="module", params=[ESG, H11])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gunicorn, Path]]:
    """Gunicorn, and its access log."""
    log = tmp_path_factory.mktemp("gunicorn") / "access.log"
    with running(request.param, "--access-logfile", str(log)) as program:
        yield program, log


def test_each_worker_has_its_packages(site: tuple[Gunicorn, Path]) -> None:
    program, _ = site
    program.wait_for("with (uvloop, httptools|asyncio, h11), websockets")
    assert httpx.get(program.url).headers["server"] == "esg"


def test_access_log_is_gunicorns(site: tuple[Gunicorn, Path]) -> None:
    """In gunicorn's file and format; USR1 reopens it."""
    program, log = site
    line = r'127\.0\.0\.1 - - \[[^]]+\] "GET /\?a HTTP/1\.1" 200 \d+ "there" "me"\n'

    def is_logged() -> bool:
        program.ask("/?a", "user-agent: me", "referer: there")
        return log.exists() and re.search(line, log.read_text()) is not None

    wait_until(is_logged)
    log.rename(log.with_suffix(".old"))
    program.process.send_signal(signal.SIGUSR1)
    wait_until(is_logged)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_that_esg_has(site: tuple[Gunicorn, Path]) -> None:
    """Extensions, denial responses, compression, pings: what gunicorn's own ASGI worker lacks."""
    program, _ = site
    assert {"http.response.early_hint", "http.response.trailers", "http.response.pathsend", "esg.shutdown"} <= set(
        json.loads(program.ask("/who", "te: trailers"))["extensions"]
    )
    with connect(program.url.replace("http", "ws")) as client:
        assert client.response is not None
        assert "permessage-deflate" in client.response.headers["sec-websocket-extensions"]
        assert "websocket.http.response" in json.loads(client.recv())["extensions"]
        client.send("hello")
        assert client.recv() == "HELLO"
    with pytest.raises(InvalidStatus) as refused, connect(f"{program.url.replace('http', 'ws')}/denied"):
        pass
    assert (refused.value.response.status_code, refused.value.response.body) == (418, b"no coffee")


@pytest.mark.parametrize("worker", [ESG, H11])
def test_h16_streams_end_when_their_clients_leave(worker: str) -> None:
    """H-16, H-21: and the worker's stop does not wait for them."""
    cases = [Case("1.1", phase, way) for phase in ("idle", "tokens", "stuck") for way in ("close", "reset")]
    with running(worker, "--graceful-timeout", "2", app="tests.e2e.apps.leaving.starlette_app:app") as program:
        leave_all(program, cases)
        assert missing(program, cases, lambda _: ("ended", "background"), 5) == []
        clock = Clock()
        assert program.stop() == 0
        assert clock.seconds < 5
        assert "Traceback" not in program.output


def test_hup_loses_no_request(site: tuple[Gunicorn, Path]) -> None:
    """New workers serve before the old ones drain; answers come from both."""
    program, _ = site
    old, lines = program.ask(), len(program.lines)
    with ThreadPoolExecutor(1) as pool:
        renewed = pool.submit(program.wait_for, "running on", after=lines)
        program.process.send_signal(signal.SIGHUP)
        answers = [program.ask()]
        while not renewed.done():
            answers.append(program.ask())
    assert len({old, *answers, program.ask()}) == 2


def test_ttin_and_ttou(site: tuple[Gunicorn, Path]) -> None:
    program, _ = site
    lines = len(program.lines)
    program.process.send_signal(signal.SIGTTIN)
    program.wait_for("running on", after=lines)
    lines = len(program.lines)
    program.process.send_signal(signal.SIGTTOU)
    program.wait_for("Worker exiting", after=lines)
    assert program.ask()


@pytest.mark.parametrize("worker", [ESG, H11])
def test_term_lets_requests_finish(worker: str) -> None:
    with running(worker) as program, program.connect() as slow, program.connect() as idle:
        assert get(idle).status == 200
        slow.sendall(request("/sleep?0.6"))
        program.wait_for("sleeping")
        with ThreadPoolExecutor(1) as pool:
            response = pool.submit(slow.recv, 4096)
            assert program.stop() == 0
            assert response.result().startswith(b"HTTP/1.1 200")
        assert "shutdown" in program.lines


@pytest.mark.parametrize("worker", [ESG, H11])
def test_graceful_timeout(worker: str) -> None:
    """Requests that run longer are cancelled early enough for the application to shut down before gunicorn kills it."""
    with running(worker, "--graceful-timeout", "2") as program, program.connect() as slow:
        slow.sendall(request("/sleep?60"))
        program.wait_for("sleeping")
        assert program.stop() == 0
        assert "Cancelling 1 running requests" in program.output
        assert "shutdown" in program.lines
        assert "SIGKILL" not in program.output


def test_quit_ends_at_once() -> None:
    with running(ESG) as program, program.connect() as slow:
        slow.sendall(request("/sleep?60"))
        program.wait_for("sleeping")
        clock = Clock()
        assert program.stop(signal.SIGQUIT) == 0
        assert clock.seconds < 5
        assert "exited with code" not in program.output


@pytest.mark.slow
def test_max_requests_renews_workers_without_loss() -> None:
    with running(ESG, "--max-requests", "10", "-w", "2") as program:
        assert len({program.ask() for _ in range(100)}) > 3
        assert "Limit of 10 requests reached" in program.output
        assert "exited with code" not in program.output


@pytest.mark.slow
def test_keep_alive() -> None:
    with running(ESG, "--keep-alive", "1") as program, program.connect() as connection:
        assert get(connection).header("connection") is None
        assert closes_in_time(connection, 3)


@pytest.mark.slow
def test_no_keep_alive_at_all() -> None:
    with running(ESG, "--keep-alive", "0") as program, program.connect() as connection:
        assert get(connection).header("connection") == "close"


@pytest.mark.slow
def test_proxies(tmp_path: Path) -> None:
    """Gunicorn's option names trusted proxies; a UNIX socket is always trusted, as with gunicorn itself."""
    path = tmp_path / "gunicorn.sock"
    forged = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    with running(ESG, "-b", f"unix:{path}", "--forwarded-allow-ips", "10.0.0.1"):
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            facts = client.get("http://esg/who", headers=forged).json()
        assert (facts["client"][0], facts["scheme"]) == ("203.0.113.9", "https")
    with running(ESG, "--forwarded-allow-ips", "10.0.0.1") as program:
        assert httpx.get(f"{program.url}/who", headers=forged).json()["scheme"] == "http"


def test_tls(tmp_path: Path) -> None:
    """Gunicorn's options, with a client certificate."""
    authority = CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server, me = authority.issue_cert("127.0.0.1"), authority.issue_cert("me@example.org", common_name="me")
    for name, certificate in (("server", server), ("me", me)):
        certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
    names = {"certfile": "server.pem", "keyfile": "server.pem", "ca-certs": "ca.pem"}
    files = [word for option, name in names.items() for word in (f"--{option}", str(tmp_path / name))]
    with running(ESG, *files, "--cert-reqs", "2") as program:
        url = program.url.replace("http", "https")
        with httpx.Client(verify=context(tmp_path)) as client:
            facts = client.get(f"{url}/who").json()
        assert (facts["scheme"], "CN=me" in facts["client_cert_name"]) == ("https", True)
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=context(tmp_path, certificate=False))


def context(directory: Path, *, certificate: bool = True) -> Any:
    import ssl

    made = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    if certificate:
        made.load_cert_chain(directory / "me.pem")
    return made


@pytest.mark.slow
def test_heartbeat_knows_a_blocked_loop_from_a_slow_request() -> None:
    """A request may take longer than gunicorn's `timeout`; a loop that is blocked is ended, and the log says where."""
    with running(ESG, "--timeout", "1") as program:
        first = program.ask("/sleep?1.6")
        with program.connect() as connection:
            connection.sendall(request("/block?60"))
            program.wait_for("the event loop is blocked.*\n(.*\n)*.*time.sleep")
        assert program.ask() != first


@pytest.mark.slow
def test_workers_do_not_outlive_gunicorn() -> None:
    with running(ESG) as program:
        worker = int(program.ask())
        program.process.kill()
        wait_until(lambda: not Path(f"/proc/{worker}").exists())
        assert "shutdown" in program.lines


def test_options_of_a_subclass_and_of_the_environment() -> None:
    """CONFIG_KWARGS win over ESG_* variables, and those over gunicorn's settings."""
    env = {
        "WEB_CONCURRENCY": "2",
        "ESG_ROOT_PATH": "/shop",
        "ESG_TIMEOUT_KEEP_ALIVE": "0.5",
        "ESG_ACCESS_LOG_FORMAT": "json",
    }
    with running(f"{OURS}.Configured", "--access-logfile", "-", "--keep-alive", "60", env=env) as program:
        assert program.ask("/__esg_health__") == "ok"
        assert json.loads(program.ask("/who"))["root_path"] == "/shop"
        program.wait_for("200 by 127.0.0.1")
        program.wait_for("(?s)Booting worker.*Booting worker")
        with program.connect() as connection:
            assert get(connection).status == 200
            assert closes_in_time(connection, 1.5)


def test_time_outs_of_calls() -> None:
    """H-24, H-25: one by CONFIG_KWARGS, the other by gunicorn's own setting."""
    with running(f"{OURS}.Timed") as program, program.connect() as connection:
        assert ask(connection, b"GET /sleep?30 HTTP/1.1\r\nhost: esg\r\n\r\n").status == 504
        program.wait_for("cancelled")
    with running(ESG, "--asgi-disconnect-grace-period", "0") as program:
        with program.connect() as connection:
            connection.sendall(b"GET /sleep?30 HTTP/1.1\r\nhost: esg\r\n\r\n")
            program.wait_for("sleeping")
        program.wait_for("cancelled")


@pytest.mark.parametrize(
    ("worker", "app", "code", "text"),
    [
        (ESG, f"{OURS}:fails", 3, "no database"),
        (ESG, f"{OURS}:missing", 4, "Failed to find attribute 'missing'"),
        (f"{OURS}.Misconfigured", APP, 3, "helth: no such option; did you mean health"),
    ],
)
def test_a_failed_start_stops_gunicorn(worker: str, app: str, code: int, text: str) -> None:
    with Gunicorn(worker, app=app) as program:
        assert program.wait() == code
        assert text in program.output
        assert program.output.count("Booting worker") == 1
        assert sum(line.startswith("Error: ") for line in program.lines) == (code == 3)


def test_c3_a_failed_start_is_told_whatever_is_logged(tmp_path: Path) -> None:
    """By the worker, and in gunicorn's log where that is a file."""
    log = tmp_path / "error.log"
    with Gunicorn(ESG, "--log-level", "critical", "--error-logfile", str(log), app=f"{OURS}:fails") as program:
        assert program.wait() == 3
        assert program.lines == ["Error: the application's startup failed: no database"]
    assert log.read_text().count("[CRITICAL] the application's startup failed: no database") == 1


def test_variables_choose_the_protocol_and_the_loop() -> None:
    """Of the plain worker, whose class does not set them."""
    with running(ESG, env={"ESG_HTTP": "h11", "ESG_LOOP": "asyncio"}) as program:
        program.wait_for("with asyncio, h11")
        assert "has no effect" not in program.output


def test_variables_without_effect_are_named() -> None:
    env = {"ESG_HTTP": "httptools", "ESG_LOOP": "asyncio", "ESG_PORT": "1", "ESG_ROOT_PATH": "/x"}
    with running(H11, env=env) as program:
        program.wait_for("with asyncio, h11")
        told = [line.partition("[WARNING] ")[2] for line in program.lines if "[WARNING]" in line]
        assert sorted(told) == [
            "ESG_HTTP has no effect: the worker's CONFIG_KWARGS set http='h11'",
            "ESG_PORT has no effect: gunicorn decides that",
        ]


@pytest.mark.parametrize("worker", [ESG, H11])
def test_w10_workers_of_gunicorn_publish_what_they_hold_until_they_end(worker: str) -> None:
    """Gunicorn's own process makes the memory before it forks, and clears the rows of those that have ended."""
    with running(worker, "-w", "2") as program, ExitStack() as stack:
        board = published(stack, program.pid)
        wait_until(lambda: counted(board) == [0, 0])
        for _ in range(8):
            assert get(stack.enter_context(program.connect())).status == 200
        first, second = counted(board)
        assert first + second == 8
        victim = int(re.findall(r"Booting worker with pid: (\d+)", program.output)[0])
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: counted(board) in ([0, first], [0, second]))
