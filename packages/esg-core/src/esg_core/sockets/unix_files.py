"""The files of UNIX sockets: whose they are, which mode they have, when they may be removed (rule L-4).

Knows the file system. A file on which no process listens was left behind by a killed server: it is replaced, and the
new one gets its mode. Only the very file that was made here is removed at the end.
"""

import contextlib
import errno
import socket
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from esg_core.errors import StartupError, UsageError
from esg_core.options.addresses import UnixAddress

MODE = 0o666
"""The mode of a new socket file, regardless of the umask: its directory decides who can reach it."""


def bind_unix(address: UnixAddress, mode: int | None = None) -> tuple[socket.socket, Callable[[], None]]:
    """A bound socket, and the function that removes its file; raises `StartupError`, `UsageError` or `OSError`.

    The file gets `mode`; None keeps that of a file which a server left behind, else `MODE`.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError(f"{address}: this system does not support UNIX sockets")
    path = Path(address.path)
    found = _make_room(path, address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(address.path)
        path.chmod(found if mode is None else mode)
        sock.setblocking(False)
        return sock, remover(address.path)
    except BaseException:
        sock.close()
        raise


def remover(path: str) -> Callable[[], None]:
    """The function that removes the file that a path names now, and no other."""
    where = Path(path).absolute()  # the application may change the directory
    return partial(_remove, where, _identity(where))


def _make_room(path: Path, address: UnixAddress) -> int:
    """Remove a socket file on which no process listens; returns the mode for the new one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return MODE
    if not stat.S_ISSOCK(mode):
        raise StartupError(
            f"cannot listen on {address}: there is a file that is not a socket; remove it or choose another path"
        )
    if _is_answered(address.path):
        raise OSError(errno.EADDRINUSE, "")
    path.unlink()
    return stat.S_IMODE(mode)


def _is_answered(path: str) -> bool:
    """Whether a process listens on a socket file, even one that is too busy to answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True
    return True


def _remove(path: Path, made: tuple[int, int]) -> None:
    """Remove the file, unless another has taken its place since."""
    with contextlib.suppress(OSError):
        if _identity(path) == made:
            path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
