"""Decides how a configuration is served: which of the packages does it.

Knows that there are several ways, and what chooses between them; imports only the one that is chosen.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from esg_core.options.config import Config


def run(config: "Config", again: "Callable[[], Config]") -> int:
    """Serve until the end and return the exit code; to be called in the main thread of a process.

    `again` gives the configuration as it is when it is called, which is when workers are restarted for its sake.
    """
    if config.reload:
        from esg.reloading import run as run_and_reload

        return run_and_reload(config)
    from esg_core.run import run as run_server

    return run_server(config, again=again)


__all__ = ["run"]
