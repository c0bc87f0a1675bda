"""Passes the seats at the UDP ports to a new start of the same program, as text about descriptors (rule W-3, SIGUSR2).

Knows neither programs nor how descriptors get there. The text has the key of all seats; its place is the environment of
the new program, which those who can read it could read from its memory as well.
"""

import json
import os
import socket

from esg_core.processes.udp.seats import Seats


def sockets_of(seats: Seats) -> list[socket.socket]:
    """The sockets to pass, in the order in which `seats_from()` expects them."""
    return [sock for group in seats.groups.values() for sock in group]


def text_of(seats: Seats, first: int) -> str:
    """What `seats_from()` reads; the sockets have the descriptors from `first` on."""
    return json.dumps(
        {
            "first": first,
            "groups": {number: len(group) for number, group in seats.groups.items()},
            "magic": seats.magic.hex(),
            "key": seats.key.hex(),
            "lent": seats.lend(),
        }
    )


def seats_from(text: str) -> Seats:
    """The seats of the previous program, which keeps those that it needs until it ends.

    Raises `ValueError` or `OSError` for a text that makes no sense.
    """
    said = json.loads(text)
    groups: dict[int, list[socket.socket]] = {}
    descriptor = said["first"]
    for number, size in said["groups"].items():
        groups[int(number)] = [_take(one) for one in range(descriptor, descriptor + size)]
        descriptor += size
    return Seats(groups, bytes.fromhex(said["magic"]), bytes.fromhex(said["key"]), said["lent"])


def _take(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return sock
