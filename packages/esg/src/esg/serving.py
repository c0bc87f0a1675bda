"""Decides which package serves a configuration.

Knows the choices and how to decide; imports only the one chosen.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import esg_admin.entry_points
    import esg_core.event_loops
    import esg_http.entry_points
    import esg_http.h3.entry_points
    import esg_ws.entry_points
    from esg_core.options.config import Config

    FOUND_BY_NAME = (
        esg_admin.entry_points,
        esg_core.event_loops,
        esg_http.entry_points,
        esg_http.h3.entry_points,
        esg_ws.entry_points,
    )
    """Modules that are only found by name, imported here for tools that bundle a program (PyInstaller)."""


def run(config: "Config", again: "Callable[[], Config]") -> int:
    """Serve until the end and return the exit code; must be called in the main thread of a process.

    `again` reloads the configuration; it is called when workers are restarted with a new one.
    """
    if config.reload:
        from esg.reloading import run as run_and_reload

        return run_and_reload(config)
    from esg_core.run import run as run_server

    return run_server(config, again=again)


def be_child_if_frozen() -> None:
    """In a frozen program that was started as a child, run as that child and exit (rule W-1).

    Does what `multiprocessing.freeze_support()` does, which the standard library has for Windows only.
    """
    if getattr(sys, "frozen", False):
        from multiprocessing.spawn import freeze_support

        freeze_support()
