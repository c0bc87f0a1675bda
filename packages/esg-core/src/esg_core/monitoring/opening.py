"""Opens the admin address that the options name: its sockets, its token, and what answers there (rule M-3).

Every failure is one line that names the option. Serves nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

from esg_core.admin.contracts import AdminSettings, Responder, ResponderFactory, Source
from esg_core.admin.token_file import read_token
from esg_core.errors import UsageError
from esg_core.logs.colours import Bold
from esg_core.options.addresses import TCPAddress, UnixAddress, parse_address
from esg_core.plugins import KNOWN, find
from esg_core.sockets.bound import BoundSocket, bind_all, bind_private, describe

if TYPE_CHECKING:
    from esg_core.options.config import Config

GROUP = "esg.admin"
NAME = "responder"


def check_admin(config: "Config") -> None:
    """Raise `UsageError` if the admin address cannot be served as the options say; opens no socket."""
    if config.admin is not None:
        _check_installed(config)
    settings_of(config)


def bind_admin(config: "Config") -> list[BoundSocket]:
    """The sockets of the admin address; raises `StartupError`."""
    assert config.admin is not None
    address = parse_address(config.admin)
    return [bind_private(address)] if isinstance(address, UnixAddress) else bind_all([address])


def make_responder(config: "Config", source: Source) -> Responder:
    """What answers there, with `source` as the server; raises `UsageError` or `StartupError`."""
    _check_installed(config)
    make = cast("ResponderFactory", find(GROUP, NAME, config.spell))
    return make(source, settings_of(config))


def announce_admin(bound: Iterable[BoundSocket]) -> None:
    """Log where the admin address is."""
    addresses = (describe(one.sock) for one in bound)
    places = ", ".join(one if one.startswith("unix:") else f"http://{one}/" for one in addresses)
    logging.getLogger("esg.error").info("Admin address on %s", Bold(places))


def settings_of(config: "Config") -> AdminSettings:
    """The token, read from its file, and the name in the address; raises `UsageError`."""
    return AdminSettings(_token(config), frozenset(_names(config)))


def _check_installed(config: "Config") -> None:
    if missing := KNOWN[GROUP][NAME].missing:
        raise UsageError(f"{config.spell('admin')} needs esg-admin, which is not installed: {missing}")


def _names(config: "Config") -> Sequence[str]:
    address = None if config.admin is None else parse_address(config.admin)
    if not isinstance(address, TCPAddress):
        return ()
    try:
        ip_address(address.host.partition("%")[0])
    except ValueError:
        return (address.host,)
    return ()


def _token(config: "Config") -> bytes | None:
    if config.admin_token_file is None:
        return None
    return read_token(config.admin_token_file, config.with_value("admin_token_file"))
