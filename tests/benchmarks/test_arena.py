"""The profiles of HttpArena: every request gets the right answer, and the command measures and writes its page."""

import gzip
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.arena.__main__ import main
from benchmarks.arena.data import DIRECTORY, SIZES, content, listing, write_files
from benchmarks.arena.page import page
from benchmarks.arena.profiles import PROFILES
from benchmarks.loads import Wrk
from benchmarks.processes import Bench, Cores, Running, ask, free_port
from benchmarks.results import Outcome, Results, Sample
from benchmarks.servers import Launch
from tests.support.e2e.programs import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")

PATIENCE = 30.0


@pytest.fixture(scope="module")
def esg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DIRECTORY, "")
        write_files(tmp_path_factory.mktemp("files"))
        launch = Launch(PROFILES["json"].app, free_port())
        with Bench(Cores.choose()).start("esg", launch, PROFILES["baseline"].question) as running:
            yield running


def answers(port: int, request: bytes) -> list[tuple[bytes, bytes]]:
    """The head and body of each answer to what one profile sends at once."""
    found = []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, client.makefile("rb") as reader:
        client.sendall(request)
        for _ in range(max(1, request.count(b"GET /pipeline "))):
            head = b"".join(iter(reader.readline, b"\r\n"))
            fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:])
            found.append((head, reader.read(int(fields[b"content-length"]))))
    return found


def expected(name: str, request: bytes) -> bytes:
    """The body that answers a request."""
    method, target, _ = request.split(b" ", 2)
    last = target.rpartition(b"/")[2].decode()
    if name.startswith("json"):
        count, factor = map(int, last.split("?m="))
        return json.dumps(listing(count, factor)).encode()
    if name == "static":
        return content(last)
    if name == "upload":
        return b"%d" % len(request.partition(b"\r\n\r\n")[2])
    return b"ok" if name == "pipelined" else b"55" if method == b"GET" else b"75"


@pytest.mark.parametrize("name", [name for name, row in PROFILES.items() if isinstance(row.load, Wrk) and not row.tls])
def test_each_request_of_a_profile_is_answered(name: str, esg: Running) -> None:
    load = PROFILES[name].load
    assert isinstance(load, Wrk)
    for request in load.requests:
        for head, body in answers(esg.launch.port, request):
            assert head.startswith(b"HTTP/1.1 200 ")
            assert (gzip.decompress(body) if name == "json-comp" else body) == expected(name, request)


@pytest.mark.parametrize("name", [name for name, row in PROFILES.items() if not row.http2 and not row.tls])
def test_each_question_is_answered(name: str, esg: Running) -> None:
    ask(esg.launch, PROFILES[name].question)


def test_a_tenth_of_the_requests_end_their_connections() -> None:
    load = PROFILES["limited-conn"].load
    assert isinstance(load, Wrk)
    ends = [b"Connection: close" in request for request in load.requests]
    assert ends == [number % 10 == 0 for number in range(1, 31)]


def test_the_files_are_those_of_the_description() -> None:
    assert len(SIZES) == 20
    assert (min(SIZES.values()), max(SIZES.values())) == (3 << 10, 300 << 10)


def outcome(*cpu: float) -> Outcome:
    return Outcome({number: Sample(value, 1000.0, 2.0) for number, value in enumerate(cpu)})


def test_the_page_has_figures_ratios_and_reasons() -> None:
    about = {"date": "2026-01-02", "machine": "M", "python": "P", "packages": {}, "rounds": 2, "seconds_a_round": 1}
    failed = Outcome(failures=["round 1: died"])
    results: Results = {
        "baseline": {"esg": outcome(10, 12), "uvicorn": outcome(20, 24), "fastpysgi": failed},
        "echo-ws": {"esg": outcome(10, 10), "uvicorn": outcome(20, 20)},
    }
    text = page(about, results)
    assert "| baseline: GET and POST, small      | 11.0 ±9% | 22.0 ±9% |         - |" in text
    assert "| baseline: GET and POST, small      |    0.50 |         - |" in text
    assert "* echo-ws, fastpysgi: does not speak WebSocket" in text
    assert "* baseline, fastpysgi: 1 rounds failed; round 1: died" in text


@needs("wrk")
@needs("h2load")
def test_two_profiles_are_measured_and_written(tmp_path: Path) -> None:
    """Over TLS, with several requests of HTTP/1.1 and with HTTP/2."""
    chosen = ["--profiles", "pipelined,baseline-h2", "--servers", "esg", "--rounds", "1", "--seconds", "1"]
    assert main([*chosen, "--output", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    for profile in written["profiles"].values():
        assert profile["servers"]["esg"]["median"]["rps"] > 0
    assert (tmp_path / "results.md").read_text(encoding="utf-8").startswith("# Profiles of HttpArena")
