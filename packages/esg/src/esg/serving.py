"""Decides how a configuration is served: which of the packages does it.

Knows that there are several ways, and what chooses between them; imports only the one that is chosen.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esg_core.config import Config


def run(config: "Config") -> int:
    """Serve until the end and return the exit code; to be called in the main thread of a process."""
    if config.reload:
        from esg.reloading import run as run_and_reload

        return run_and_reload(config)
    from esg_core.run import run as run_server

    return run_server(config)


__all__ = ["run"]
