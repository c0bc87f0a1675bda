"""The parent of the workers: handles signals and messages, and has the policy's plan carried out (rules W-1 to W-4).

It sleeps until something happens or is due. It decides which configuration the next worker gets; the policy decides
whether there is a next worker.
"""

import contextlib
import functools
import logging
import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from esg_core.admin.contracts import IS_STOPPING
from esg_core.app.loading import add_application_directory
from esg_core.errors import UsageError
from esg_core.lifecycle.announcements import announce_addresses
from esg_core.lifecycle.failures import show
from esg_core.lifecycle.orphans import ends_everything
from esg_core.lifecycle.systemd import PINGS
from esg_core.logs import reconfigure
from esg_core.logs.colours import Cyan
from esg_core.logs.rotation import reopen as reopen_files
from esg_core.processes.admin.parent_controls import Parent
from esg_core.processes.parent_resources import ParentResources
from esg_core.processes.policy import FORCED, LATE, Act, Worker, WorkerPolicy
from esg_core.processes.signals import as_bytes
from esg_core.processes.spawn import Running
from esg_core.processes.starting import start_worker
from esg_core.processes.trials import Told, Trials, in_the_log
from esg_core.processes.worker_config import patience, task_for, warn_of_fixed
from esg_core.processes.workers import RunningWorkers
from esg_core.sockets.tickets import TicketKeys

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.processes.admin.parent_admin import ParentAdmin
    from esg_core.processes.new_program import Successor

MEMORY_CHECK_EVERY = 5.0
"""Seconds between two checks of the memory of workers."""

ONE_SIGNAL = 0.3
"""Seconds within which two stop signals count as one: timeout(1) sends one to the process and one to its group."""


class Supervisor:
    """Runs workers until a signal ends them; `again` reloads the configuration."""

    def __init__(self, config: "Config", resources: ParentResources, again: Callable[[], "Config"]) -> None:
        self._config = config
        self._proven_config = config
        self._resources = resources
        self._trials = Trials(functools.partial(self._reload, again), self._renew, self._refuse)
        self._policy = WorkerPolicy(config.workers or 1, patience(config))
        self._selector = selectors.DefaultSelector()
        self._workers = RunningWorkers(self._policy, self._selector, self._start, resources.worker_ended)
        self._admin = self._make_admin()
        self._successor: Successor | None = None
        self._tickets = TicketKeys()
        self._logger = logging.getLogger("esg.error")
        self._check_memory_at = math.inf
        self._ping_at = math.inf if resources.notifier.watchdog == math.inf else -math.inf
        self._has_started = False
        self._was_complete = False
        self._is_renewing = False
        self._is_urgent = False
        self._stopped_at = -math.inf
        self._adopt(config)

    def run(self) -> int:
        """Supervise until the end and return the exit code; main thread only."""
        with as_bytes() as signals, contextlib.closing(self._selector):
            self._selector.register(signals, selectors.EVENT_READ, self._read_signals)
            if self._admin is not None and self._resources.predecessor is None:
                self._admin.open()
            while not self._policy.is_over:
                now = time.monotonic()
                steps = self._policy.plan(now)
                self._steer()
                for step in steps:
                    if step.act is Act.CLOSE:
                        self._resources.shared_sockets.forget(step.slot)
                    self._workers.do(step, now)
                self._wait(
                    min(
                        self._policy.wakes_at(now),
                        self._workers.log_stacks(now),
                        self._check_memory(now),
                        self._ping(now),
                        self._serve_admin(now),
                        self._tickets.age() if self._config.tls else math.inf,
                    )
                )
            if self._admin is not None:
                self._admin.close()
        assert self._policy.code is not None
        if self._policy.code == FORCED and not (self._is_urgent or self._policy.gave_up):
            show(self._workers.lost or "stopped by force: not every worker ended in time")
        if self._has_started:
            self._logger.info("Finished parent process [%s]", Cyan(os.getpid()))
        return self._policy.code

    # Events.

    def _wait(self, until: float) -> None:
        """Sleep until then or until something happens, and handle everything that has."""
        events = self._selector.select(None if until == math.inf else max(0.0, until - time.monotonic()))
        now = time.monotonic()
        for key, _ in sorted(events, key=lambda event: isinstance(event[0].data, Worker)):  # workers last
            if isinstance(key.data, Worker):
                self._workers.read(key.data, now)
            else:
                key.data(key.fileobj)
        self._workers.reap(now)
        if now > until + LATE:
            self._policy.was_suspended(now)
        self._react()

    def _react(self) -> None:
        """Act on what the events have changed."""
        if self._policy.code is not None:
            self._trials.close(IS_STOPPING)
            return
        self._trials.poll()
        if self._policy.has_been_ready and not self._has_started:
            self._has_started = True
            self._logger.info("Started parent process [%s]", Cyan(os.getpid()))
            announce_addresses(self._resources.shared_sockets.sockets, tls=self._config.tls)
            if self._resources.seats is not None:
                self._resources.seats.announce()
            if self._admin is not None:
                self._admin.announce()
        if self._policy.is_complete and not self._was_complete:
            self._was_complete = True
            self._on_complete()
        if self._config is not self._proven_config and self._policy.is_proven:
            self._apply_proven_config()
        if self._is_renewing and not self._policy.is_renewing:
            self._is_renewing = False
            if self._policy.failed_generation == self._policy.generation:
                self._adopt(self._proven_config)
                self._reload_failed()
            else:
                self._logger.info("Restarted %d workers", self._policy.target)
            self._notify_ready()

    def _on_complete(self) -> None:
        """All workers serve for the first time: tell the predecessor and systemd."""
        predecessor = self._resources.predecessor
        if predecessor is not None:
            predecessor.report_ready()
            if self._admin is None:
                predecessor.line.close()
            else:
                self._admin.open_after(predecessor.line)
            if self._resources.pid_file is not None:
                self._resources.pid_file.write(replace=True)
        self._notify_ready()

    def _notify_ready(self) -> None:
        self._resources.notifier.ready(f"Serving with {self._policy.target} workers")

    # Signals.

    def _read_signals(self, numbers: socket.socket) -> None:
        for number in numbers.recv(4096):
            self._on_signal(signal.Signals(number).name)

    def _on_signal(self, name: str) -> None:
        match name:
            case "SIGINT" | "SIGTERM" | "SIGBREAK":
                self.stop(time.monotonic())
            case "SIGQUIT":
                self._logger.warning("Stopping at once")
                self._stop_at_once()
            case "SIGUSR1":
                self.reopen()
            case _ if self._policy.code is None:
                self._change(name)

    def _change(self, name: str) -> None:
        """Handle a signal that has a meaning only until the server stops."""
        match name:
            case "SIGHUP":
                self.renew(in_the_log)
            case "SIGUSR2":
                self._upgrade()
            case "SIGTTIN":
                self.resize(self._policy.target + 1)
            case "SIGTTOU":
                self.resize(self._policy.target - 1)

    def reopen(self) -> bool:
        """Have all processes reopen their log files, unless one of them cannot be opened here."""
        if is_possible := reopen_files():
            self._workers.reopen()
        return is_possible

    # The admin address.

    def _make_admin(self) -> "ParentAdmin | None":
        if not self._resources.admin:
            return None
        from esg_core.processes.admin.parent_admin import ParentAdmin

        parent = Parent(self._policy, self._workers, self, self._resources.shared_sockets.bound)
        return ParentAdmin(self._resources.admin, parent, self._config, self._selector)

    def _serve_admin(self, now: float) -> float:
        """Do what is due for operators; returns when to call this again."""
        self._workers.questions.run_due(now)
        if self._admin is None:
            return math.inf
        self._admin.run_due(now)
        return min(self._workers.questions.wakes_at, self._admin.wakes_at)

    # Workers.

    def _start(self, slot: int) -> Running:
        resources, app = self._resources, self._resources.preloaded
        bound = resources.shared_sockets.of(slot)
        drop = None if app is None else functools.partial(self._drop_parent_resources, slot)
        task, has_figures = task_for(self._config, app, self._tickets), self._admin is not None
        return start_worker(task, bound, drop, has_figures=has_figures, rows=resources.rows, seats=resources.seats)

    def _steer(self) -> None:
        """Spread UDP over the present workers, unless a previous program does; close it when HTTP/3 is off and over."""
        seats = self._resources.seats
        if seats is None or not (self._was_complete or self._resources.predecessor is None):
            return
        seats.steer(*self._workers.seats())
        if seats.are_free and not self._config.http3 and self._config is self._proven_config:
            seats.close()
            self._resources.seats = None
            self._logger.info("HTTP/3 is off: its UDP sockets are closed")

    def _drop_parent_resources(self, slot: int) -> None:
        """In a forked worker: close what only the parent needs. A line that a worker keeps open would never end."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._workers.leave_to_parent()
        self._trials.leave_to_parent()
        if self._admin is not None:
            self._admin.leave_to_parent()
        self._resources.shared_sockets.close_others(slot)
        if self._resources.pid_file is not None:
            self._resources.pid_file.close()

    def resize(self, target: int) -> None:
        """Have as many workers serve as this; at least one."""
        self._policy.resize(target)
        self._logger.info("Workers: %d", self._policy.target)

    def _check_memory(self, now: float) -> float:
        if now >= self._check_memory_at:
            self._workers.check_memory(self._config.limit_worker_memory, now)
            self._check_memory_at = now + MEMORY_CHECK_EVERY
        return self._check_memory_at

    def _ping(self, now: float) -> float:
        """Ping systemd's watchdog for this process; it watches its workers itself."""
        notifier = self._resources.notifier
        if now >= self._ping_at:
            notifier.alive()
            self._ping_at = now + notifier.watchdog / PINGS
        return self._ping_at

    # A new configuration, a new program.

    def renew(self, told: Told) -> None:
        """Reload the configuration, try it, and replace all workers; see `Controls.renew`."""
        self._trials.begin(told)

    def _reload(self, again: Callable[[], "Config"]) -> "Config":
        try:
            return again()
        finally:
            self._policy.was_suspended(time.monotonic())  # reading files may take its time

    def _refuse(self, fault: str) -> None:
        self._logger.error("Not restarted, nothing has changed: %s", fault)
        self._reload_failed()

    def _renew(self, config: "Config") -> None:
        """Replace all workers; the configuration is on trial until the first of them is ready."""
        warn_of_fixed(config, self._config, has_udp=self._resources.seats is not None)
        self._logger.info("Restarting %d workers, one by one", self._target_of(config))
        self._resources.notifier.reloading()
        self._adopt(config)
        self._policy.renew()
        self._is_renewing = True

    def _reload_failed(self) -> None:
        if self._admin is not None:
            self._admin.reload_failed()

    def _apply_proven_config(self) -> None:
        """Apply the new configuration to this process and the number of workers: its first worker is ready."""
        self._policy.resize(self._target_of(self._config))
        previous, self._proven_config = self._proven_config, self._config
        if self._admin is not None:
            self._admin.reload(self._config, time.time())
        try:
            add_application_directory(self._config)
            reconfigure(self._config, previous)
        except UsageError as error:
            self._logger.error("This process keeps its current logging: %s", error)  # noqa: TRY400 - the text is all

    def _target_of(self, config: "Config") -> int:
        """How many workers a configuration asks for; the number set by signals stays until the option changes."""
        return self._policy.target if config.workers == self._proven_config.workers else config.workers or 1

    def _adopt(self, config: "Config") -> None:
        """Start the next workers with this configuration."""
        self._config = config
        self._policy.patience = patience(config)
        self._check_memory_at = (
            math.inf if config.limit_worker_memory == math.inf else time.monotonic() + MEMORY_CHECK_EVERY
        )

    def _upgrade(self) -> None:
        """Start this program again, and end when the new process serves."""
        if self._successor is not None:
            self._logger.warning("A new program is already starting [%d]", self._successor.pid)
        elif ends_everything():
            self._logger.error("SIGUSR2: cannot start a new program: all processes end with this one")
        else:
            self._start_program()

    def _start_program(self) -> None:
        from esg_core.processes.new_program import Successor

        try:
            self._successor = Successor(
                self._resources.shared_sockets.bound,
                self._resources.variables,
                self._resources.admin,
                self._resources.seats,
            )
        except OSError as error:
            self._logger.error("SIGUSR2: cannot start a new program: %s", error)  # noqa: TRY400 - as above
            return
        self._selector.register(self._successor.line, selectors.EVENT_READ, self._read_successor)
        self._logger.info("Starting a new program [%d]", self._successor.pid)

    def _read_successor(self, line: socket.socket) -> None:
        successor = self._successor
        if successor is None or (serves := successor.serves()) is None:
            return
        self._successor = None
        self._selector.unregister(line)
        if serves and self._admin is not None:
            self._admin.hand_over()
        if serves and self._resources.seats is not None:
            self._resources.seats.hand_over()
        line.close()
        if not serves:
            self._logger.error("The new program failed: %s; this one keeps serving", successor.end())
            self._reload_failed()
            return
        self._logger.info("The new program [%d] is serving; this one ends", successor.pid)
        self._resources.notifier.main_process(successor.pid)
        if self._policy.code is None:
            self._resources.shared_sockets.keep_files()
            self._policy.stop(time.monotonic(), others_serve=True)
            self._resources.shared_sockets.close_sockets()

    # The end.

    def stop(self, now: float) -> None:
        """Have all workers drain and end; the second time, end them at once."""
        if self._policy.code is not None:
            if now > self._stopped_at + ONE_SIGNAL:
                self._logger.warning("Second signal: stopping at once")
                self._stop_at_once()
            return
        self._stopped_at = now
        if self._policy.has_been_ready:
            self._workers.reap(now)  # a worker that died before has crashed: it was not lost by the stop
        if self._policy.gave_up:
            return
        self._logger.info("Shutting down %d workers", len(self._policy.workers))
        self._policy.stop(now)
        if self._successor is not None:
            self._successor.ask_to_end()
        self._resources.notifier.stopping(self._policy.longest_drain)
        self._resources.shared_sockets.close_sockets()

    def _stop_at_once(self) -> None:
        self._is_urgent = True
        self._policy.stop_at_once()
