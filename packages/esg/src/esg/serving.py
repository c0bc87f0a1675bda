"""Decides how a configuration is served: which of the packages does it.

Knows that there are several ways, and what chooses between them; imports only the one that is chosen.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import esg_core.event_loops
    import esg_http.entry_points
    import esg_ws.entry_points
    from esg_core.options.config import Config

    FOUND_BY_NAME = (esg_core.event_loops, esg_http.entry_points, esg_ws.entry_points)
    """What no import names, named here for those who pack a program with all that it imports (PyInstaller)."""


def run(config: "Config", again: "Callable[[], Config]") -> int:
    """Serve until the end and return the exit code; to be called in the main thread of a process.

    `again` gives the configuration as it is when it is called, which is when workers are restarted for its sake.
    """
    if config.reload:
        from esg.reloading import run as run_and_reload

        return run_and_reload(config)
    from esg_core.run import run as run_server

    return run_server(config, again=again)


def be_child_if_frozen() -> None:
    """In a frozen program that was started to be a child of another one, be that and exit (rule W-1).

    As `multiprocessing.freeze_support()`, which the standard library has for Windows only.
    """
    if getattr(sys, "frozen", False):
        from multiprocessing.spawn import freeze_support

        freeze_support()
