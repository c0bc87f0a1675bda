"""Options about the addresses and sockets that a server listens on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from esg_core.options.addresses import is_address
from esg_core.options.groups.shorthands import Bound, FilePath
from esg_core.options.option import Group, option
from esg_core.options.validators import is_host
from esg_core.options.value_types import Host, Integer, ListOf

Addresses = Annotated[Sequence[str], ListOf("HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N", is_address, "ADDRESS")]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ListeningOptions:
    """The listeners."""

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
        "ESG makes the socket and removes it at the end. If a process that has gone has left its file there, the new "
        "one gets the same mode, but not the same owner; else everybody may connect (mode 666, whatever the umask), "
        "and the directory says who comes near it.",
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
