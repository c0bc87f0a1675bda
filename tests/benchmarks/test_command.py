"""The command measures for real: one row, one server, one second; and a broken server is reported, not fatal."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from benchmarks import loads, proc, processes
from benchmarks.__main__ import main
from benchmarks.loads import NoResult
from benchmarks.neighbour import neighbour
from benchmarks.processes import Bench, Cores, ServerError, free_port
from benchmarks.rows import ROWS, Question
from benchmarks.servers import SERVERS, Launch
from tests.support.e2e.programs import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


@needs("wrk")
def test_one_row_is_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--rows", "get", "--servers", "esg", "--rounds", "1", "--seconds", "1", "--output", str(tmp_path)])
    assert code == 0
    assert "GET, 13 bytes" in capsys.readouterr().out
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    figures = written["rows"]["get"]["servers"]["esg"]["median"]
    assert 0.5 < figures["cpu_us"] < 500
    assert figures["rps"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.json", "results.md", "cpu_us.svg", "rps.svg", "p99_ms.svg",
    }  # fmt: skip


def test_a_server_that_cannot_start_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SERVERS, "uvicorn", lambda launch: ["-c", "raise SystemExit('no such luck')"])
    assert main(["quick", "--rows", "get", "--servers", "uvicorn", "--rounds", "1"]) == 1
    assert "get, uvicorn: 1 rounds failed; round 1: exited with 1: no such luck" in capsys.readouterr().out


ANSWERS_ONCE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while not (client := listener.accept()[0]).recv(4096):
    pass
client.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 13\\r\\n\\r\\nHello, World!")
client.recv(4096)
kept = [listener.accept() for _ in range(100)]
"""


def test_a_server_that_is_not_done_in_time_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "ANSWER_SECONDS", 0.5)
    monkeypatch.setitem(SERVERS, "uvicorn", lambda launch: ["-c", ANSWERS_ONCE, str(launch.port)])
    assert main(["quick", "--rows", "get", "--servers", "uvicorn", "--rounds", "3"]) == 1
    said = capsys.readouterr()
    assert "get, uvicorn: 1 rounds failed; round 1: no result in 0.5 s, not tried again" in said.out
    assert "round 2" not in said.err


@pytest.mark.parametrize("http2", [False, pytest.param(True, marks=needs("nghttp"))])
def test_who_never_answers_has_no_result(http2: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(NoResult, match=r"no result in 0\.2 s"):
        processes.ask(Launch("", listener.getsockname()[1], http2=http2), Question(b""))


def test_a_load_that_does_not_end_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "EXTRA_SECONDS", -0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(NoResult, match=r"no result in 0\.5 s"):
        loads.Wrk().run(f"http://127.0.0.1:{listener.getsockname()[1]}/", 1, [])


def test_a_wrong_answer_is_found_before_measuring() -> None:
    launch = Launch("benchmarks.apps:hello", free_port())
    with (
        pytest.raises(ServerError, match="wrong answer: 200, 13 bytes"),
        Bench(Cores.choose()).start("floor", launch, Question(b"something else")),
    ):
        pass


def test_the_tables_fit_each_other() -> None:
    assert {server for row in ROWS.values() for server in row.servers} == set(SERVERS)


@pytest.mark.parametrize("wrong", ["--rows=get,unknown", "--servers=unknown"])
def test_unknown_names_are_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", wrong])
    assert "unknown: choose from" in capsys.readouterr().err


def test_a_neighbour_walks_during_the_rows_and_is_stopped() -> None:
    with neighbour(1, Cores.choose().server):
        pid = neighbour_pid()
        assert proc.cpu_ns([pid])
    assert not Path(f"/proc/{pid}").exists()


def test_a_neighbour_that_ends_early_spoils_the_rows() -> None:
    with pytest.raises(ServerError, match="ended before"), neighbour(1, Cores.choose().server):
        kill_and_wait(neighbour_pid())


def neighbour_pid() -> int:
    [pid] = [pid for pid in proc.tree(os.getpid()) if b"benchmarks.neighbour" in command_line(pid)]
    return pid


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # another child has just ended
        return b""


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
