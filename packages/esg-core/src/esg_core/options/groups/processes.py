"""Options about worker processes, and about how a process shows its state."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

from esg_core.options.groups.shorthands import Duration, FilePath, Timeout
from esg_core.options.option import Group, option
from esg_core.options.validators import is_one_line, is_url_path
from esg_core.options.value_types import Number, Text

Endpoint = Annotated[str, Text("a path that begins with /, without ? or #", is_url_path, "PATH")]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ProcessOptions:
    """Processes, their shutdown and their health."""

    workers: Annotated[int | None, Number(1)] = option(
        None,
        Group.PROCESSES,
        "Worker processes; by default, one process without a parent.",
        "A parent supervises them, even a single one: it replaces workers that end, and restarts all of them on SIGHUP "
        "without losing requests. Each imports the application, unless `preload` is on. Limits apply per worker.",
        fallback="WEB_CONCURRENCY",
    )
    preload: bool = option(
        False,
        Group.PROCESSES,
        "Import the application once, then fork the workers.",
        "Saves memory and start-up time. New code needs a restart of the whole server, or SIGUSR2.",
    )
    limit_worker_memory: Annotated[float, Number(unit="MiB", can_be_off=True)] = option(
        inf,
        Group.PROCESSES,
        "Memory use above which a worker is replaced.",
        "Resident memory, checked every 5 seconds. The new worker is ready before the old one drains.",
    )
    limit_worker_lifetime: Timeout = option(
        inf,
        Group.PROCESSES,
        "Age at which a worker is replaced.",
        "Up to a tenth is added at random, so that workers are not all replaced at once.",
    )
    timeout_worker_healthcheck: Timeout = option(
        30.0,
        Group.PROCESSES,
        "How long the event loop of a worker may be blocked.",
        "Then its stack is logged, and it is killed and replaced.",
    )
    prometheus_multiproc: Literal["auto", "on", "off"] = option(
        "auto",
        Group.PROCESSES,
        "Give workers a PROMETHEUS_MULTIPROC_DIR if there is none.",
        "`/metrics` of an application that uses `prometheus_client` is then the same from any worker. `auto`: with "
        "more than one worker, where that package is installed. `on`: with any workers.",
    )
    pid_file: FilePath = option(
        None,
        Group.PROCESSES,
        "File to write the process ID to; removed at the end.",
        "With workers, the ID of the parent. If the file belongs to a running server, that is an error.",
    )
    process_name: Annotated[str | None, Text("printable text, not empty", is_one_line)] = option(
        None,
        Group.PROCESSES,
        "Name of the processes, as ps and top show it.",
        "`NAME: parent [APP]`, `NAME: worker [APP]`; of one process without a parent `NAME [APP]`. Needs the package "
        "`setproctitle`.",
        metavar="NAME",
    )
    shutdown_delay: Duration = option(
        0.0,
        Group.PROCESSES,
        "How long to keep serving after SIGTERM; readiness fails meanwhile.",
        "Gives load balancers time to notice. Responses have `connection: close` meanwhile.",
    )
    health: bool = option(
        False,
        Group.PROCESSES,
        "Answer liveness and readiness probes.",
        "At `health_path` and `ready_path`, without calling the application and whatever the load.",
    )
    health_path: Endpoint = option(
        "/__esg_health__", Group.PROCESSES, "Path of the liveness probe: 200 while the server runs."
    )
    ready_path: Endpoint = option(
        "/__esg_ready__", Group.PROCESSES, "Path of the readiness probe: 503 during start-up and after SIGTERM."
    )
