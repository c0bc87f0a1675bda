"""When ESG's own log is coloured (rule R-2)."""

import io
import os
from collections.abc import Iterator

import pytest

from esg_core.logs.colours import Preference, is_terminal, paint, uses_colours


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_auto_is_the_terminal(terminal: io.TextIOWrapper) -> None:
    assert uses_colours(terminal)
    assert not uses_colours(io.StringIO())
    assert not uses_colours(None)


def test_no_color_switches_off(terminal: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not uses_colours(terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not uses_colours(terminal)


def test_no_color_that_is_empty_does_not_count(terminal: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert uses_colours(terminal)


def test_force_color_needs_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert uses_colours(io.StringIO())


def test_a_dumb_terminal_is_left_alone(terminal: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not uses_colours(terminal)


def test_who_asks_gets_it(terminal: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert uses_colours(io.StringIO(), asked=True)
    monkeypatch.setattr(Preference, "use_colors", True)
    assert uses_colours(io.StringIO())
    assert not uses_colours(terminal, asked=False)


def test_a_stream_that_is_closed_or_odd_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)
    assert not is_terminal(object())  # type: ignore[arg-type] # what people put into the place of sys.stdout


def test_no_colour_is_no_paint() -> None:
    assert paint("x", "") == "x"
    assert paint("x", "\x1b[31m") == "\x1b[31mx\x1b[0m"
