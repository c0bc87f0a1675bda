"""Log messages of a server's start and end (rule C-1): where it listens, what it uses, how to stop it."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from esg_core.logs.colours import Bold, Cyan
from esg_core.plugins import resolve
from esg_core.sockets.bound import describe

if TYPE_CHECKING:
    from esg_core.options.config import Config

logger = logging.getLogger("esg.error")


def announce_process(config: "Config", loop: asyncio.AbstractEventLoop) -> None:
    """Log which process serves and which packages it uses."""
    is_own = isinstance(loop, asyncio.BaseEventLoop)
    package = "asyncio" if is_own else type(loop).__module__.partition(".")[0]
    protocols = [resolve("esg.http", config.http), resolve("esg.ws", config.ws)]
    packages = ", ".join([package, *(name for name in protocols if name != "none")])
    logger.info("Started server process [%s] with %s", Cyan(os.getpid()), packages)


def announce_addresses(sockets: Iterable[socket.socket], *, tls: bool) -> None:
    """Log the URLs of the server, which terminals make clickable."""
    urls = ", ".join(url(sock, tls=tls) for sock in sockets)
    logger.info("ESG running on %s (Press CTRL+C to quit)", Bold(urls))


def announce_end() -> None:
    """Log that the server has ended."""
    logger.info("Finished server process [%s]", Cyan(os.getpid()))


def url(sock: socket.socket, *, tls: bool) -> str:
    """The address of a socket as a URL; a UNIX socket has none, and stays `unix:PATH`."""
    address = describe(sock)
    return address if address.startswith("unix:") else f"{'https' if tls else 'http'}://{address}"
