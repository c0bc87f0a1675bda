"""Tries a new configuration before anything that runs depends on it (rule W-9).

A forked child does it, because what the files say may close log handlers, import broken modules, or take forever. The
parent goes on meanwhile. Only for systems that can fork; others have no signal to reload the configuration.
"""

import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from esg_core.app.loading import add_application_directory, load_variables
from esg_core.errors import ESGError
from esg_core.logs import configure
from esg_core.processes.signals import NAMES, blocked
from esg_core.processes.worker_config import check

if TYPE_CHECKING:
    from esg_core.options.config import Config

assert sys.platform != "win32"

PATIENCE = 10
"""Seconds that trying a configuration may take."""

MOST = 4096
"""Bytes of the explanation: what a pipe holds without a reader."""

TRIED = b"."
"""What the explanation begins with: without it, the child has ended before it could tell."""


class Rehearsal:
    """A child that tries `config`; SIGCHLD tells when to ask for the `fault()`. Raises `OSError` if forking fails."""

    def __init__(self, config: "Config") -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)  # processes that the child has started may keep the other end open
        try:
            with blocked(*NAMES):  # the child would handle them as the parent does
                self._pid = os.fork()
                if self._pid == 0:
                    _try(config, writing)
        except OSError:
            os.close(self._reading)
            raise
        finally:
            os.close(writing)

    def fault(self) -> str | None:
        """What is wrong, in one line; empty if nothing is, None while that is not known."""
        try:
            found, status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:  # reaped with the orphans: this is process 1
            found, status = self._pid, 0
        if not found:
            return None
        answer = b""
        with contextlib.suppress(BlockingIOError):
            answer = os.read(self._reading, MOST)
        self.leave_to_parent()
        if answer:
            return " ".join(answer[len(TRIED) :].decode("utf-8", "replace").split())
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGALRM:
            return f"trying it takes longer than {PATIENCE} s"
        return f"it ended the process that tried it, with exit code {code}"

    def cancel(self) -> None:
        """End it: the result is not wanted any more."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self.leave_to_parent()

    def leave_to_parent(self) -> None:
        """Close what only a parent reads."""
        os.close(self._reading)


def _try(config: "Config", writing: int) -> NoReturn:
    fault = ""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        logging.disable()
        check(config)
        add_application_directory(config)
        if not config.preload:
            load_variables(config)
        configure(config)
    except ESGError as error:
        fault = str(error)
    except BaseException as error:  # noqa: BLE001 - the child must not continue as the parent
        fault = f"{type(error).__name__}: {error}"
    finally:
        os.write(writing, (TRIED + fault.encode("utf-8", "replace"))[:MOST])
        os._exit(0)
