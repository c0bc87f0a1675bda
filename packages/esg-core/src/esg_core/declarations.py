"""The options of the server and of its command, each declared once.

Nothing here acts: a field's annotation says what is allowed, `option()` says the default and what it means. The command
line, the variables, the keys of the configuration file, the checks and the reference are derived (`esg_core.options`).
A new option is a new field here, and nothing anywhere else but the code that obeys it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from esg_core.addresses import is_address
from esg_core.kinds import Action, Choice, Flag, Importable, Items, Path, PathOrTable, Seconds, Text, Whole
from esg_core.options import Group, about, option, options_of
from esg_core.presets import PRESETS
from esg_core.shapes import is_header, is_host, is_mount_path, is_name_or_import_string, is_peer, is_url_path

FilePath = Annotated[str | os.PathLike[str] | None, Path()]
Limit = Annotated[int | None, Whole(can_be_off=True)]
ByteLimit = Annotated[int | None, Whole(unit="bytes", can_be_off=True)]
Bound = Annotated[int, Whole(1)]
ByteBound = Annotated[int, Whole(1, unit="bytes")]
Timeout = Annotated[float | None, Seconds()]
Endpoint = Annotated[str, Text("a path that begins with /, without ? or #", is_url_path, "PATH")]
AppReference = Annotated[str | Callable[..., Any], Importable()]
HookReference = Annotated[str | Callable[..., Any] | None, Importable()]
Implementation = Annotated[str, Text("a name or MODULE:ATTRIBUTE", is_name_or_import_string, "NAME")]

Addresses = Annotated[Sequence[str], Items("HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N", is_address, "ADDRESS")]
Peers = Annotated[Sequence[str], Items("addresses, networks (10.0.0.0/8), unix, names or *", is_peer, "PEERS")]
Fields = Annotated[
    Sequence[str],
    Items("NAME:VALUE, and none of connection, content-length, transfer-encoding", is_header, "NAME:VALUE", "\n"),
]

LogLevel = Literal["critical", "error", "warning", "info", "debug", "trace"]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """What a server can be told: the fields of `Config`."""

    app: AppReference = field(
        kw_only=False,
        metadata=about(
            Group.APPLICATION,
            "The application to serve, as MODULE:ATTRIBUTE.",
            "In a program, the application itself will do.",
            metavar="APP",
        ),
    )

    host: Annotated[str, Text("a name, or an address without brackets", is_host, "HOST")] = option(
        "127.0.0.1",
        Group.BINDING,
        "Address or name to listen on.",
        "An IPv6 address is written without brackets. `0.0.0.0` or `::` listens on every interface.",
    )
    port: Annotated[int, Whole(0, 65535)] = option(
        8000, Group.BINDING, "Port to listen on; 0 picks a free one.", metavar="PORT"
    )
    uds: FilePath = option(
        None,
        Group.BINDING,
        "UNIX domain socket to listen on, instead of host and port.",
        "ESG makes the socket and removes it at the end.",
    )
    fd: Annotated[int | None, Whole()] = option(
        None,
        Group.BINDING,
        "Inherited socket to listen on, instead of host and port.",
        "The number of a descriptor that a supervisor opened, of any family; ESG does not remove what it did not make.",
        metavar="FD",
    )
    bind: Addresses = option(
        (),
        Group.BINDING,
        "Listen on HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N. Repeatable.",
        "Several listeners in one process. Takes the place of `host`, `port`, `uds` and `fd`.",
    )
    reuse_port: bool = option(
        False,
        Group.BINDING,
        "Bind with SO_REUSEPORT.",
        "Several servers may then listen on the same address and port; the kernel spreads connections over them.",
    )
    backlog: Bound = option(2048, Group.BINDING, "Connections that may wait to be accepted.")
    proxy_protocol: bool = option(
        False,
        Group.BINDING,
        "Expect the PROXY protocol, version 1 or 2, on each connection.",
        "For a balancer that speaks it, on every listener. Connections of peers that `forwarded_allow_ips` does not "
        "trust are closed.",
    )

    app_dir: Annotated[str, Text("a directory", str.isprintable, "DIR")] = option(
        "",
        Group.APPLICATION,
        "Directory to import APP from; the current one by default.",
        "It is put in front of `sys.path`.",
    )
    factory: bool = option(
        False,
        Group.APPLICATION,
        "APP is a function that returns the application.",
        "It is called once, without arguments. In a program, call it yourself.",
    )
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"] = option(
        "auto",
        Group.APPLICATION,
        "Interface of the application.",
        "`auto` tells ASGI 3 from ASGI 2 by looking; `wsgi` needs the package `a2wsgi` (`pip install esg[wsgi]`).",
    )
    lifespan: Literal["auto", "on", "off"] = option(
        "auto",
        Group.APPLICATION,
        "Run the application's start-up and shutdown.",
        "`on`: a failure stops the server with exit code 3. `auto`: an application without lifespan is tolerated.",
    )
    root_path: Annotated[str, Text("empty, or a path that begins with /", is_mount_path, "PATH")] = option(
        "",
        Group.APPLICATION,
        "Path under which a proxy mounts the application.",
        "The ASGI `root_path`; it is put in front of the path of each request.",
    )
    env_file: FilePath = option(
        None,
        Group.APPLICATION,
        "File of variables for the application's environment.",
        "Read with `python-dotenv` before the application is imported. `ESG_*` variables in it have no effect.",
    )
    reset_contextvars: bool = option(
        False,
        Group.APPLICATION,
        "Run each request in a fresh context.",
        "Context variables that the lifespan has set are then not seen by requests.",
    )
    on_response: HookReference = option(
        None,
        Group.APPLICATION,
        "Hook that sees each response before it is sent.",
        "Called with `(scope or None, status, headers)` once for each final response, ESG's own included; may return "
        "another `(status, headers)`. In a program, the function itself will do.",
    )

    loop: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "Event loop: auto, asyncio, uvloop or MODULE:ATTRIBUTE.",
        "`auto` is uvloop where it is installed. Other packages add names by entry points of the group `esg.loop`.",
    )
    http: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "HTTP parser: auto, httptools, h11 or MODULE:ATTRIBUTE.",
        "`auto` is httptools where it is installed. Other packages add names by entry points of the group `esg.http`.",
    )
    h11_max_incomplete_event_size: ByteLimit = option(
        None,
        Group.PROTOCOLS,
        "With h11, bytes of a head that is not complete yet.",
        "Counts only where it is lower than the limits of the request line and of the header fields together.",
    )
    proxy_headers: bool = option(
        True,
        Group.PROTOCOLS,
        "Take client and scheme from the headers of a trusted proxy.",
        "`x-forwarded-for`, `-proto`, `-host`, `-port`, `-prefix` and `forwarded`, see `forwarded_allow_ips`.",
    )
    forwarded_allow_ips: Peers = option(
        ("127.0.0.1", "::1"),
        Group.PROTOCOLS,
        "Proxies to trust: addresses, networks, unix or *.",
        "`unix` is every peer on a UNIX socket, `localhost` both loopback addresses; a name is compared with what a "
        "proxy calls itself. `*` trusts everybody: only for servers that nobody but the proxy can reach.",
        fallback="FORWARDED_ALLOW_IPS",
    )
    server_header: bool = option(True, Group.PROTOCOLS, "Send a server header.")
    date_header: bool = option(True, Group.PROTOCOLS, "Send a date header.")
    header: Fields = option(
        (),
        Group.PROTOCOLS,
        "Header to add to each response. Repeatable.",
        "A `server` or `date` takes the place of ESG's own.",
    )

    limit_concurrency: Limit = option(
        None,
        Group.LIMITS,
        "Connections or running requests, beyond which requests get 503.",
        "The answer carries `retry-after: 1` and `connection: close`.",
    )
    limit_max_requests: Limit = option(
        None,
        Group.LIMITS,
        "Requests after which the server stops.",
        "It drains and exits with code 0, for a supervisor to start it anew.",
    )
    limit_max_requests_jitter: Annotated[int, Whole()] = option(
        0,
        Group.LIMITS,
        "Add up to N to that limit, at random.",
        "Keeps several servers with the same `limit_max_requests` from stopping at once.",
    )
    limit_keepalive_requests: Limit = option(None, Group.LIMITS, "Requests after which a connection is closed.")
    limit_request_line: ByteBound = option(
        16384, Group.LIMITS, "Bytes of a request line; longer ones get 414.", "Cannot be switched off."
    )
    limit_request_headers: Bound = option(
        128, Group.LIMITS, "Header fields of a request; more get 431.", "Cannot be switched off."
    )
    limit_request_header_size: ByteBound = option(
        65536, Group.LIMITS, "Bytes of all header fields; more get 431.", "Cannot be switched off."
    )
    limit_request_body: ByteLimit = option(None, Group.LIMITS, "Bytes of a request body; larger ones get 413.")
    timeout_keep_alive: Timeout = option(
        5.0,
        Group.LIMITS,
        "How long an idle connection is kept for the next request.",
        "Behind a load balancer it must be longer than the balancer's own: see `preset`.",
    )
    timeout_request_headers: Timeout = option(
        15.0,
        Group.LIMITS,
        "How long the headers of a request may take.",
        "From the first byte, for the first request of a connection from accepting it. Then 408.",
    )
    timeout_request: Timeout = option(
        300.0,
        Group.LIMITS,
        "How long a request, its body included, may take.",
        "To the end of its body; does not run while ESG itself has paused reading. Then 408.",
    )
    timeout_write: Timeout = option(
        60.0,
        Group.LIMITS,
        "How long a client may leave a response unread.",
        "A response that makes no progress for so long is aborted.",
    )
    timeout_tls_handshake: Timeout = option(15.0, Group.LIMITS, "How long a TLS handshake may take.")
    timeout_graceful_shutdown: Timeout = option(
        25.0,
        Group.LIMITS,
        "How long running requests may go on after SIGTERM.",
        "Then they are cancelled, and the exit code is 1. 0 waits without end.",
    )

    log_config: Annotated[str | os.PathLike[str] | Mapping[str, Any] | None, PathOrTable()] = option(
        None,
        Group.LOGGING,
        "Logging configuration: a file .ini, .json, .yaml or .toml.",
        "Takes the place of ESG's own. A table is what `logging.config.dictConfig` takes.",
    )
    log_level: LogLevel = option("info", Group.LOGGING, "Least level that is logged.")
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

    ssl_certfile: FilePath = option(None, Group.TLS, "Certificate, with its chain, in PEM; makes the server speak TLS.")
    ssl_keyfile: FilePath = option(None, Group.TLS, "Private key in PEM, when it is not in the certificate's file.")
    ssl_keyfile_password: Annotated[str | None, Text(secret=True)] = option(
        None,
        Group.TLS,
        "Password of the private key.",
        "The command line is visible to every user of the machine: rather use the variable.",
    )
    ssl_version: Annotated[int, Whole(2, 17)] = option(
        17,
        Group.TLS,
        "Protocol, as a number of Python's ssl module.",
        "17 is `ssl.PROTOCOL_TLS_SERVER`: the best version that both sides speak.",
    )
    ssl_cert_reqs: Annotated[int, Whole(0, 2)] = option(
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

    preset: Annotated[str | None, Choice(tuple(PRESETS))] = option(
        None,
        Group.CONFIGURATION,
        "Defaults of several options, made for one situation.",
    )


@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """What the command can be told beside the options of the server."""

    config: FilePath = option(
        None,
        Group.CONFIGURATION,
        "Configuration file in TOML, or pyproject.toml.",
        "Its keys are the names of this page; in a `pyproject.toml` they stand in the table `[tool.esg]`.",
        metavar="FILE",
    )
    check: Annotated[bool, Action()] = option(
        False, Group.CONFIGURATION, "Check options and application, print the options, and exit."
    )
    version: Annotated[bool, Action()] = option(False, Group.CONFIGURATION, "Print the version and exit.")


SERVER_OPTIONS = options_of(ServerOptions)
COMMAND_OPTIONS = options_of(CommandOptions)

__all__ = ["COMMAND_OPTIONS", "SERVER_OPTIONS", "CommandOptions", "ServerOptions"]
