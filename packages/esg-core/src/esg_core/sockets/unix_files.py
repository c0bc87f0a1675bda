"""The files of UNIX sockets: whose they are, what mode they have, when they may go (rule L-4).

Knows the file system. A file on which nobody listens any more is what a server left behind that was killed: it is
replaced, and the new one gets its mode. Only the very file that was made here is removed at the end.
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
"""The mode of a new socket file, whatever the umask: the directory says who may come near it."""


def bind_unix(address: UnixAddress) -> tuple[socket.socket, Callable[[], None]]:
    """A bound socket, and the function that removes its file; raises `StartupError` or `OSError`."""
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError(f"{address}: this system has no UNIX sockets")
    path = Path(address.path)
    mode = _make_room(path, address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(address.path)
        path.chmod(mode)
        sock.setblocking(False)
        return sock, remover(address.path)
    except BaseException:
        sock.close()
        raise


def remover(path: str) -> Callable[[], None]:
    """The function that removes the file which a path names now, and no other."""
    where = Path(path).absolute()  # the application may change the directory
    return partial(_remove, where, _identity(where))


def _make_room(path: Path, address: UnixAddress) -> int:
    """Remove a socket file that nobody listens on any more; returns the mode that the new one is to have."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return MODE
    if not stat.S_ISSOCK(mode):
        raise StartupError(
            f"cannot listen on {address}: there is a file that is no socket; remove it or choose another"
        )
    if _is_answered(address.path):
        raise OSError(errno.EADDRINUSE, "")
    path.unlink()
    return stat.S_IMODE(mode)


def _is_answered(path: str) -> bool:
    """Whether a process listens on a socket file; one that is only too busy to answer does."""
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
    """Remove the file, unless somebody has put another in its place since."""
    with contextlib.suppress(OSError):
        if _identity(path) == made:
            path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
