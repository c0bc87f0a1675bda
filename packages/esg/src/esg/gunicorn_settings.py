"""Translates gunicorn's settings to ESG's options for a gunicorn worker.

Knows the names on both sides and nothing of processes. Gunicorn's settings count where it has one; `ESG_*` variables
win over them, the worker's `CONFIG_KWARGS` over both, and these two set everything else.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from esg_core.errors import UsageError
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.conflicts import DISPLACES
from esg_core.options.merging import load
from esg_core.options.sources import Environment, Keywords

if TYPE_CHECKING:
    from esg_core.options.config import Config

MARGIN = 2.0
"""Seconds of `graceful_timeout` reserved for the application's shutdown: then gunicorn kills the worker."""

SHORTEST_DRAIN = 0.1
"""Seconds; 0 would mean no limit for ESG, but means no time at all for gunicorn."""

_TLS = {
    "certfile": "ssl_certfile",
    "keyfile": "ssl_keyfile",
    "ca_certs": "ssl_ca_certs",
    "ciphers": "ssl_ciphers",
}

_WHERE_CHANGED = {
    "limit_request_line": "limit_request_line",
    "limit_request_fields": "limit_request_headers",
    "root_path": "root_path",
    "asgi_disconnect_grace_period": "timeout_disconnected",
    "asgi_lifespan": "lifespan",
    "asgi_loop": "loop",
    "websocket_max_message_size": "ws_max_size",
}
"""Settings that count only if changed: ESG has its own defaults."""


def config_for(app: Any, settings: Any, overrides: Mapping[str, Any], max_requests: int | None) -> "Config":
    """The configuration of a worker; `settings` are gunicorn's, `overrides` the `CONFIG_KWARGS`.

    Raises `UsageError`, which names a wrong option as it was written where it was set.
    """
    in_environment = Environment(os.environ).read()
    given = {**_from(settings), "limit_max_requests": max_requests}
    given = {name: value for name, value in given.items() if name not in in_environment}
    return load(Keywords({**given, **overrides, **_NOT_OURS, "app": app})).config


def ignored_variables(overrides: Mapping[str, Any], config: "Config") -> Iterator[str]:
    """A line for each `ESG_*` variable that has no effect in a worker of this `config`, with the reason."""
    for name, setting in Environment(os.environ).read().items():
        if name in _OF_GUNICORN:
            yield f"{setting.spelled} has no effect: gunicorn decides that"
        elif name in overrides and getattr(config, name) != setting.value:
            said = SERVER_OPTIONS[name].shown(overrides[name])
            yield f"{setting.spelled} has no effect: the worker's CONFIG_KWARGS set {name}={said}"


_NOT_OURS = {
    "reload": False,
    "workers": None,
    "preload": False,
    "limit_worker_memory": None,
    "limit_worker_lifetime": None,
    "pid_file": None,
    "process_name": None,
    "prometheus_multiproc": "auto",
    "admin": None,
}
"""What gunicorn does itself, whatever a variable says; WEB_CONCURRENCY is meant for it."""

_OF_GUNICORN = {
    *(*_NOT_OURS, *DISPLACES, "reuse_port", "backlog", "log_config", "log_level", "use_colors"),
    *("uds_permissions", "uds_owner", "uds_group"),
}
"""Options that have no effect here: processes, addresses and logs are gunicorn's."""


def _from(settings: Any) -> dict[str, Any]:
    _check(settings)
    return {
        "timeout_keep_alive": settings.keepalive or None,
        "limit_keepalive_requests": None if settings.keepalive else 1,
        "timeout_graceful_shutdown": _drain(settings.graceful_timeout),
        "forwarded_allow_ips": [*map(str, settings.forwarded_allow_ips), "unix"],
        "proxy_protocol": _is_on(settings.proxy_protocol),
        "access_log": bool(logging.getLogger("esg.access").handlers),
        "access_log_format": settings.access_log_format,
        **_changed(settings),
        **_tls(settings),
    }


def _check(settings: Any) -> None:
    """Raise `UsageError` for settings that would unexpectedly have no effect."""
    if settings.settings["ssl_context"].get() is not settings.settings["ssl_context"].default:
        raise UsageError("ssl_context: this worker creates its own TLS context: set certfile, or ESG's ssl_* options")
    if _is_on(settings.proxy_protocol) and settings.proxy_allow_ips != settings.forwarded_allow_ips:
        raise UsageError("proxy_allow_ips: this worker trusts the same proxies for both: set forwarded_allow_ips to it")


def _is_on(proxy_protocol: Any) -> bool:
    """Whether it is on: older versions of gunicorn have true and false, newer ones a word."""
    return bool(proxy_protocol) and proxy_protocol != "off"


def _drain(graceful_timeout: float) -> float:
    return max(SHORTEST_DRAIN, graceful_timeout / 2, graceful_timeout - MARGIN)


def _changed(settings: Any) -> dict[str, Any]:
    found = {ours: settings.settings.get(theirs) for theirs, ours in _WHERE_CHANGED.items()}
    return {
        name: setting.get()
        for name, setting in found.items()
        if setting is not None and setting.get() != setting.default
    }


def _tls(settings: Any) -> dict[str, Any]:
    if not settings.is_ssl:
        return {}
    given = {ours: getattr(settings, theirs) for theirs, ours in _TLS.items()}
    return {**given, "ssl_cert_reqs": int(settings.cert_reqs)}
