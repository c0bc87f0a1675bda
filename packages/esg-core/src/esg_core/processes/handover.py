"""Takes over the sockets of a former start of the same program (rule W-3, SIGUSR2).

The new program is started as this one was, so it may be another version, and gets the sockets as systemd would pass
them: `$LISTEN_FDS` descriptors from 3 on. A variable of ours says beside that who passes them: the descriptor of a line
to the former program, and which of the sockets have a file that is to be removed at the end. One byte on that line says
that the new program serves; its end without that byte, that it has failed.
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
    """What a former program has handed over."""

    line: socket.socket
    bound: list[BoundSocket]

    def report_ready(self) -> None:
        """Say that this program serves now; a former one that has gone does not mind."""
        with self.line:
            try:
                self.line.send(READY)
            except OSError:
                return


def take_over(environment: MutableMapping[str, str] = os.environ) -> Predecessor | None:
    """What a former program has handed over to this one, once; None if nobody has."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        line, *with_files = (int(number) for number in text.split(","))
        bound = [_bound(one.number, one.number - FIRST in with_files) for one in take_descriptors(environment)]
        os.set_inheritable(line, False)
        return Predecessor(socket.socket(fileno=line), bound)
    except (ValueError, OSError) as error:
        raise StartupError(f"the sockets of the former program cannot be taken over: {error}") from None


def refuse_to_take_over(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `StartupError` in a program without workers that a former one waits for: both would serve side by side."""
    if VARIABLE in environment:
        raise StartupError("workers: there are none any more, so this program cannot take over from the former one")


def _bound(number: int, has_file: bool) -> BoundSocket:
    sock = socket.socket(fileno=number)
    sock.setblocking(False)
    return BoundSocket(sock, remover(sock.getsockname()) if has_file else None)
