"""Serves, and restarts the server when files change (rule W-6): joins esg_reload and esg_core.

This process binds and keeps the sockets, and never imports the application. Each start is a fresh process that serves
on the inherited sockets. Between two of them no process accepts, but the sockets still listen: new connections wait.
"""

import dataclasses
import functools
import logging
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from esg_core.app.nested_run import mark_as_server, refuse_nested_run
from esg_core.errors import StartupError, UsageError
from esg_core.installing import how_to_install
from esg_core.lifecycle.assembly import check_files_and_names
from esg_core.lifecycle.failures import report
from esg_core.lifecycle.process import run_alone, set_up
from esg_core.logs.colours import Cyan
from esg_core.processes.handover import refuse_to_take_over
from esg_core.sockets.activation import listening_sockets
from esg_core.sockets.bound import BoundSocket, close_all, inherit

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_reload import Files, Reloader

DRAIN = 0.8
"""Seconds for running requests after a change: the lifespan gets the rest of one second."""

LAST_RESORT = 10.0
"""Seconds after which a server is killed, unless its own watchdog has ended it long before."""


def run(config: "Config") -> int:
    """Serve and restart until a signal comes, and return the exit code; must be called in the main thread.

    Raises `NestedRun` inside a server (rule W-8).
    """
    refuse_nested_run(starts_processes=True)
    logger = logging.getLogger("esg.error")
    bound: Sequence[BoundSocket] = ()
    try:
        set_up(config, serves=False, role="reloader")
        if getattr(sys, "frozen", False):
            option = config.spell("reload")
            raise UsageError(
                f"{option}: a frozen program has no files that change: run it from its source to reload it"
            )
        refuse_to_take_over()
        files = _files(config)
        check_files_and_names(config)
        bound = listening_sockets(config)
        logger.info("Started reloader process [%s]", Cyan(os.getpid()))
        code = _reloader(config, files, bound).run()
        logger.info("Finished reloader process [%s]", Cyan(os.getpid()))
    except (UsageError, StartupError) as error:
        return report(error)
    except OSError as error:
        return report(StartupError(f"{config.spell('reload')}: {error}"))
    finally:
        close_all(bound)
    return code


def serve(config: "Config", descriptors: Sequence[int]) -> NoReturn:
    """Serve on inherited sockets until told to stop, and exit; runs in the fresh process."""
    mark_as_server()
    sys.exit(run_alone(config, inherit(descriptors)))


def _files(config: "Config") -> "Files":
    try:
        from esg_reload import Files
    except ImportError:
        raise UsageError(f"{config.spell('reload')} needs a package: {how_to_install('esg-reload')}") from None
    try:
        return Files(*_directories(config), includes=config.reload_include, excludes=config.reload_exclude)
    except NotADirectoryError as error:
        raise UsageError(f"{config.spell('reload_dir' if config.reload_dir else 'app_dir')}: {error}") from None


def _directories(config: "Config") -> Sequence[str]:
    """The directories to watch: those of the option, or where the application is imported from."""
    return config.reload_dir or (os.curdir, config.app_dir or os.curdir)


def _reloader(config: "Config", files: "Files", bound: Sequence[BoundSocket]) -> "Reloader":
    from esg_reload import Reloader

    descriptors = [one.sock.fileno() for one in bound]
    try:
        return Reloader(
            functools.partial(serve, _for_one_start(config), descriptors),
            files,
            delay=config.reload_delay,
            grace=LAST_RESORT,
            descriptors=descriptors,
            logger=logging.getLogger("esg.error"),
        )
    except ValueError as error:
        option = config.spell("reload")
        raise UsageError(f"{option}: the options cannot be passed to a new process: {error.__cause__}") from None


def _for_one_start(config: "Config") -> "Config":
    """The configuration of one start: the server is replaced soon, so nothing may delay its end or end it early."""
    return dataclasses.replace(
        config,
        reload=False,
        workers=None,
        timeout_graceful_shutdown=min(config.timeout_graceful_shutdown, DRAIN),
        shutdown_delay=0.0,
        limit_max_requests=math.inf,
    )
