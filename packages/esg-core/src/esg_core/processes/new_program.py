"""Starts this program again, with its listening sockets (rule W-3, SIGUSR2): see `esg_core.processes.handover`.

Only for systems that can fork and exec; others do not have the signal that asks for it.
"""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from esg_core.processes.handover import ADMIN_VARIABLE, FILE_MARK, OWN_VARIABLE, UDP_VARIABLE, VARIABLE
from esg_core.processes.messages import READY
from esg_core.processes.signals import NAMES, blocked, known
from esg_core.sockets.activation import FIRST
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.processes.udp.seats import Seats

assert sys.platform != "win32"

CANNOT_EXECUTE = 127


class Successor:
    """A new process of this program, with the sockets `bound` and the environment that this one was started with.

    `admin` are the sockets of the admin address, `seats` the places of workers at the UDP ports. `line` delivers
    `READY` once it serves, and end of file if it fails. Raises `OSError`.
    """

    def __init__(
        self,
        bound: Sequence[BoundSocket],
        variables: Mapping[str, str],
        admin: Sequence[BoundSocket] = (),
        seats: "Seats | None" = None,
    ) -> None:
        self.line, theirs = socket.socketpair()
        with theirs, blocked(*NAMES):  # the child would handle them as the parent does, and they would be lost
            self.pid = os.fork()
            if self.pid == 0:
                _become_successor(theirs, bound, admin, seats, variables)
        self.line.setblocking(False)

    def serves(self) -> bool | None:
        """Whether it serves; None while that is not known."""
        try:
            return READY in self.line.recv(16)
        except BlockingIOError:
            return None
        except OSError:
            return False

    def end(self) -> str:
        """Wait for the end of the process, whose line has ended; returns its exit code or signal as text."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def ask_to_end(self) -> None:
        """Ask the process to end."""
        os.kill(self.pid, signal.SIGTERM)


def _become_successor(
    line: socket.socket,
    bound: Sequence[BoundSocket],
    admin: Sequence[BoundSocket],
    seats: "Seats | None",
    variables: Mapping[str, str],
) -> None:
    """In the forked process: give the descriptors their numbers, and execute the program."""
    try:
        first_of_admin = FIRST + len(bound) + 1
        udp, about_udp = _udp(seats, first_of_admin + len(admin))
        originals = [
            *(one.sock.fileno() for one in bound),
            line.fileno(),
            *(one.sock.fileno() for one in admin),
            *udp,
        ]
        out_of_the_way = FIRST + len(originals)
        kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, out_of_the_way) for number in originals]
        for number, descriptor in enumerate(kept, FIRST):
            os.dup2(descriptor, number)
        with_files = [str(index) for index, one in enumerate(bound) if one.has_file]
        own = [str(index) for index, one in enumerate(bound) if one.is_own or one.is_shared]
        marks = [f"{number}:{FILE_MARK if one.has_file else ''}" for number, one in enumerate(admin, first_of_admin)]
        environment = {
            **variables,
            "LISTEN_FDS": str(len(bound)),
            "LISTEN_PID": str(os.getpid()),
            VARIABLE: ",".join((str(FIRST + len(bound)), *with_files)),
            OWN_VARIABLE: ",".join(own),
            ADMIN_VARIABLE: ",".join(marks),
            UDP_VARIABLE: about_udp,
        }
        if getattr(sys, "frozen", False):
            environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"  # otherwise it would take itself for a child of this one
        _let_signals_end()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - this very program
    except BaseException as error:  # noqa: BLE001 - the child must not continue as the parent
        os.write(2, f"{sys.executable}: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_EXECUTE)


def _udp(seats: "Seats | None", first: int) -> tuple[list[int], str]:
    """The descriptors of UDP sockets, and what to say of them if their numbers are those from `first` on."""
    if seats is None:
        return [], ""
    from esg_core.processes.udp.passing import sockets_of, text_of

    return [one.fileno() for one in sockets_of(seats)], text_of(seats, first)


def _let_signals_end() -> None:
    """Restore the default effect of signals: those that have come in the meantime end this process here."""
    signal.set_wakeup_fd(-1)
    for number in known(*NAMES):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, known(*NAMES))
