"""The options of the server and of its command, each declared once.

Declarations only: a field's annotation says what is allowed, `option()` gives the default and the help text. The
command line, the variables, the keys of the configuration file, the checks and the reference are derived
(`esg_core.options.option`). A new option is a new field in a module of `esg_core.options.groups`, and the code that
obeys it.
"""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.application import ApplicationOptions
from esg_core.options.groups.development import DevelopmentOptions
from esg_core.options.groups.http2 import HTTP2Options
from esg_core.options.groups.http3 import HTTP3Options
from esg_core.options.groups.limits import LimitOptions
from esg_core.options.groups.listening import ListeningOptions
from esg_core.options.groups.logging import LoggingOptions
from esg_core.options.groups.monitoring import MonitoringOptions
from esg_core.options.groups.processes import ProcessOptions
from esg_core.options.groups.protocols import ProtocolOptions
from esg_core.options.groups.shorthands import FilePath
from esg_core.options.groups.tls import TLSOptions
from esg_core.options.groups.websocket import WebSocketOptions
from esg_core.options.groups.wsgi import WSGIOptions
from esg_core.options.option import Group, option, options_of
from esg_core.options.presets import PRESETS
from esg_core.options.value_types import Action, Choice


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ServerOptions(
    MonitoringOptions,
    ProcessOptions,
    TLSOptions,
    LoggingOptions,
    WebSocketOptions,
    HTTP3Options,
    HTTP2Options,
    LimitOptions,
    DevelopmentOptions,
    WSGIOptions,
    ProtocolOptions,
    ListeningOptions,
    ApplicationOptions,
):
    """All options of a server: the fields of `Config`, those of the last base first."""

    preset: Annotated[str | None, Choice(tuple(PRESETS))] = option(
        None,
        Group.CONFIGURATION,
        "Set of defaults for one situation.",
    )


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class CommandOptions:
    """Options of the command in addition to those of the server."""

    config: FilePath = option(
        None,
        Group.CONFIGURATION,
        "Configuration file in TOML, or pyproject.toml.",
        "Its keys are the names on this page; in a `pyproject.toml`, they belong in the table `[tool.esg]`.",
        metavar="FILE",
    )
    check: Annotated[bool, Action()] = option(
        False, Group.CONFIGURATION, "Check options and application, print the options, and exit."
    )
    version: Annotated[bool, Action()] = option(False, Group.CONFIGURATION, "Print the version and exit.")


SERVER_OPTIONS = options_of(ServerOptions)
COMMAND_OPTIONS = options_of(CommandOptions)

COMMON = (
    "host",
    "port",
    "uds",
    "app_dir",
    "factory",
    "root_path",
    "reload",
    "reload_dir",
    "proxy_headers",
    "forwarded_allow_ips",
    "timeout_keep_alive",
    "timeout_graceful_shutdown",
    "log_level",
    "access_log",
    "ssl_certfile",
    "ssl_keyfile",
    "workers",
    "health",
    "admin",
    "preset",
    "config",
    "check",
    "version",
)
"""The options that most people need: those that `esg --help` shows, and the reference lists first."""
