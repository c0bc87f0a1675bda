"""What is not counted, as operators are told of it: options, versions, certificates, the queues of listeners.

A secret is never shown.
"""

import platform
import socket
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from esg_core import __version__
from esg_core.figures import families
from esg_core.figures.certificates import certificate_reading
from esg_core.figures.listeners import listener_readings
from esg_core.figures.process import process_readings, python_reading
from esg_core.figures.readings import Reading, Series, single
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.named_certificates import parse_named_certificate
from esg_core.plugins import KNOWN
from esg_core.sockets.bound import describe

if TYPE_CHECKING:
    from esg_core.options.config import Config

_PLAIN = (str, int, float, bool, type(None))


def shown_options(config: "Config") -> dict[str, Any]:
    """The options that differ from their defaults, fit for JSON, without those that are secret."""
    return {
        name: _shown(name, value) for name, value in config.changed().items() if not SERVER_OPTIONS[name].kind.secret
    }


class Reloads:
    """How the configuration was last read: when it last `succeeded_at`, in seconds since 1970, and if `has_failed`."""

    def __init__(self, at: float) -> None:
        self.succeeded_at = at
        self.has_failed = False

    def succeed(self, at: float) -> None:
        """The new configuration is in use."""
        self.succeeded_at, self.has_failed = at, False

    def fail(self) -> None:
        """The old configuration stays in use."""
        self.has_failed = True


def server_readings(*, is_ready: bool, reloads: Reloads, started_at: float, pids: Iterable[int]) -> list[Reading]:
    """What every process model says of itself: its state, its version, and the sums over its processes."""
    return [
        single(families.READY, is_ready),
        Reading(families.BUILD, [Series((__version__,), 1.0)]),
        single(families.RELOADED, not reloads.has_failed),
        single(families.RELOADED_AT, reloads.succeeded_at),
        *process_readings(pids, started_at),
    ]


def common_readings(config: "Config", listeners: Iterable[socket.socket]) -> list[Reading]:
    """What every process model has: the interpreter, certificates, and the backlogs of listeners that are open."""
    certificates = certificate_reading(_certificates(config))
    backlogs = listener_readings({describe(one): one for one in listeners if one.fileno() >= 0})
    return [python_reading(), *([] if certificates is None else [certificates]), *backlogs]


@cache
def versions() -> dict[str, str]:
    """The versions of the interpreter and of all packages that ESG uses, as far as they are installed."""
    needs = (package for group in KNOWN.values() for known in group.values() for package in known.needs)
    found = {"python": platform.python_version(), "esg-core": __version__}
    for package in ("esg", *needs):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _certificates(config: "Config") -> dict[str, str]:
    """The files of certificates by the name that clients ask for, or `default`."""
    named = {one.host: one.certificate for one in map(parse_named_certificate, config.ssl_sni)}
    return named if config.ssl_certfile is None else {"default": str(config.ssl_certfile), **named}


def _shown(name: str, value: object) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple) and all(isinstance(item, _PLAIN) for item in value):
        return list(value)
    return "a table" if isinstance(value, Mapping) else SERVER_OPTIONS[name].shown(value)  # a table may hold secrets
