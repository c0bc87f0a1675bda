"""Serves with several processes and returns an exit code: what `esg_core.run` does when there are workers."""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

from esg_core.app.loading import load_application, prepare_imports
from esg_core.asgi import Application
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.assembly import import_parts
from esg_core.lifecycle.failures import report
from esg_core.lifecycle.garbage import set_aside
from esg_core.lifecycle.pid_file import PidFile
from esg_core.lifecycle.process import set_up
from esg_core.lifecycle.systemd import Notifier
from esg_core.logs import with_table
from esg_core.processes.handover import Predecessor, take_over
from esg_core.processes.parent_resources import ParentResources
from esg_core.processes.shared_sockets import SharedSockets
from esg_core.processes.supervisor import Supervisor
from esg_core.processes.worker_config import check
from esg_core.prometheus.providing import metrics_directory
from esg_core.sockets.activation import listening_sockets, passed_sockets
from esg_core.sockets.board import Rows
from esg_core.sockets.bound import AnySocket, BoundSocket, adopt, close_all

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.processes.udp.seats import Seats


def supervise(
    config: "Config", sockets: Sequence[AnySocket] | None = None, again: Callable[[], "Config"] | None = None
) -> int:
    """Serve with workers until the end and return the exit code; must be called in the main thread of a process.

    `sockets` replace the addresses of the configuration. `again` reloads the configuration, when the workers are to be
    restarted with a new one.
    """
    try:
        set_up(config, serves=False, role="parent")
        config = with_table(config)
        if threading.current_thread() is not threading.main_thread():
            workers = config.spell("workers")
            raise UsageError(f"{workers}: signals need the main thread, so call this there")
        check(config)
        predecessor = take_over() if sockets is None else None
        with ExitStack() as stack:
            shared_sockets = SharedSockets(_bound(config, sockets, predecessor), reuse_port=config.reuse_port)
            stack.callback(shared_sockets.close)
            admin: list[BoundSocket] = []
            stack.callback(close_all, admin)
            if predecessor is not None:
                stack.callback(_leave_files, predecessor)
            seats = _seats(config, shared_sockets.bound, predecessor)
            if seats is not None:
                stack.callback(seats.close)
            pid_file = _pid_file(config, predecessor)
            if pid_file is not None:
                stack.callback(pid_file.remove)
            admin += _admin(config, predecessor)
            variables = dict(os.environ)  # without those that pass sockets, and before those of `env_file`
            notifier = Notifier.create() if sockets is None else Notifier()
            worker_ended = stack.enter_context(metrics_directory(config))
            rows = None if config.reuse_port else Rows.create()
            if rows is not None:
                stack.callback(rows.board.close)
            app = _preloaded(config)
            resources = ParentResources(
                shared_sockets, notifier, pid_file, predecessor, app, variables, worker_ended, admin, rows, seats
            )
            code = Supervisor(config, resources, again or partial(copy, config)).run()
    except (UsageError, StartupError) as error:
        return report(error)
    return code


def _bound(config: "Config", sockets: Sequence[AnySocket] | None, predecessor: Predecessor | None) -> list[BoundSocket]:
    """The sockets to listen on; those of UDP are beside them, unless a previous program has handed its own over."""
    if predecessor is not None:
        return predecessor.bound
    if not config.http3:
        return adopt(sockets) if sockets is not None else listening_sockets(config)
    from esg_core.sockets.beside import bind_beside, own_with_datagrams

    given = adopt(sockets) if sockets is not None else passed_sockets(config)
    return bind_beside(given) if given is not None else own_with_datagrams(config)


def _seats(config: "Config", bound: Sequence[BoundSocket], predecessor: Predecessor | None) -> "Seats | None":
    """The places of workers at the UDP ports; None if HTTP/3 is not served, or on no port."""
    if predecessor is not None and predecessor.seats is not None:
        return _seats_of(predecessor.seats, config)
    if predecessor is not None and config.http3:
        from esg_core.sockets.beside import add_beside

        add_beside(bound)
    if not any(one.beside for one in bound):
        return None
    from esg_core.processes.udp.seats import Seats

    return Seats.beside(bound, config.workers or 1)


def _seats_of(handed_over: "Seats", config: "Config") -> "Seats | None":
    if config.http3:
        return handed_over
    handed_over.close()
    return None


def _admin(config: "Config", predecessor: Predecessor | None) -> list[BoundSocket]:
    """The sockets of the admin address, if there is one: those of the previous program, or new ones."""
    handed_over = [] if predecessor is None else predecessor.admin
    if config.admin is None:
        for one in handed_over:
            one.close()
        return []
    from esg_core.monitoring.opening import bind_admin

    return handed_over or bind_admin(config)


def _leave_files(predecessor: Predecessor) -> None:
    """If this program has failed, leave the files of UNIX sockets to the previous one, which goes on."""
    if not predecessor.has_been_told:
        for one in (*predecessor.bound, *predecessor.admin):
            one.keep_file()


def _pid_file(config: "Config", predecessor: Predecessor | None) -> PidFile | None:
    """The file, already written unless the previous program still holds it."""
    if config.pid_file is None:
        return None
    file = PidFile(os.fspath(config.pid_file), config.spell("pid_file"))
    if predecessor is None:
        file.write()
    return file


def _preloaded(config: "Config") -> Application | None:
    """The application, imported once for all workers with `preload`; otherwise None."""
    if not config.preload:
        return None
    if not hasattr(os, "fork"):
        raise UsageError(f"{config.spell('preload')}: this system cannot fork processes")
    prepare_imports(config)
    import_parts(config)
    app = load_application(config)
    set_aside()  # so that garbage collection in the workers does not touch, and so copy, shared memory
    return app
