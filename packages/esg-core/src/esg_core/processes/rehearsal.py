"""Tries a new configuration before anything that runs depends on it (rule W-9).

A forked child does it, because what the files say may close log handlers, import broken modules, or take forever. Only
for systems that can fork; others have no signal to reload the configuration.
"""

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

FAULTY = 1
"""The exit code of a child that has found a fault."""


def fault_of(config: "Config") -> str:
    """What is wrong with a configuration, in one line; empty if nothing is. Raises `OSError` if forking fails."""
    reading, writing = os.pipe()
    with open(reading, "rb") as answer:  # noqa: PTH123 - it has no path
        try:
            with blocked(*NAMES):  # the child would handle them as the parent does
                pid = os.fork()
                if pid == 0:
                    _try(config, writing)
        finally:
            os.close(writing)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        text = " ".join(answer.read(MOST).decode("utf-8", "replace").split()) if code == FAULTY else ""
    if code == -signal.SIGALRM:
        return f"trying it takes longer than {PATIENCE} s"
    return text or (f"it ended the process that tried it, with exit code {code}" if code else "")


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
        os.write(writing, fault.encode("utf-8", "replace")[:MOST])
        os._exit(FAULTY if fault else 0)
