"""Programs as process 1 of a namespace of their own, as in a container."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.e2e.programs import find
from tests.support.e2e.server import ROOT, Program
from tests.support.reload.processes import wait_until

AS_ROOT = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
AS_ANYBODY = (*AS_ROOT, "--user", "--map-root-user")


@cache
def prefix() -> tuple[str, ...]:
    """What makes a command process 1; empty if this system does not let us."""
    for command in (AS_ROOT, AS_ANYBODY):
        if find("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return ()


def needs_namespaces() -> pytest.MarkDecorator:
    """Leave a test out where there can be no such program; fail there if this is the place where all must run."""
    is_missing = not prefix() and os.environ.get("CI") != "true"
    return pytest.mark.skipif(is_missing, reason="namespaces cannot be made here; they are required where CI=true")


class Process1(Program):
    """A program that is process 1; `process` is `unshare`, which waits for it and ends as it does."""

    def __init__(
        self,
        *command: str,
        before: tuple[str, ...] = (),
        cwd: Path = ROOT,
        env: dict[str, str] | None = None,
        inherit: tuple[int, ...] = (),
    ) -> None:
        super().__init__(*before, *prefix(), *command, cwd=cwd, env=env, inherit=inherit)

    @property
    def first(self) -> int:
        """Process 1, by the number that it has here."""
        return self._only_child(self.pid)

    @property
    def second(self) -> int:
        """Its first child."""
        return self._only_child(self.first)

    def _only_child(self, pid: int) -> int:
        children = Path("/proc", str(pid), "task", str(pid), "children")
        wait_until(lambda: bool(children.read_text()))
        return int(children.read_text().split()[0])
