"""Options about the addresses and sockets that a server listens on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from esg_core.options.addresses import is_address
from esg_core.options.groups.shorthands import Bound, FilePath
from esg_core.options.option import Group, option
from esg_core.options.validators import is_host
from esg_core.options.value_types import Account, Host, ListOf, Number, Permissions

Mode = Annotated[str | int | None, Permissions()]
User = Annotated[str | int | None, Account("USER")]
UserGroup = Annotated[str | int | None, Account("GROUP")]
Addresses = Annotated[Sequence[str], ListOf("HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N", is_address, "ADDRESS")]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ListeningOptions:
    """The listeners."""

    host: Annotated[str | None, Host("a name, or an address without brackets", is_host, "HOST")] = option(
        "127.0.0.1",
        Group.BINDING,
        "Address or name to listen on.",
        "Write an IPv6 address without brackets. `0.0.0.0` listens on every IPv4 interface, `::` on every IPv4 and "
        "IPv6 interface; so does None in a program, even on a machine without IPv6. Sockets that systemd passes "
        "(`LISTEN_FDS`) replace host and port, unless `bind`, `uds` or `fd` is given.",
    )
    port: Annotated[int, Number(0, 65535)] = option(
        8000, Group.BINDING, "Port to listen on; 0 picks a free one.", metavar="PORT"
    )
    uds: FilePath = option(
        None,
        Group.BINDING,
        "UNIX domain socket to listen on, instead of host and port.",
        "ESG creates the socket and removes it at the end. If a dead process has left its file there, the new one "
        "gets the same mode, but not the same owner. Otherwise everyone may connect (mode 666, whatever the umask): "
        "restrict access by `uds_permissions`, or by the directory.",
    )
    uds_permissions: Mode = option(
        None,
        Group.BINDING,
        "Permissions of UNIX sockets, in octal: 660.",
        "Clients need the permission to write. Applies to `uds` and to every `unix:PATH` of `bind`, whatever the "
        "umask, and at no moment may more users connect. By default 666, or those of the file that a dead process "
        "has left behind. As a number, in a program or a file, it is written `0o660`.",
    )
    uds_owner: User = option(
        None,
        Group.BINDING,
        "Owner of UNIX sockets: a name or a number.",
        "Only root may name another user. By default, the user of the process.",
    )
    uds_group: UserGroup = option(
        None,
        Group.BINDING,
        "Group of UNIX sockets: a name or a number.",
        "Users other than root may only name a group of their own. By default, the group of the process, or that of "
        "the directory if its setgid bit is set.",
    )
    fd: Annotated[int | None, Number()] = option(
        None,
        Group.BINDING,
        "Inherited socket to listen on, instead of host and port.",
        "The number of a descriptor that a supervisor has opened, of any family. ESG does not remove its file.",
        metavar="FD",
    )
    bind: Addresses = option(
        (),
        Group.BINDING,
        "Listen on HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N. Repeatable.",
        "Several listeners in one process. Replaces `host`, `port`, `uds` and `fd`.",
    )
    reuse_port: bool = option(
        False,
        Group.BINDING,
        "Bind a socket per worker, with SO_REUSEPORT.",
        "The kernel then spreads connections evenly over the workers, and other servers may listen on the same port.",
    )
    backlog: Bound = option(2048, Group.BINDING, "Connections that may wait to be accepted.")
    proxy_protocol: bool = option(
        False,
        Group.BINDING,
        "Expect the PROXY protocol, version 1 or 2, on each connection.",
        "Applies to every listener. Connections from peers that `forwarded_allow_ips` does not trust are closed. If "
        "the balancer says (version 2) that its client uses TLS, the scheme is `https`; the rest of what it sends is "
        "in the scope, as `extensions['esg.proxy_protocol']`.",
    )
