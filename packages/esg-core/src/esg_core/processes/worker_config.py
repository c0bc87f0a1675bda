"""What the options mean for one worker, and how long its parent waits for it."""

import dataclasses
import logging
import pickle
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application
from esg_core.errors import UsageError
from esg_core.lifecycle.assembly import check_files_and_names
from esg_core.processes.policy import BEATS, Patience
from esg_core.processes.worker import WorkerTask
from esg_core.sockets.tickets import TicketKeys

if TYPE_CHECKING:
    from esg_core.options.config import Config

MARGIN = 4.0
"""A worker is killed this many seconds after its own time for the drain."""

OF_THE_PARENT: dict[str, Any] = {
    "workers": None,
    "preload": False,
    "pid_file": None,
    "limit_worker_memory": None,
    "limit_worker_lifetime": None,
    "prometheus_multiproc": "auto",
}
"""Options for the parent only, with the values that workers get."""


def task_for(config: "Config", preloaded: Application | None = None, tickets: TicketKeys | None = None) -> WorkerTask:
    """The task of a worker, with the application if that is already loaded, and the keys of TLS tickets."""
    loaded: dict[str, Any] = (
        {} if preloaded is None else {"app": preloaded, "factory": False, "interface": "asgi3", "env_file": None}
    )
    own = dataclasses.replace(config, **OF_THE_PARENT, **loaded)
    return WorkerTask(own, config.timeout_worker_healthcheck / BEATS, tickets=tickets if config.tls else None)


def check(config: "Config") -> None:
    """Check what would make every worker fail; raises `UsageError` or `StartupError`."""
    if not config.preload:
        try:
            pickle.dumps(task_for(config))
        except Exception as error:  # noqa: BLE001 - pickling runs code of the values
            option = config.spell("workers")
            raise UsageError(f"{option}: the options cannot be passed to a new process: {error}") from None
    check_files_and_names(config)


def warn_of_fixed(config: "Config", current: "Config", *, has_udp: bool) -> None:
    """Log what a new configuration asks for and only a new parent can do: it binds addresses at its start."""
    logger = logging.getLogger("esg.error")
    if config.addresses != current.addresses:
        logger.warning("New addresses need a restart of the whole server: the current ones stay in use")
    if config.http3 and not has_udp:
        logger.warning("HTTP/3 needs SIGUSR2 or a restart of the whole server: it is not served yet")


def patience(config: "Config") -> Patience:
    """How long workers may take, from the options."""
    return Patience(
        drain=config.shutdown_delay + config.timeout_graceful_shutdown + MARGIN,
        beat=config.timeout_worker_healthcheck,
        lifetime=config.limit_worker_lifetime,
    )
