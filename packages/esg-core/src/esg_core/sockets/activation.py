"""Which sockets a process listens on: those that systemd has passed, or its own (rules U-7, W-5).

Descriptors are for the process that `$LISTEN_PID` names; see sd_listen_fds(3). A server that is embedded in a program
leaves systemd's variables alone: they are for the owner of the process.
"""

import logging
import os
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, NamedTuple

from esg_core.errors import StartupError
from esg_core.options.addresses import Descriptor, UnixAddress, parse_address
from esg_core.sockets.bound import BoundSocket, bind_all

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.sockets.unix_files import FileRights


FIRST = 3
"""The number of the first descriptor that systemd passes."""

_PASSING = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class Passed(NamedTuple):
    """A descriptor that systemd has opened; its name comes from `FileDescriptorName=`, or is the socket unit's."""

    number: int
    name: str


def take_descriptors(environment: MutableMapping[str, str] = os.environ) -> tuple[Passed, ...]:
    """The descriptors that systemd has passed to this process; none the second time.

    From now on, other programs inherit neither them nor the variables about them. Raises `StartupError` if the
    variables make no sense.
    """
    values = {name: environment.pop(name, "") for name in _PASSING}
    if values["LISTEN_PID"] != str(os.getpid()):
        return ()
    if not values["LISTEN_FDS"].isdecimal():
        raise StartupError(f"LISTEN_FDS={values['LISTEN_FDS']!r}: must be the number of passed descriptors")
    numbers = range(FIRST, FIRST + int(values["LISTEN_FDS"]))
    names = [*values["LISTEN_FDNAMES"].split(":"), *("" for _ in numbers)]
    for number in numbers:
        try:
            os.set_inheritable(number, False)
        except OSError:
            raise StartupError(f"LISTEN_FDS={len(numbers)}: descriptor {number} is not open") from None
    return tuple(map(Passed, numbers, names))


def passed_sockets(config: "Config") -> list[BoundSocket] | None:
    """The sockets that systemd has passed; None if it has not, or the configuration names others.

    They take the place of `host` and `port`. `bind`, `uds` and `fd` are more explicit: with one of them, the process
    listens only on what they name, and the log warns of sockets left over. Raises `StartupError`. The second call
    returns None.
    """
    admin = None if config.admin is None else parse_address(config.admin)
    passed = [one for one in (Descriptor(one.number) for one in take_descriptors()) if one != admin]
    if not config.bind and config.uds is None and config.fd is None:
        return bind_all(passed) or None
    unused = [str(address) for address in passed if address not in config.addresses]
    if unused:
        logging.getLogger("esg.error").warning(
            "systemd has passed sockets that are not used: %s; name them by %s, or leave out what names others",
            ", ".join(unused),
            config.spell("bind"),
        )
    return None


def listening_sockets(config: "Config") -> list[BoundSocket]:
    """The sockets that systemd has passed, or new ones for the addresses of the configuration."""
    return passed_sockets(config) or own_sockets(config)


def own_sockets(config: "Config") -> list[BoundSocket]:
    """New sockets for the addresses of the configuration; raises `UsageError` or `StartupError`."""
    return bind_all(config.addresses, reuse_port=config.reuse_port, rights=file_rights(config))


def file_rights(config: "Config") -> "FileRights | None":
    """The rights of the files of UNIX sockets, None if there are none; raises `UsageError`."""
    if not any(isinstance(address, UnixAddress) for address in config.addresses):
        return None
    from esg_core.sockets.unix_files import rights_of

    return rights_of(config)
