"""Options that exclude or need each other.

Knows options by name only; each value has already been checked by itself. An option that merely has no effect (the
path of the health endpoint while `health` is off) is no conflict: a feature can be switched off without undoing its
settings.
"""

import math
import sys
from collections.abc import Collection, Mapping

from esg_core.errors import UsageError
from esg_core.options.addresses import is_address
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.option import Spell

DISPLACES = {
    "bind": ("host", "port", "uds", "fd"),
    "uds": ("bind", "fd"),
    "fd": ("bind", "uds"),
    "host": ("bind", "uds", "fd"),
    "port": ("bind", "uds", "fd"),
}
"""Which listener options of a lower source are dropped when a higher source sets one of them."""

IMPORTED_BY_NAME = ("app", "on_response", "loop", "ssl_context_factory")
"""Options that may be objects of a program, which cannot be passed to a new process."""

NEED_TLS = (
    "ssl_keyfile",
    "ssl_keyfile_password",
    "ssl_version",
    "ssl_min_version",
    "ssl_cert_reqs",
    "ssl_ca_certs",
    "ssl_crl",
    "ssl_ciphers",
    "ssl_sni",
    "http3",
)

ABOUT_WORKERS = ("workers", "preload", "limit_worker_memory", "limit_worker_lifetime")
"""Options that a single-process server cannot obey."""


def check_combinations(values: Mapping[str, object], given: Collection[str], spell: Spell = str) -> None:
    """Raise `UsageError` for the first conflict; `values` are all options, `given` those that the user set."""
    _check_listeners(values, given, spell)
    _check_tls(values, spell)
    _check_http3(values, spell)
    _check_application(values, spell)
    _check_reload(values, spell)
    _check_workers(values, spell)
    _check_health(values, spell)
    _check_admission(values, spell)
    _check_websocket(values, spell)


def _check_listeners(values: Mapping[str, object], given: Collection[str], spell: Spell) -> None:
    bind, uds, fd = spell("bind"), spell("uds"), spell("fd")
    _check_host(str(values["host"]), spell)
    for name in DISPLACES["bind"]:
        if values["bind"] and name in given and values[name] is not None:
            raise UsageError(f"{bind} and {spell(name)} cannot be combined: name every listener with {bind}")
    if values["uds"] is not None and values["fd"] is not None:
        raise UsageError(f"{uds} and {fd} cannot be combined: for both, use {bind} unix:PATH and {bind} fd://N")
    if values["reuse_port"] and (values["uds"] is not None or values["fd"] is not None):
        raise UsageError(f"{spell('reuse_port')} applies to host and port only: leave it out with {uds} or {fd}")


def _check_host(host: str, spell: Spell) -> None:
    """Refuse a host with a port, which other servers accept as an address."""
    if is_address(host):
        raise UsageError(
            f"{spell('host')} {host}: includes a port: pass that by {spell('port')}, or the whole address by"
            f" {spell('bind')}"
        )


def _check_tls(values: Mapping[str, object], spell: Spell) -> None:
    for name in NEED_TLS:
        if values[name] != SERVER_OPTIONS[name].default and values["ssl_certfile"] is None:
            raise UsageError(f"{spell(name)} needs {spell('ssl_certfile')}: without a certificate there is no TLS")
    for name in ("ssl_cert_reqs", "ssl_crl"):
        if values[name] and values["ssl_ca_certs"] is None:
            raise UsageError(
                f"{spell(name)} needs {spell('ssl_ca_certs')}: the authorities that may sign client certificates"
            )


def _check_http3(values: Mapping[str, object], spell: Spell) -> None:
    if not values["http3"]:
        return
    for name in ("ssl_cert_reqs", "ssl_context_factory"):
        if values[name]:
            raise UsageError(f"{spell('http3')} and {spell(name)} cannot be combined: QUIC has a TLS of its own")
    for name in _given_for_workers(values):
        if sys.platform != "linux":
            raise UsageError(
                f"{spell('http3')} and {spell(name)} cannot be combined: only Linux can spread UDP over workers"
            )


def _check_application(values: Mapping[str, object], spell: Spell) -> None:
    if values["factory"] and not isinstance(values["app"], str):
        raise UsageError(f"{spell('factory')} needs the application as 'MODULE:ATTRIBUTE': call the function yourself")


def _check_reload(values: Mapping[str, object], spell: Spell) -> None:
    if values["reload"] and str(values["admin"]).startswith("fd://"):
        raise UsageError(f"{spell('reload')} needs {spell('admin')} as HOST:PORT or unix:PATH: each process binds it")
    for name in IMPORTED_BY_NAME:
        if values["reload"] and callable(values[name]):
            raise UsageError(f"{spell('reload')} needs {spell(name)} as 'MODULE:ATTRIBUTE': a new process imports it")


def _check_workers(values: Mapping[str, object], spell: Spell) -> None:
    for name in _given_for_workers(values):
        if values["reload"]:
            raise UsageError(
                f"{spell('reload')} and {spell(name)} cannot be combined: reloading works with one process only"
            )
        for imported in IMPORTED_BY_NAME:
            if callable(values[imported]) and not values["preload"]:
                raise UsageError(f"{spell(name)} needs {spell(imported)} as 'MODULE:ATTRIBUTE': each worker imports it")


def _given_for_workers(values: Mapping[str, object]) -> list[str]:
    """The options of `ABOUT_WORKERS` that ask for more than a single process."""
    needs_no_parent = (("workers", 1), ("limit_worker_memory", math.inf), ("limit_worker_lifetime", math.inf))
    return [name for name in ABOUT_WORKERS if values[name] and (name, values[name]) not in needs_no_parent]


def _check_health(values: Mapping[str, object], spell: Spell) -> None:
    if values["health"] and values["health_path"] == values["ready_path"]:
        raise UsageError(
            f"{spell('health_path')} and {spell('ready_path')} must differ: both are {values['ready_path']}"
        )


def _check_admission(values: Mapping[str, object], spell: Spell) -> None:
    least = values["backpressure_min_limit"]
    assert isinstance(least, int)
    for name in ("backpressure_max_limit", "limit_concurrent_requests"):
        most = values[name]
        if values["backpressure"] and isinstance(most, int) and least > most:
            raise UsageError(f"{spell('backpressure_min_limit')} {least} is greater than {spell(name)} {most}")


def _check_websocket(values: Mapping[str, object], spell: Spell) -> None:
    largest, most = values["ws_max_size"], values["ws_max_queue_bytes"]
    if isinstance(largest, int) and isinstance(most, int) and most < largest:
        raise UsageError(
            f"{spell('ws_max_queue_bytes')} {most} is less than {spell('ws_max_size')} {largest}: "
            "the largest message would not fit"
        )
