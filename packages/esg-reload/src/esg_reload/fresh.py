"""The first code that runs in a fresh interpreter, which was started to run a callable.

Knows nothing of files and reloading. Until the callable changes it, SIGTERM ends the process like `sys.exit()`, so that
`finally` and exit handlers run; and the process does not outlive the one that started it.
"""

import base64
import os
import pickle
import pkgutil
import signal
import sys
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

VARIABLE = "_ESG_RELOAD_TASK"
"""The variable with the task; it is removed before anything else is imported."""


class NestedReloader(RuntimeError):
    """A module runs a reloader when it is imported, so each fresh process would run one too."""

    def __init__(self) -> None:
        super().__init__('a reloader was run inside another one: put the call under `if __name__ == "__main__":`')


class _State:
    is_importing = False
    """Whether this process is importing what it has to run."""


@dataclass(frozen=True)
class Task:
    """What a fresh process has to do: call `work`, which is `"module:function"` or a pickled callable.

    `path` and `arguments` are `sys.path` and `sys.argv` of the parent. `lifeline` is a descriptor that reaches end of
    file when the parent has gone; None on Windows.
    """

    work: str | bytes
    path: tuple[str, ...]
    arguments: tuple[str, ...]
    lifeline: int | None

    def as_text(self) -> str:
        """The task as the value of a variable."""
        return base64.b64encode(pickle.dumps(self)).decode("ascii")

    def find(self) -> Any:
        """Import and return the callable; ends the process if that runs a reloader."""
        _State.is_importing = True
        try:
            return pkgutil.resolve_name(self.work) if isinstance(self.work, str) else pickle.loads(self.work)  # noqa: S301
        except NestedReloader as error:
            sys.exit(f"Error: {error}")
        finally:
            _State.is_importing = False


def refuse_nested_reloader() -> None:
    """Raise `NestedReloader` while a fresh process imports what it has to run."""
    if _State.is_importing:
        raise NestedReloader


def main() -> NoReturn:
    """Run the task that the parent sends, and exit with 0, or with the code if the callable raises `SystemExit`."""
    task: Task = pickle.loads(base64.b64decode(os.environ.pop(VARIABLE)))  # noqa: S301 - from our own parent
    sys.path[:] = task.path
    sys.argv[:] = task.arguments
    signal.signal(signal.SIGTERM, _exit)
    if task.lifeline is not None:
        threading.Thread(target=_end_with, args=(task.lifeline,), name="esg-reload-lifeline", daemon=True).start()
    task.find()()
    sys.exit()


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
