"""Options about the protocols that are served, and about trust in the headers of proxies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any

from esg_core.options.groups.shorthands import ByteLimit
from esg_core.options.option import Group, option
from esg_core.options.validators import is_header, is_name_or_import_string, is_peer
from esg_core.options.value_types import ListOf, NameOrFactory, Text

Implementation = Annotated[str, Text("a name or MODULE:ATTRIBUTE", is_name_or_import_string, "NAME")]
LoopReference = Annotated[
    str | Callable[[], Any], NameOrFactory("a name or MODULE:ATTRIBUTE", is_name_or_import_string, "NAME")
]

Peers = Annotated[Sequence[str], ListOf("addresses, networks (10.0.0.0/8), unix, names or *", is_peer, "PEERS")]
Fields = Annotated[
    Sequence[str],
    ListOf("NAME:VALUE, except connection, content-length and transfer-encoding", is_header, "NAME:VALUE", "\n"),
]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ProtocolOptions:
    """The event loop, HTTP, WebSocket, and proxies."""

    loop: LoopReference = option(
        "auto",
        Group.PROTOCOLS,
        "Event loop: auto, asyncio, uvloop or MODULE:ATTRIBUTE.",
        "`auto` is uvloop if it is installed, `none` what `asyncio.new_event_loop()` returns. In a program, it can be "
        "a function that returns a loop. Other packages add names with entry points in the group `esg.loop`.",
    )
    http: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "HTTP parser: auto, httptools, h11 or MODULE:ATTRIBUTE.",
        "`auto` is httptools if it is installed. Other packages add names with entry points in the group `esg.http`.",
    )
    ws: Implementation = option(
        "auto",
        Group.PROTOCOLS,
        "WebSocket: auto, none, websockets, wsproto or MODULE:ATTRIBUTE.",
        "`auto` is websockets if it is installed, else wsproto, else none. With `none`, and for WSGI applications, "
        "WebSocket handshakes are plain HTTP requests. Other packages add names with entry points in the group "
        "`esg.ws`.",
    )
    h11_max_incomplete_event_size: ByteLimit = option(
        inf,
        Group.PROTOCOLS,
        "With h11, bytes of an incomplete request head.",
        "Applies only if it is lower than the limits of the request line and of all header fields.",
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
        "proxy calls itself. `*` trusts every peer: use it only if no client but the proxy can reach the server.",
        fallback="FORWARDED_ALLOW_IPS",
    )
    pathsend: bool = option(
        True,
        Group.PROTOCOLS,
        "Let applications send files by path or descriptor.",
        "The messages `http.response.pathsend` and `http.response.zerocopysend`. Switch it off for middlewares that do "
        "not know them: frameworks use them only where the server announces them.",
    )
    server_header: bool = option(True, Group.PROTOCOLS, "Send a server header.")
    date_header: bool = option(True, Group.PROTOCOLS, "Send a date header.")
    header: Fields = option(
        (),
        Group.PROTOCOLS,
        "Header to add to each response. Repeatable.",
        "`server` and `date` replace ESG's own.",
    )
