"""Options about the admin address, where operators see inside a server and control it."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.addresses import is_address
from esg_core.options.groups.shorthands import Duration, FilePath
from esg_core.options.option import Group, option
from esg_core.options.value_types import Text

AdminAddress = Annotated[str | None, Text("HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N", is_address, "ADDRESS")]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class MonitoringOptions:
    """What is shown to operators, and to whom."""

    admin: AdminAddress = option(
        None,
        Group.MONITORING,
        "Serve metrics, figures and control here: HOST:PORT, unix:PATH, fd://N.",
        "Needs `esg-admin`. Off by default, and never on the addresses that clients use. The file of a UNIX socket "
        "gets mode 600: those who may open it may do everything. With workers, the parent answers for all of them.",
    )
    admin_token_file: FilePath = option(
        None,
        Group.MONITORING,
        "File with the token for what the admin address protects.",
        "Clients send it as `authorization: Bearer TOKEN`. Without one, actions need a UNIX socket, and addresses "
        "other than loopback ones get only metrics and health. Read at the start and, with workers, again on SIGHUP.",
    )
    slow_request: Duration = option(
        1.0,
        Group.MONITORING,
        "Duration from which the admin address lists a request as slow.",
    )
