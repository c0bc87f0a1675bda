"""Takes over the sockets of the previous run of the same program (rule W-3, SIGUSR2).

The new program is started as this one was, so it may be another version. It gets the sockets as systemd would pass
them: `$LISTEN_FDS` descriptors from 3 on. A variable of ours adds the descriptor of a line to the previous program, and
which of the sockets have a file that must be removed at the end. One byte on that line says that the new program
serves; if the line ends without it, the new program has failed.

A further variable says which of the sockets a program of ESG has bound: only those may have UDP sockets beside them.
The UDP sockets of workers are passed last, with a variable that says which is whose: see `esg_core.processes.udp`.

The sockets of the admin address are passed apart, after the line, with a variable of their own: another version might
take them for sockets of the application. The previous program serves that address until it closes its end of the line,
so never both do.
"""

import contextlib
import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esg_core.errors import StartupError
from esg_core.sockets.activation import FIRST, take_descriptors
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.unix_files import remover

if TYPE_CHECKING:
    from esg_core.processes.udp.seats import Seats

VARIABLE = "_ESG_UPGRADE"
OWN_VARIABLE = "_ESG_UPGRADE_OWN"
ADMIN_VARIABLE = "_ESG_UPGRADE_ADMIN"
UDP_VARIABLE = "_ESG_UPGRADE_UDP"
FILE_MARK = "file"


@dataclass
class Predecessor:
    """The previous program: the line to it, and the sockets it has handed over; `admin` are those of the admin address.

    Those that ESG has bound are marked as shared. `seats` are the places at its UDP ports, if it serves HTTP/3. The
    line ends when that program has let go of the admin address. Until it `has_been_told` that this one serves, the
    files of UNIX sockets are its own.
    """

    line: socket.socket
    bound: list[BoundSocket]
    admin: list[BoundSocket] = field(default_factory=list)
    seats: "Seats | None" = None
    has_been_told: bool = False

    def report_ready(self) -> None:
        """Tell the previous program that this one serves now; does nothing if that has already gone."""
        from esg_core.processes.messages import READY

        self.has_been_told = True
        with contextlib.suppress(OSError):
            self.line.send(READY)


def take_over(environment: MutableMapping[str, str] = os.environ) -> Predecessor | None:
    """The program that has handed its sockets over to this one, or None; the second call gives None."""
    text, admin = environment.pop(VARIABLE, None), environment.pop(ADMIN_VARIABLE, "")
    udp, own = environment.pop(UDP_VARIABLE, ""), environment.pop(OWN_VARIABLE, "").split(",")
    if text is None:
        return None
    try:
        line, *with_files = (int(number) for number in text.split(","))
        bound = [_bound(one.number, one.number - FIRST in with_files) for one in take_descriptors(environment)]
        for number, one in enumerate(bound):
            one.is_shared = str(number) in own
        os.set_inheritable(line, False)
        seats = _seats(udp) if udp else None
        return Predecessor(socket.socket(fileno=line), bound, [*map(_admin, filter(None, admin.split(",")))], seats)
    except (LookupError, TypeError, ValueError, OSError) as error:
        raise StartupError(f"cannot take over the sockets of the previous program: {error}") from None


def refuse_to_take_over(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `StartupError` if a previous program waits for this one, which has no workers: both would go on serving."""
    if VARIABLE in environment:
        raise StartupError("workers: this program has none, so it cannot take over from the previous one")


def _admin(text: str) -> BoundSocket:
    number, _, mark = text.partition(":")
    os.set_inheritable(int(number), False)
    return _bound(int(number), mark == FILE_MARK)


def _seats(text: str) -> "Seats":
    from esg_core.processes.udp.passing import seats_from

    return seats_from(text)


def _bound(number: int, has_file: bool) -> BoundSocket:
    sock = socket.socket(fileno=number)
    sock.setblocking(False)
    return BoundSocket(sock, remover(sock.getsockname()) if has_file else None)
