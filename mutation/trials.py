"""Tries changes of functions on tests that are collected once: each in a fork of the process that has collected them.

A first run, without a change, notes which lines of the module each test runs: a test that never comes to the changed
statement cannot notice it, and is not run.
"""

import ast
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mutation.running import QUICKLY, SURVIVED, be_silent, in_fork
from mutation.swapping import Changed, swap

PATIENCE = 5.0
"""How many times longer than without a change the tests may take, plus ten seconds."""


class Trials:
    """The tests of a module; a plugin of pytest that does `action` instead of running them."""

    def __init__(self, module: str, path: Path, action: Callable[["Trials"], None]) -> None:
        self._module = module
        self._path = path
        self._action = action
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._items: Sequence[pytest.Item] = ()
        self._runs: list[tuple[float, frozenset[int]]] = []

    def go(self, tests: Sequence[str]) -> None:
        """Collect the tests and begin; raises `SystemExit` if they fail without a change."""
        pytest.main([*QUICKLY, "--capture=no", *tests], plugins=[self])
        if not self._runs:
            raise SystemExit(f"{self._module}: its tests fail without any change: {' '.join(tests)}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Called by pytest when all tests are collected."""
        self._items = session.items
        with tempfile.TemporaryFile() as file:
            if in_fork(lambda: self._first_run(file.fileno()), 1000) == SURVIVED:
                file.seek(0)
                self._runs = [(seconds, frozenset(lines)) for seconds, lines in json.load(file)]
                self._action(self)
        return True

    def ask(self, changed: Sequence[Changed], line: int) -> str:
        """Run the tests that come to this line with the changed functions; returns a name of `running`."""
        lines = statement_lines(self._tree, line)
        chosen = [place for place, (_, seen) in enumerate(self._runs) if not seen.isdisjoint(lines)]
        usual = sum(self._runs[place][0] for place in chosen)

        def judge() -> int:
            be_silent()
            swap(self._module, changed)
            return self._first_failure([self._items[place] for place in chosen])

        return in_fork(judge, 10 + PATIENCE * usual)

    def _first_failure(self, items: Sequence[pytest.Item]) -> int:
        for item, after in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if item.session.testsfailed:
                return 1
        return 0

    def _first_run(self, descriptor: int) -> int:
        """Run in a process of its own: write seconds and lines for each test."""
        be_silent()
        runs: list[tuple[float, list[int]]] = []
        seen: set[int] = set()
        file = str(self._path)

        def trace(frame: FrameType, _event: str, _argument: object) -> Any:
            if frame.f_code.co_filename == file:
                seen.add(frame.f_lineno)
                return trace
            return None

        threading.settrace(trace)
        sys.settrace(trace)
        for item, after in zip(self._items, [*self._items[1:], None], strict=True):
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            runs.append((time.monotonic() - began, [*seen]))
            seen.clear()
            if item.session.testsfailed:
                return 1
        sys.settrace(None)
        with os.fdopen(descriptor, "w", closefd=False) as output:
            json.dump(runs, output)
        return 0


def statement_lines(tree: ast.Module, line: int) -> range:
    """The lines of the statement that has this line, without those of the statements in it."""
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= _last_line(node)]
    innermost = max(around, key=lambda node: node.lineno)
    inside = [child.lineno for child in ast.walk(innermost) if isinstance(child, ast.stmt) and child is not innermost]
    return range(innermost.lineno, max(min(inside, default=_last_line(innermost) + 1), innermost.lineno + 1))


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno
