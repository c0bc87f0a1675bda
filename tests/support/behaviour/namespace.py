"""Programs that run as process 1 of their own namespace, as in a container."""

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
    """The command that makes another one process 1; empty if this system does not allow it."""
    for command in (AS_ROOT, AS_ANYBODY):
        if find("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return ()


def needs_namespaces() -> pytest.MarkDecorator:
    """Skip a test where this is not allowed; fail instead where all tests must run."""
    is_missing = not prefix() and os.environ.get("CI") != "true"
    return pytest.mark.skipif(is_missing, reason="namespaces cannot be made here; they are required where CI=true")


class Process1(Program):
    """A program that is process 1; `process` is `unshare`, which waits for it and exits with its code."""

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
        """The ID of process 1 as seen from outside its namespace."""
        return self._only_child(self.pid)

    @property
    def second(self) -> int:
        """Its first child."""
        return self._only_child(self.first)

    def _only_child(self, pid: int) -> int:
        children = Path("/proc", str(pid), "task", str(pid), "children")
        wait_until(lambda: bool(children.read_text()))
        return int(children.read_text().split()[0])
