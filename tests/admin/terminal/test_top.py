"""M-11: `esg top` in a real terminal, against a server on a real socket whose figures move."""

import io
import os
import pty
import re
import signal
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from esg_admin.terminal.figures import Documents
from esg_admin.terminal.screen import drawing
from esg_admin.terminal.top import _quits
from esg_core.admin.contracts import Stats
from tests.support.admin.client import TOKEN
from tests.support.admin.server import AdminServer
from tests.support.admin.source import MovingSource
from tests.support.admin.terminal import LEAVES, WITHOUT_INPUT, Terminal, esg, esg_process

RATE = r"Requests +([\d,.]+)/s "
LIVE = r"live, q quits; "


def drawn(source: MovingSource, width: int, height: int | None, documents: int = 3) -> list[str]:
    """What stands on a screen."""
    seen = Documents()
    for _ in range(documents):
        seen.add(copied(source))
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(drawing(seen, "state", width, height))
    return file.getvalue().splitlines()


def copied(source: MovingSource) -> Stats:
    """The next document; the source goes on with the same objects."""
    stats: Any = source.stats()
    totals = {**stats["totals"], "latency_counts": [*stats["totals"]["latency_counts"]]}
    return cast("Stats", {**stats, "totals": totals, "workers": [dict(one) for one in stats["workers"]]})


@pytest.mark.parametrize("leave", ["q", "Q", "\x03", "\x04"])
def test_m11_figures_move_until_a_key_quits(leave: str) -> None:
    with AdminServer(MovingSource()) as server, Terminal("top", server.address, "--interval", "0.1") as terminal:
        terminal.wait_for(LIVE)
        first = terminal.wait_for(RATE)
        rates = {first, *(terminal.wait_for(RATE) for _ in range(8))}
        assert len(rates) > 2
        terminal.type(leave)
        assert terminal.end() == 0
        assert LEAVES in terminal.written
        assert terminal.is_as_before()
        assert "Traceback" not in terminal.written


def test_m11_a_signal_leaves_the_terminal_as_it_was() -> None:
    with AdminServer(MovingSource()) as server, Terminal("top", server.address) as terminal:
        terminal.wait_for(LIVE)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
        assert LEAVES in terminal.written
        assert terminal.is_as_before()


def test_m11_other_keys_do_nothing() -> None:
    with AdminServer(MovingSource()) as server, Terminal("top", server.address, "--interval", "0.1") as terminal:
        terminal.wait_for(LIVE)
        terminal.type("x\x1a\r\x1b[A")  # CTRL+Z, ENTER and an arrow too
        assert len({terminal.wait_for(RATE) for _ in range(12)}) > 2
        terminal.type("q")
        assert terminal.end() == 0


def test_m11_a_terminal_to_be_seen_but_not_typed_on() -> None:
    """`esg top < /dev/null`: a signal ends it."""
    with (
        AdminServer(MovingSource()) as server,
        Terminal("top", server.address, "--interval", "0.1", command=WITHOUT_INPUT) as terminal,
    ):
        terminal.wait_for(LIVE)
        terminal.wait_for(RATE)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
        assert LEAVES in terminal.written


def test_m11_a_terminal_that_is_gone_quits() -> None:
    keyboard, screen = pty.openpty()
    os.close(screen)
    try:
        assert _quits(keyboard)
    finally:
        os.close(keyboard)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_m11_it_comes_back_when_the_server_does(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock" if kind == "unix" else None
    with AdminServer(MovingSource(), path=path) as server:
        terminal = Terminal("top", server.address, "--interval", "0.1")
        terminal.wait_for(LIVE)
    with terminal:
        terminal.wait_for("lost: cannot connect to ")
        terminal.wait_for("(?s)(connection.{1,9}refused|no such file)")
        with AdminServer(MovingSource(), port=server.port, path=fresh(path)):
            terminal.wait_for(LIVE)
            terminal.wait_for(RATE)
            terminal.type("q")
            assert terminal.end() == 0


def fresh(path: Path | None) -> Path | None:
    """The path, without the socket of the server before."""
    if path is not None:
        path.unlink(missing_ok=True)
    return path


def test_m11_it_needs_the_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(TOKEN)
    with AdminServer(MovingSource(), token=TOKEN) as server:
        with Terminal("top", server.address) as terminal:
            assert terminal.end() == 1
            assert "Error: the server refused (401): a token is needed" in terminal.written
            assert LEAVES not in terminal.written
        with Terminal("top", server.address, "--token-file", str(path)) as terminal:
            terminal.wait_for(LIVE)
            terminal.type("q")
            assert terminal.end() == 0
            assert TOKEN.decode() not in terminal.written


def test_m11_once_as_text_without_a_terminal() -> None:
    with AdminServer(MovingSource()) as server:
        done = esg_process("top", server.address, "--interval", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("ESG 0.2.0  ready  up 3 d 4 h  process 70\n127.0.0.1:")
    assert re.search(RATE, done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_m11_once_on_a_terminal_that_can_nothing() -> None:
    with AdminServer(MovingSource()) as server:
        with Terminal("top", server.address, "--interval", "0.1", TERM="dumb") as terminal:
            assert terminal.end() == 0
        assert re.search(RATE, terminal.written)
        assert "\x1b" not in terminal.written


@pytest.mark.parametrize("workers", [1, 4, 10, 64])
def test_m11_it_fits_80_columns_and_24_rows(workers: int) -> None:
    lines = drawn(MovingSource(workers), 80, 24)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert [line.split()[0] for line in lines[3:9]] == [
        "Requests", "Latency", "Running", "Loop", "Memory", "Connections"
    ]  # fmt: skip
    rows = [line.split() for line in lines if re.match(r" +\d+  (ready|draining)", line)]
    hidden = re.fullmatch(r"and (\d+) more workers", lines[-1].strip())
    assert len(rows) + (int(hidden[1]) if hidden else 0) == workers
    assert bool(hidden) == (workers == 64)


def test_m11_a_problem_is_told_whole() -> None:
    seen = Documents()
    seen.add(MovingSource().stats())
    file = io.StringIO()
    Console(file=file, width=80).print(drawing(seen, f"lost: {'long ' * 30}reason", 80, 24))
    assert "reason" in file.getvalue()
    assert len(file.getvalue().splitlines()) <= 24


def test_m11_wider_terminals_show_more() -> None:
    assert any("heartbeat" in line for line in drawn(MovingSource(), 120, 40))
    assert not any("heartbeat" in line for line in drawn(MovingSource(), 80, 40))


def test_m11_refusals_by_reason() -> None:
    text = " ".join(drawn(MovingSource(), 80, None))
    assert re.search(r"Refused +0 +in 60 s \(in all\) +queue full 0 \(1,204\), queue timeout 0 \(87\)", text)


def test_m11_no_terminal_is_too_small() -> None:
    assert drawn(MovingSource(), 10, 3)


def test_m11_without_rich_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "rich" else object())
    done = esg("top", "unix:/x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: esg top needs rich: pip install rich\n"
