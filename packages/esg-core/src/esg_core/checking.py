"""Finds what would keep a server from starting, without starting it: what `--check` does.

Imports the application, its hook and the implementations that are asked for, reads certificates and the formats of the
log. Binds no socket, runs no lifespan and configures no logging.
"""

from typing import TYPE_CHECKING

from esg_core.access.formats import line_format
from esg_core.errors import StartupError
from esg_core.loading import import_string, load_application
from esg_core.registry import http_factory, loop_factory
from esg_core.tls import server_context

if TYPE_CHECKING:
    from esg_core.config import Config


def check(config: "Config") -> None:
    """Raise the `UsageError` or `StartupError` that starting the server would raise first."""
    loop_factory(config.loop)
    http_factory(config.http)
    line_format(config.access_log_format)
    server_context(config)
    load_application(config)
    if isinstance(config.on_response, str) and not callable(import_string(config.on_response, "the response hook")):
        raise StartupError(f"the response hook {config.on_response!r} cannot be called")


__all__ = ["check"]
