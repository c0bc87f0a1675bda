"""How many connections wait to be accepted, where the kernel tells: on Linux, of TCP.

Knows listening sockets; elsewhere there are no such series, rather than zeros.
"""

import socket
import struct
import sys
from collections.abc import Mapping
from typing import NamedTuple

from esg_core.figures import families
from esg_core.figures.readings import Reading, Series

_QUEUE = struct.Struct("=24xII")
"""Of the kernel's `struct tcp_info`: a listening socket has its queue and its limit in place of other counts."""


class Backlog(NamedTuple):
    """How many connections wait on a socket, and how many may."""

    waiting: int
    limit: int


def backlog_of(listener: socket.socket) -> Backlog | None:
    """The backlog of a listening socket; None where that cannot be known."""
    if sys.platform != "linux" or listener.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return None
        return Backlog(*_QUEUE.unpack(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUE.size)))
    except (OSError, struct.error):
        return None


def listener_readings(listeners: Mapping[str, socket.socket]) -> list[Reading]:
    """The backlogs of sockets by name; empty if none can be known."""
    found = [(name, known) for name, one in listeners.items() if (known := backlog_of(one)) is not None]
    if not found:
        return []
    return [
        Reading(families.BACKLOG, [Series((name,), known.waiting) for name, known in found]),
        Reading(families.BACKLOG_LIMIT, [Series((name,), known.limit) for name, known in found]),
    ]
