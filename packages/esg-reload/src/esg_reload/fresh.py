"""The first code of a fresh interpreter that was started to run a callable.

Knows nothing of files and reloading. Until the callable decides otherwise, SIGTERM ends it as `sys.exit()` would, so
that `finally` and exit handlers run; and the process does not outlive the one that started it.
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

VARIABLE = "_ESG_RELOAD_ERRAND"
"""The variable that the errand comes in; it is removed before anything else is imported."""


class NestedReloader(RuntimeError):
    """A module runs a reloader wherever it is imported, so each fresh process would have one too."""

    def __init__(self) -> None:
        super().__init__('a reloader was run inside another one: put the call under `if __name__ == "__main__":`')


class _State:
    is_importing = False
    """Whether this process imports what it is to run."""


@dataclass(frozen=True)
class Errand:
    """What a fresh process is to do: call `work`, which is `"module:function"` or a pickled callable.

    `path` and `arguments` are those of `sys` in the process that sends it. `lifeline` is a descriptor that reads its
    end when that process has gone, None where there is no such thing.
    """

    work: str | bytes
    path: tuple[str, ...]
    arguments: tuple[str, ...]
    lifeline: int | None

    def as_text(self) -> str:
        """The errand as the value of a variable."""
        return base64.b64encode(pickle.dumps(self)).decode("ascii")

    def find(self) -> Any:
        """The callable; imports what it needs. Ends the process if that runs a reloader."""
        _State.is_importing = True
        try:
            return pkgutil.resolve_name(self.work) if isinstance(self.work, str) else pickle.loads(self.work)  # noqa: S301
        except NestedReloader as error:
            sys.exit(f"Error: {error}")
        finally:
            _State.is_importing = False


def refuse_nested_reloader() -> None:
    """Raise `NestedReloader` while what a reloader is to run is being imported."""
    if _State.is_importing:
        raise NestedReloader


def main() -> NoReturn:
    """Run the errand that the parent sends, and exit: 0, or whatever the callable raises `SystemExit` with."""
    errand: Errand = pickle.loads(base64.b64decode(os.environ.pop(VARIABLE)))  # noqa: S301 - from our own parent
    sys.path[:] = errand.path
    sys.argv[:] = errand.arguments
    signal.signal(signal.SIGTERM, _exit)
    if errand.lifeline is not None:
        threading.Thread(target=_end_with, args=(errand.lifeline,), name="esg-reload-lifeline", daemon=True).start()
    errand.find()()
    sys.exit()


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
