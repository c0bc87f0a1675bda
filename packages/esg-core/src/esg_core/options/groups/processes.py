"""Options about running a server: its logs, its certificates, its process."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from esg_core.options.groups.shorthands import FilePath, Timeout
from esg_core.options.log_levels import Level
from esg_core.options.named_certificates import is_named_certificate
from esg_core.options.option import Group, option
from esg_core.options.validators import is_url_path
from esg_core.options.value_types import Flag, Importable, Integer, ListOf, PathOrTable, Seconds, Text

Endpoint = Annotated[str, Text("a path that begins with /, without ? or #", is_url_path, "PATH")]

Certificates = Annotated[Sequence[str], ListOf("HOST=CERT or HOST=CERT:KEY", is_named_certificate, "HOST=CERT:KEY")]

LogLevel = Annotated[str | int, Level()]
LogConfig = Annotated[str | os.PathLike[str] | Mapping[str, Any] | None, PathOrTable()]
ContextFactory = Annotated[str | Callable[..., Any] | None, Importable()]

OWN_LOGGING = "default"
"""The value of `log_config` that stands for ESG's own set-up."""


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class OperationOptions:
    """Logging, TLS, processes."""

    log_config: LogConfig = option(
        OWN_LOGGING,
        Group.LOGGING,
        "Logging configuration: a file .ini, .json, .yaml or .toml.",
        "Takes the place of ESG's own, which is `default`. A table is what `logging.config.dictConfig` takes. In a "
        "program, None leaves logging as the program has set it up.",
    )
    log_level: LogLevel = option(
        "info",
        Group.LOGGING,
        "Least level that is logged.",
        "`trace` shows each connection and each ASGI message. A number is one of Python's `logging`.",
    )
    log_timestamps: bool = option(
        False,
        Group.LOGGING,
        "Begin each line of the log with the time.",
        "In UTC, as RFC 3339 writes it. Counts for the lines whose format is ESG's own.",
    )
    access_log: bool = option(True, Group.LOGGING, "Log each request.")
    access_log_format: Annotated[str, Text("default, json or a format string", metavar="FORMAT")] = option(
        "default",
        Group.LOGGING,
        "Format of the access log: default, json, or a text with atoms.",
        "`json` is one object a line. Atoms are those of gunicorn: `%(h)s` the client, `%(r)s` the request line, "
        "`%(s)s` the status, `%(B)s` the bytes of the body, `%(L)s` the seconds it took, `%({name}i)s` a header.",
    )
    use_colors: Annotated[bool | None, Flag()] = option(
        None,
        Group.LOGGING,
        "Colour the log; on a terminal by default.",
        "When it is not set, colours are used on a terminal unless `NO_COLOR` is set.",
    )

    ssl_certfile: FilePath = option(
        None,
        Group.TLS,
        "Certificate, with its chain, in PEM; makes the server speak TLS.",
        "Files of TLS are read anew when they have changed: new connections get what is in them then.",
    )
    ssl_keyfile: FilePath = option(None, Group.TLS, "Private key in PEM, when it is not in the certificate's file.")
    ssl_keyfile_password: Annotated[str | None, Text(secret=True)] = option(
        None,
        Group.TLS,
        "Password of the private key.",
        "The command line is visible to every user of the machine: rather use the variable.",
    )
    ssl_sni: Certificates = option(
        (),
        Group.TLS,
        "Another certificate, for clients that ask for HOST. Repeatable.",
        "`HOST=CERT` where the key is in the same file. On Windows, a semicolon stands before the key. "
        "`*.HOST` is every name with one label more. All other clients get `ssl_certfile`.",
    )
    ssl_version: Annotated[int, Integer(2, 17)] = option(
        17,
        Group.TLS,
        "Protocol, as a number of Python's ssl module.",
        "17 is `ssl.PROTOCOL_TLS_SERVER`: the best version that both sides speak.",
    )
    ssl_cert_reqs: Annotated[int, Integer(0, 2)] = option(
        0, Group.TLS, "Client certificate: 0 none, 1 optional, 2 required.", "The values of `ssl.VerifyMode`."
    )
    ssl_ca_certs: FilePath = option(None, Group.TLS, "Authorities that client certificates must come from, in PEM.")
    ssl_ciphers: Annotated[str | None, Text("a cipher list of OpenSSL")] = option(
        None,
        Group.TLS,
        "Cipher list, as OpenSSL writes it.",
        "OpenSSL's own secure default when it is not set.",
        metavar="CIPHERS",
    )
    ssl_context_factory: ContextFactory = option(
        None,
        Group.TLS,
        "Function that makes the TLS context, as MODULE:ATTRIBUTE.",
        "Called with `(config, default_factory)`, returns an `ssl.SSLContext`: one of its own, or what "
        "`default_factory()` has made of the options, changed. Called again when files of TLS have changed. In a "
        "program, the function itself will do.",
        metavar="MODULE:ATTRIBUTE",
    )

    workers: Annotated[int | None, Integer(1)] = option(
        None,
        Group.PROCESSES,
        "Worker processes; by default, one process without a parent.",
        "A parent supervises them: it replaces those that end, and restarts all without a loss on SIGHUP, also if it "
        "is only one. Each imports the application, unless `preload` is on. Limits count for each worker.",
        fallback="WEB_CONCURRENCY",
    )
    preload: bool = option(
        False,
        Group.PROCESSES,
        "Import the application once, and fork the workers.",
        "Saves memory and time. New code needs a restart of the whole server, or SIGUSR2.",
    )
    limit_worker_memory: Annotated[int | None, Integer(unit="MiB", can_be_off=True)] = option(
        None,
        Group.PROCESSES,
        "Memory in use beyond which a worker is replaced.",
        "Resident memory, looked at every 5 seconds. The new worker is ready before the old one drains.",
    )
    limit_worker_lifetime: Timeout = option(
        None,
        Group.PROCESSES,
        "Age at which a worker is replaced.",
        "Up to a tenth is added at random, so that not all are replaced at once.",
    )
    timeout_worker_healthcheck: Timeout = option(
        30.0,
        Group.PROCESSES,
        "How long the event loop of a worker may be blocked.",
        "The log then says where it is, and it is killed and replaced. 0 never does.",
    )
    pid_file: FilePath = option(
        None,
        Group.PROCESSES,
        "File for the number of the process; removed at the end.",
        "Of the parent, if there are workers. A file that a running server holds is an error.",
    )
    shutdown_delay: Annotated[float, Seconds(can_be_off=False)] = option(
        0.0,
        Group.PROCESSES,
        "How long to go on serving after SIGTERM, not ready any more.",
        "Gives balancers the time to notice. Responses announce `connection: close` meanwhile.",
    )
    health: bool = option(
        False,
        Group.PROCESSES,
        "Answer the paths of liveness and readiness.",
        "Without the application, whatever the load.",
    )
    health_path: Endpoint = option("/__esg_health__", Group.PROCESSES, "Path of liveness: 200 while the server runs.")
    ready_path: Endpoint = option(
        "/__esg_ready__", Group.PROCESSES, "Path of readiness: 503 before start-up is done and from SIGTERM on."
    )


__all__ = ["OWN_LOGGING", "OperationOptions"]
