"""The files of UNIX sockets: who may use them, and when they may be removed (rules L-4, S-7).

Knows the file system. A file on which no process listens was left behind by a killed server: it is replaced, and the
new one gets its mode. Only the very file that was made here is removed at the end.
"""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from esg_core.errors import StartupError, UsageError
from esg_core.options.addresses import UnixAddress

if TYPE_CHECKING:
    from esg_core.options.config import Config

MODE = 0o666
"""The mode of a new socket file, regardless of the umask: its directory decides who can reach it."""

OF_OWNER = 0o700
"""The part of a mode that is about the owner of the file."""

AS_IT_IS = -1
"""Stands for the owner or the group that the system chooses; see chown(2)."""

LARGEST = 2**32 - 2
"""The largest number of a user or group."""


class FileRights(NamedTuple):
    """Who may use a socket file; `said` is how the user has named the owner and the group.

    The mode None is that of a file which a server left behind, else `MODE`.
    """

    mode: int | None = None
    owner: int = AS_IT_IS
    group: int = AS_IT_IS
    said: str = ""


AS_USUAL = FileRights()
"""The rights without any option."""


def rights_of(config: "Config") -> FileRights:
    """The rights that the options name; raises `UsageError` for an unknown user or group."""
    mode = None if config.uds_permissions is None else int(str(config.uds_permissions), 8)
    said = [config.with_value(name) for name in ("uds_owner", "uds_group") if getattr(config, name) is not None]
    return FileRights(mode, _number(config, "uds_owner"), _number(config, "uds_group"), " and ".join(said))


def bind_unix(address: UnixAddress, rights: FileRights = AS_USUAL) -> tuple[socket.socket, Callable[[], None]]:
    """A bound socket, and the function that removes its file; raises `StartupError`, `UsageError` or `OSError`."""
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError(f"{address}: this system does not support UNIX sockets")
    path = Path(address.path)
    found = _make_room(path, address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        remove = _bind(sock, address, found if rights.mode is None else rights.mode, rights)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock, remove


def remover(path: str) -> Callable[[], None]:
    """The function that removes the file that a path names now, and no other."""
    where = Path(path).absolute()  # the application may change the directory
    return partial(_remove, where, _identity(where))


def _bind(sock: socket.socket, address: UnixAddress, mode: int, rights: FileRights) -> Callable[[], None]:
    """Make the file, which at no moment lets in more users than it does in the end; returns what removes it.

    Linux takes the mode of the file from that of the socket. Other systems may refuse to change that, but there no
    client can connect either before the socket listens, which it does later.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.fchmod(sock.fileno(), mode & OF_OWNER)
    sock.bind(address.path)
    remove = remover(address.path)
    try:
        if rights.said:
            _give_away(address, rights)
        Path(address.path).chmod(mode)
    except BaseException:
        remove()
        raise
    return remove


def _give_away(address: UnixAddress, rights: FileRights) -> None:
    try:
        os.chown(address.path, rights.owner, rights.group, follow_symlinks=False)
    except PermissionError:
        raise StartupError(
            f"cannot listen on {address}: permission denied for {rights.said}: only root may give files "
            "to any user and group, others only to groups of their own"
        ) from None


def _number(config: "Config", option: str) -> int:
    """The number of the user or group that an option names."""
    named = getattr(config, option)
    if named is None:
        return AS_IT_IS
    if not hasattr(os, "chown"):
        raise UsageError(f"{config.with_value(option)}: this system does not support it")
    import grp  # both modules are for UNIX only
    import pwd

    is_user = option == "uds_owner"
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(named).pw_uid if is_user else grp.getgrnam(named).gr_gid
    if named.isascii() and named.isdecimal() and int(named) <= LARGEST:
        return int(named)
    raise UsageError(f"{config.with_value(option)}: this system has no such {'user' if is_user else 'group'}")


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
