"""Serves a configuration: in this process, or with workers and this process as their parent."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from esg_core.app.interfaces import adapt, detect
from esg_core.app.loading import import_application
from esg_core.app.nested_run import refuse_nested_run
from esg_core.errors import StartupError
from esg_core.lifecycle.assembly import check_files_and_names, import_parts
from esg_core.lifecycle.failures import report
from esg_core.lifecycle.orphans import leave_orphans_to_init
from esg_core.lifecycle.process import run_alone, set_up
from esg_core.plugins import AUTO, loop_factory, resolve
from esg_core.processes.handover import refuse_to_take_over
from esg_core.sockets.bound import AnySocket
from esg_core.standard_streams import fill_standard_streams

if TYPE_CHECKING:
    from esg_core.options.config import Config


def run(
    config: "Config", sockets: Sequence[AnySocket] | None = None, again: Callable[[], "Config"] | None = None
) -> int:
    """Serve until the end and return the exit code; must be called in the main thread of a process.

    `sockets` replace the addresses of the configuration; they are closed at the end. Without them, the process takes
    the sockets that systemd has passed, and reports to systemd (rule W-5). `again` reloads the configuration when
    workers are to be restarted with it. A process that does not end in time (rule L-2), or gets a second signal, exits
    at once with code 1, and this does not return. Raises `NestedRun` inside a server (rule W-8).
    """
    refuse_nested_run(starts_processes=config.has_parent)
    fill_standard_streams()
    if config.preload or not config.has_parent:  # the application runs here, and its children are this process's
        leave_orphans_to_init()
    if not config.has_parent:
        try:
            refuse_to_take_over()
        except StartupError as error:
            return report(error)
        return run_alone(config, sockets)
    from esg_core.processes.parent import supervise

    return supervise(config, sockets, again)


def check(config: "Config") -> dict[str, str]:
    """Do everything that can fail before a server binds and starts (option `check`).

    Returns the choices made for options that are `auto`, by name. Raises `UsageError` or `StartupError`.
    """
    set_up(config)
    check_files_and_names(config)
    import_parts(config)
    loop_factory(config.loop, config.spell)().close()
    application = import_application(config)
    adapt(application, config)
    became = {option: resolve(f"esg.{option}", AUTO) for option in ("loop", "http", "ws")}
    became["interface"] = detect(application)
    return {option: choice for option, choice in became.items() if getattr(config, option) == AUTO}
