"""Hands the sockets over to a new start of the same program, and takes over from a former one (rule W-3, SIGUSR2).

The new program is started as this one was, so it may be another version, and gets the sockets as systemd would pass
them: `$LISTEN_FDS` descriptors from 3 on. A variable of ours says beside that who passes them: the descriptor of a line
to the former program, and which of the sockets have a file that is to be removed at the end. One byte on that line says
that the new program serves; its end without that byte, that it has failed.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from esg_core.errors import StartupError
from esg_core.processes.messages import READY
from esg_core.sockets import BoundSocket
from esg_core.systemd import FIRST, take_descriptors
from esg_core.unix_sockets import remover

if sys.platform != "win32":
    import fcntl

VARIABLE = "_ESG_UPGRADE"
OUT_OF_THE_WAY = 1000
"""Where descriptors are kept while others get their numbers."""

CANNOT_EXECUTE = 127


@dataclass
class Former:
    """What a former program has handed over."""

    line: socket.socket
    bound: list[BoundSocket]

    def dismiss(self) -> None:
        """Say that this program serves now; a former one that has gone does not mind."""
        with self.line:
            try:
                self.line.send(READY)
            except OSError:
                return


def take_over(environment: MutableMapping[str, str] = os.environ) -> Former | None:
    """What a former program has handed over to this one, once; None if nobody has."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        line, *with_files = (int(number) for number in text.split(","))
        bound = [_bound(one.number, one.number - FIRST in with_files) for one in take_descriptors(environment)]
        os.set_inheritable(line, False)
        return Former(socket.socket(fileno=line), bound)
    except (ValueError, OSError) as error:
        raise StartupError(f"the sockets of the former program cannot be taken over: {error}") from None


class Successor:
    """A new start of this program, with the sockets `bound` and the variables that this one was started with.

    `line` reads `READY` when it serves, and its end if it cannot. Raises `OSError`.
    """

    def __init__(self, bound: Sequence[BoundSocket], variables: Mapping[str, str]) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            self.pid = os.fork()
            if self.pid == 0:
                _become_successor(theirs, bound, variables)
        self.line.setblocking(False)

    def serves(self) -> bool | None:
        """Whether it serves; None if that is not known yet."""
        try:
            return READY in self.line.recv(16)
        except BlockingIOError:
            return None
        except OSError:
            return False

    def end(self) -> str:
        """See it end, now that its line has; returns how it did."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def ask_to_end(self) -> None:
        """It is not wanted any more."""
        os.kill(self.pid, signal.SIGTERM)


def _become_successor(line: socket.socket, bound: Sequence[BoundSocket], variables: Mapping[str, str]) -> None:
    """In the forked process: give the descriptors their numbers, and execute the program."""
    try:
        originals = [*(one.sock.fileno() for one in bound), line.fileno()]
        kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for number in originals]
        for number, descriptor in enumerate(kept, FIRST):
            os.dup2(descriptor, number)
        with_files = [str(index) for index, one in enumerate(bound) if one.has_file]
        environment = {
            **variables,
            "LISTEN_FDS": str(len(bound)),
            "LISTEN_PID": str(os.getpid()),
            VARIABLE: ",".join((str(FIRST + len(bound)), *with_files)),
        }
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - this very program
    except BaseException as error:  # noqa: BLE001 - nothing may go on here as if it were the parent
        os.write(2, f"{sys.executable}: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_EXECUTE)


def _bound(number: int, has_file: bool) -> BoundSocket:
    sock = socket.socket(fileno=number)
    sock.setblocking(False)
    return BoundSocket(sock, remover(sock.getsockname()) if has_file else None)


__all__ = ["Former", "Successor", "take_over"]
