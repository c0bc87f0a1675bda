"""Options about worker processes, and what the owner of a process is told."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.shorthands import FilePath, Timeout
from esg_core.options.option import Group, option
from esg_core.options.validators import is_url_path
from esg_core.options.value_types import Integer, Seconds, Text

Endpoint = Annotated[str, Text("a path that begins with /, without ? or #", is_url_path, "PATH")]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ProcessOptions:
    """Processes, their ends and their health."""

    workers: Annotated[int | None, Integer(1)] = option(
        None,
        Group.PROCESSES,
        "Worker processes; by default, one process without a parent.",
        "A parent supervises them: it replaces those that end, and restarts all without a loss on SIGHUP, also if it "
        "is only one. Each imports the application, unless `preload` is on. Limits count for each worker.",
        fallback="WEB_CONCURRENCY",
    )
    preload: bool = option(
        False,
        Group.PROCESSES,
        "Import the application once, and fork the workers.",
        "Saves memory and time. New code needs a restart of the whole server, or SIGUSR2.",
    )
    limit_worker_memory: Annotated[int | None, Integer(unit="MiB", can_be_off=True)] = option(
        None,
        Group.PROCESSES,
        "Memory in use beyond which a worker is replaced.",
        "Resident memory, looked at every 5 seconds. The new worker is ready before the old one drains.",
    )
    limit_worker_lifetime: Timeout = option(
        None,
        Group.PROCESSES,
        "Age at which a worker is replaced.",
        "Up to a tenth is added at random, so that not all are replaced at once.",
    )
    timeout_worker_healthcheck: Timeout = option(
        30.0,
        Group.PROCESSES,
        "How long the event loop of a worker may be blocked.",
        "The log then says where it is, and it is killed and replaced. 0 never does.",
    )
    pid_file: FilePath = option(
        None,
        Group.PROCESSES,
        "File for the number of the process; removed at the end.",
        "Of the parent, if there are workers. A file that a running server holds is an error.",
    )
    shutdown_delay: Annotated[float, Seconds(can_be_off=False)] = option(
        0.0,
        Group.PROCESSES,
        "How long to go on serving after SIGTERM, not ready any more.",
        "Gives balancers the time to notice. Responses announce `connection: close` meanwhile.",
    )
    health: bool = option(
        False,
        Group.PROCESSES,
        "Answer the paths of liveness and readiness.",
        "Without the application, whatever the load.",
    )
    health_path: Endpoint = option("/__esg_health__", Group.PROCESSES, "Path of liveness: 200 while the server runs.")
    ready_path: Endpoint = option(
        "/__esg_ready__", Group.PROCESSES, "Path of readiness: 503 before start-up is done and from SIGTERM on."
    )
