"""Serves a configuration: in this process, or by workers with this process as their parent."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from esg_core.app.loading import load_application
from esg_core.app.nested_run import refuse_nested_run
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.assembly import check_parts, response_hook
from esg_core.lifecycle.failures import report
from esg_core.lifecycle.orphans import leave_orphans_to_init
from esg_core.lifecycle.process import run_alone
from esg_core.logs import configure
from esg_core.processes.handover import refuse_to_take_over
from esg_core.sockets.bound import AnySocket

if TYPE_CHECKING:
    from esg_core.options.config import Config


def run(
    config: "Config", sockets: Sequence[AnySocket] | None = None, again: Callable[[], "Config"] | None = None
) -> int:
    """Serve until the end and return the exit code; to be called in the main thread of a process.

    `sockets` are listened on instead of the addresses of the configuration; they are closed at the end. A process that
    is not given any is one of its own: it takes those that systemd has passed, and tells systemd how it does (rule
    W-5). `again` gives the configuration anew when workers are to be restarted with it. A process that does not end
    although it should (rule L-2), and one that gets a second signal, is left at once with exit code 1: then this does
    not return. Raises `NestedRun` inside a server (rule W-8).
    """
    refuse_nested_run(starts_processes=config.has_parent)
    if config.preload or not config.has_parent:  # what the application starts is this process's
        leave_orphans_to_init()
    if not config.has_parent:
        try:
            refuse_to_take_over()
        except StartupError as error:
            return report(error)
        return run_alone(config, sockets)
    from esg_core.processes.parent import supervise

    return supervise(config, sockets, again)


def check(config: "Config") -> int:
    """Do all that can fail before a server binds and starts, and return the exit code (option `check`)."""
    try:
        configure(config)
        check_parts(config)
        load_application(config)
        response_hook(config)
    except (UsageError, StartupError) as error:
        return report(error)
    return 0


__all__ = ["check", "run"]
