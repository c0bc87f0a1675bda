"""The fairness benchmark: its attacks are what they claim, its evaluation of figures, and one attack for real."""

import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.fairness import page
from benchmarks.fairness.__main__ import compare, main
from benchmarks.fairness.attacks import ATTACKS, HTTP1, HTTP2, QUIET, WEBSOCKET_OVER_HTTP2
from benchmarks.fairness.innocent import Waits
from benchmarks.fairness.page import Cell
from benchmarks.fairness.running import Settings
from benchmarks.processes import Bench, Cores
from benchmarks.servers import SERVERS, Certificate
from tests.support.e2e.programs import needs

LARGEST = 10_000_000
"""The most bytes that an attack may have."""


@pytest.fixture
def any_core() -> Iterator[None]:
    """The command pins itself to the core of the load; later tests may use all cores again."""
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.parametrize("key", ATTACKS, ids="/".join)
def test_h_22_attacks_are_bounded_and_whole(key: tuple[str, str]) -> None:
    """Those of HTTP/2 consist of whole frames."""
    attack = ATTACKS[key]
    data = attack.data()
    assert len(data) <= LARGEST
    assert bool(data) != (attack.name == QUIET or attack.handshakes > 0 or attack.flood is not None)
    at = 0
    while attack.protocol == HTTP2 and at < len(data):
        size = int.from_bytes(data[at : at + 3])
        assert size <= 16384
        at += 9 + size
    assert at == (len(data) if attack.protocol == HTTP2 else 0)


def cells(*longest: float, lost: int = 0) -> Cell:
    return Cell([Waits(each, 10, number < lost) for number, each in enumerate(longest)])


FOUND = {
    (HTTP1, QUIET): {"esg": cells(0.001, 0.002, 0.003), "other": cells(0.004)},
    (HTTP1, "chunks"): {"esg": cells(0.020, 0.021, 9.0), "other": cells(1.2, 1.2, lost=1)},
    (HTTP1, "trailers"): {"esg": cells(0.023), "other": Cell()},
    (HTTP1, "lines"): {"esg": cells(0.001, lost=1), "other": Cell([Waits(0.001, 10)], "no result in 5 s")},
    (WEBSOCKET_OVER_HTTP2, QUIET): {"esg": cells(0.001), "other": Cell(reason="it is not spoken")},
}


def test_h_22_the_tables_tell_the_median_of_the_longest_waits() -> None:
    text = page.tables(FOUND, ["esg", "other"])
    [line] = [line for line in text.splitlines() if "chunks of one byte" in line]
    assert [cell.strip() for cell in line.split("|")[2:4]] == ["21", "1200, lost 1"]
    assert text.count("\n## ") == 1
    assert "* other, WebSocket over HTTP/2: it is not spoken" in text
    assert "* other, HTTP/1.1, 3 million empty lines, after round 1: no result in 5 s" in text


def test_h_22_an_attack_may_add_twenty_milliseconds_and_lose_nothing() -> None:
    found = [(text.rpartition(": ")[2], is_cleared) for text, is_cleared in page.bars(FOUND, "esg")]
    assert found == [("+19 ms", True), ("+21 ms", False), ("-1 ms, and 1 lost", False)]


SILENT = """
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(60)
"""
"""A server that accepts connections and never says anything."""


@pytest.mark.parametrize("protocol", [HTTP1, pytest.param(HTTP2, marks=needs("nghttp"))])
def test_h_22_a_silent_server_becomes_a_cell(protocol: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The others are still measured."""
    monkeypatch.setattr(processes, "ANSWER_SECONDS", 0.5)
    monkeypatch.setitem(SERVERS, "silent", lambda launch: ["-c", SILENT, str(launch.port)])
    key = (protocol, QUIET)
    settings = Settings(Bench(Cores.choose()), protocol, Certificate(tmp_path, tmp_path))
    found = {key: compare(settings, key, Namespace(servers=["silent"], rounds=2))}
    assert str(found[key]["silent"]) == "no result in 0.5 s"
    assert f"* silent, {protocol}: no result in 0.5 s" in page.tables(found, ["silent"])
    assert list(page.bars(found, "silent")) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("any_core")
def test_h_22_a_short_run(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    """Whether the bars are cleared depends on what else the machine does."""
    names = ["HTTP/1.1/chunks", "HTTP/2/literals", "WebSocket over HTTP/2/tiny", "TLS/64"]
    main([*names, "--servers", "esg", "--rounds", "1", "--output", str(tmp_path)])
    output = capsys.readouterr().out
    assert output.count("| no attack ") == 4
    assert all(ATTACKS[name.rsplit("/", 1)[0], name.rsplit("/", 1)[1]].title in output for name in names)
    assert "lost" not in output
    assert " - " not in output
    assert "Not measured" not in output
