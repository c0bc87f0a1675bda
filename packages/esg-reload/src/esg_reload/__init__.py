"""Runs a command or a Python callable, and restarts it when files change.

    Reloader(["python", "worker.py"], Files("src", includes=["*.yaml"])).run()

Knows files and processes, and nothing of what runs in them. Names are imported when used, because each fresh process
imports this package too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esg_reload.files import Files
    from esg_reload.reloader import Reloader
    from esg_reload.watching import watch

__version__ = "0.2.0"

_HOMES = {"Files": "esg_reload.files", "Reloader": "esg_reload.reloader", "watch": "esg_reload.watching"}


if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name: str) -> object:
        import importlib

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)


__all__ = ["Files", "Reloader", "__version__", "watch"]
