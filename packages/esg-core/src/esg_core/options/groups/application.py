"""Options about what is served, where, and in which protocols."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from esg_core.options.addresses import is_address
from esg_core.options.groups.shorthands import Bound, ByteLimit, FilePath
from esg_core.options.option import Group, about, option
from esg_core.options.validators import is_header, is_host, is_mount_path, is_name_or_import_string, is_peer
from esg_core.options.value_types import Directory, Host, Importable, Integer, ListOf, NameOrFactory, Text

AppReference = Annotated[str | Callable[..., Any], Importable()]
HookReference = Annotated[str | Callable[..., Any] | None, Importable()]
Implementation = Annotated[str, Text("a name or MODULE:ATTRIBUTE", is_name_or_import_string, "NAME")]
LoopReference = Annotated[
    str | Callable[[], Any], NameOrFactory("a name or MODULE:ATTRIBUTE", is_name_or_import_string, "NAME")
]

Addresses = Annotated[Sequence[str], ListOf("HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N", is_address, "ADDRESS")]
Peers = Annotated[Sequence[str], ListOf("addresses, networks (10.0.0.0/8), unix, names or *", is_peer, "PEERS")]
Fields = Annotated[
    Sequence[str],
    ListOf("NAME:VALUE, and none of connection, content-length, transfer-encoding", is_header, "NAME:VALUE", "\n"),
]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ServingOptions:
    """The application, the listeners, the protocols."""

    app: AppReference = field(
        kw_only=False,
        metadata=about(
            Group.APPLICATION,
            "The application to serve, as MODULE:ATTRIBUTE.",
            "In a program, the application itself will do.",
            metavar="APP",
        ),
    )

    host: Annotated[str | None, Host("a name, or an address without brackets", is_host, "HOST")] = option(
        "127.0.0.1",
        Group.BINDING,
        "Address or name to listen on.",
        "An IPv6 address is written without brackets. `0.0.0.0` listens on every interface of IPv4, `::` on those of "
        "both versions, and so does None in a program, also on a machine without IPv6. Sockets that systemd passes "
        "(`LISTEN_FDS`) take the place of host and port, unless `bind`, `uds` or `fd` is given.",
    )
    port: Annotated[int, Integer(0, 65535)] = option(
        8000, Group.BINDING, "Port to listen on; 0 picks a free one.", metavar="PORT"
    )
    uds: FilePath = option(
        None,
        Group.BINDING,
        "UNIX domain socket to listen on, instead of host and port.",
        "ESG makes the socket and removes it at the end.",
    )
    fd: Annotated[int | None, Integer()] = option(
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
        "Bind with SO_REUSEPORT, each worker for itself.",
        "The kernel then spreads connections evenly over workers, and other servers may listen on the same port.",
    )
    backlog: Bound = option(2048, Group.BINDING, "Connections that may wait to be accepted.")
    proxy_protocol: bool = option(
        False,
        Group.BINDING,
        "Expect the PROXY protocol, version 1 or 2, on each connection.",
        "For a balancer that speaks it, on every listener. Connections of peers that `forwarded_allow_ips` does not "
        "trust are closed. Where the balancer tells (version 2) that its client speaks TLS, the scheme is `https`; "
        "what else it tells is in the scope, as `extensions['esg.proxy_protocol']`.",
    )

    app_dir: Annotated[str, Directory()] = option(
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
        "`auto` tells ASGI 3 from ASGI 2 by looking; `wsgi` needs the package `a2wsgi` (`pip install a2wsgi`).",
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

    loop: LoopReference = option(
        "auto",
        Group.PROTOCOLS,
        "Event loop: auto, asyncio, uvloop or MODULE:ATTRIBUTE.",
        "`auto` is uvloop where it is installed, `none` what `asyncio.new_event_loop()` makes. In a program, a "
        "function that makes a loop will do. Other packages add names by entry points of the group `esg.loop`.",
    )
    http: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "HTTP parser: auto, httptools, h11 or MODULE:ATTRIBUTE.",
        "`auto` is httptools where it is installed. Other packages add names by entry points of the group `esg.http`.",
    )
    ws: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "WebSocket: auto, none, websockets, wsproto or MODULE:ATTRIBUTE.",
        "`auto` is websockets where it is installed, else wsproto, else none. With `none`, and for WSGI applications, "
        "requests for a WebSocket are plain HTTP. Other packages add names by entry points of the group `esg.ws`.",
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


__all__ = ["AppReference", "ServingOptions"]
