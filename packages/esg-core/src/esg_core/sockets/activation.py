"""Which sockets a process listens on: those that systemd has passed, or those that it binds itself (rules U-7, W-5).

For whoever owns the process: a server that is embedded in a program leaves the variables of systemd alone.
"""

import logging
from typing import TYPE_CHECKING

from esg_core.lifecycle.systemd import take_descriptors
from esg_core.options.addresses import Descriptor
from esg_core.sockets.bound import BoundSocket, bind_all

if TYPE_CHECKING:
    from esg_core.options.config import Config


def passed_sockets(config: "Config") -> list[BoundSocket] | None:
    """The sockets that systemd has passed; None if it has not, or the configuration names others.

    They take the place of `host` and `port`. `bind`, `uds` and `fd` are more explicit: with one of them, only what they
    name is listened on, and the log warns of what is left over. Raises `StartupError`. They are passed once.
    """
    passed = [Descriptor(one.number) for one in take_descriptors()]
    if not config.bind and config.uds is None and config.fd is None:
        return bind_all(passed) or None
    unused = [str(address) for address in passed if address not in config.addresses]
    if unused:
        logging.getLogger("esg.error").warning(
            "systemd has passed sockets that nobody accepts on: %s; name them by bind, or leave out bind, uds and fd",
            ", ".join(unused),
        )
    return None


def listening_sockets(config: "Config") -> list[BoundSocket]:
    """The sockets that systemd has passed, or new ones for the addresses of the configuration."""
    return passed_sockets(config) or bind_all(config.addresses, reuse_port=config.reuse_port)


__all__ = ["listening_sockets", "passed_sockets"]
