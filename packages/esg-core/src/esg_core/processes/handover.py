"""Takes over the sockets of the previous run of the same program (rule W-3, SIGUSR2).

The new program is started as this one was, so it may be another version. It gets the sockets as systemd would pass
them: `$LISTEN_FDS` descriptors from 3 on. A variable of ours adds the descriptor of a line to the previous program, and
which of the sockets have a file that must be removed at the end. One byte on that line says that the new program
serves; if the line ends without it, the new program has failed.
"""

import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from esg_core.errors import StartupError
from esg_core.processes.messages import READY
from esg_core.sockets.activation import FIRST, take_descriptors
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.unix_files import remover

VARIABLE = "_ESG_UPGRADE"


@dataclass
class Predecessor:
    """The previous program: the line to it, and the sockets it has handed over."""

    line: socket.socket
    bound: list[BoundSocket]

    def report_ready(self) -> None:
        """Tell the previous program that this one serves now; does nothing if that has already gone."""
        with self.line:
            try:
                self.line.send(READY)
            except OSError:
                return


def take_over(environment: MutableMapping[str, str] = os.environ) -> Predecessor | None:
    """The program that has handed its sockets over to this one, or None; the second call gives None."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        line, *with_files = (int(number) for number in text.split(","))
        bound = [_bound(one.number, one.number - FIRST in with_files) for one in take_descriptors(environment)]
        os.set_inheritable(line, False)
        return Predecessor(socket.socket(fileno=line), bound)
    except (ValueError, OSError) as error:
        raise StartupError(f"cannot take over the sockets of the previous program: {error}") from None


def refuse_to_take_over(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `StartupError` if a previous program waits for this one, which has no workers: both would go on serving."""
    if VARIABLE in environment:
        raise StartupError("workers: this program has none, so it cannot take over from the previous one")


def _bound(number: int, has_file: bool) -> BoundSocket:
    sock = socket.socket(fileno=number)
    sock.setblocking(False)
    return BoundSocket(sock, remover(sock.getsockname()) if has_file else None)
