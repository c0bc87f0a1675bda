"""Notifies systemd of the state of a service (rule W-5); see sd_notify(3) and sd_watchdog_enabled(3).

Knows the environment and datagrams, and nothing of servers. Systemd listens only to the main process of a service.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from math import inf
from typing import Self

from esg_core.lifecycle.heartbeat import Heartbeat

PATIENCE = 1.0
"""Seconds that systemd may take to receive a datagram."""

PINGS = 3
"""Pings within the time of the watchdog; systemd asks for at least two."""


class Notifier:
    """Notifies systemd by datagrams to `address`, written as in `$NOTIFY_SOCKET`; does nothing without an address.

    The first failure is logged, and none does any harm. `watchdog` is the time in seconds within which systemd expects
    `alive()`; `inf` if it expects none.
    """

    def __init__(self, address: str = "", watchdog: float = inf) -> None:
        self.watchdog = watchdog
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._logger = logging.getLogger("esg.error")
        self._has_failed = False
        self._heartbeat: Heartbeat | None = None

    @classmethod
    def create(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The notifier that the environment asks for."""
        address = environment.get("NOTIFY_SOCKET")
        return cls(address, _watchdog(environment)) if address and hasattr(socket, "AF_UNIX") else cls()

    def ready(self, status: str = "") -> None:
        """The service has started or reloaded; `status` is for people."""
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """A reload has begun; `ready()` is its end."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, patience: float = inf) -> None:
        """The service is stopping, and may need `patience` seconds, whatever `TimeoutStopSec=` says."""
        extension = "" if patience == inf else f"EXTEND_TIMEOUT_USEC={round(patience * 1_000_000)}"
        self._tell("STOPPING=1", _status("Shutting down"), extension)

    def status(self, text: str) -> None:
        """Set the text that `systemctl status` shows."""
        self._tell(_status(text))

    def main_process(self, pid: int) -> None:
        """Another process is the main one from now on."""
        self._tell(f"MAINPID={pid}")

    def alive(self) -> None:
        """Ping the watchdog; to be called `PINGS` times within `watchdog` seconds."""
        self._tell("WATCHDOG=1")

    def start_pinging(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call `alive()` from the event loop for as long as it runs; does nothing without a watchdog."""
        if self.watchdog < inf:
            self._heartbeat = Heartbeat(loop, self.watchdog / PINGS, self.alive)

    def stop_pinging(self) -> None:
        """Stop calling `alive()`; may be called at any time."""
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(PATIENCE)
                sock.connect(self._address)
                sock.send("\n".join(filter(None, lines)).encode())
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                self._logger.warning(
                    "cannot notify systemd of %s: NOTIFY_SOCKET: %s", lines[0], error.strerror or error
                )


def _watchdog(environment: Mapping[str, str]) -> float:
    """The time of the watchdog in seconds; `inf` if it does not watch this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return inf
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1_000_000 if text.isdecimal() and int(text) else inf


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}" if text else ""
