"""Binds the addresses that the options name; each failure is one line that says what to do (rule L-1).

Knows sockets and the file system; accepts nothing and knows no event loop. A bound socket does not listen yet: a port
in use is found before the application starts, and clients come only when it has started.

Inherited descriptors are duplicated, and what ESG has not made it does not remove (rule L-4).
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from esg_core.addresses import Address, Descriptor, TCPAddress, UnixAddress
from esg_core.errors import StartupError, UsageError

PORT_ATTEMPTS = 10
"""How often a free port is looked for that is free for all addresses of a name."""

NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors of an address that this machine does not have, such as `::1` without IPv6."""

_WHY = {
    errno.EADDRINUSE: "it is in use by another program; stop that or choose another address",
    errno.EACCES: "this user may not; ports below 1024 and some directories are for privileged ones",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address",
    errno.EAFNOSUPPORT: "this machine does not support this kind of address",
    errno.ENOENT: "its directory does not exist",
}


@dataclass(eq=False)
class BoundSocket:
    """A socket to listen on; `made_file` is the path and identity of the UNIX socket file that ESG made for it."""

    sock: socket.socket
    made_file: tuple[str, tuple[int, int]] | None = None

    def listen(self, backlog: int) -> None:
        """Let clients come; a socket that was inherited listening is left as it is."""
        if not _is_listening(self.sock):
            with explained(describe(self.sock)):
                self.sock.listen(backlog)

    def unlink(self) -> None:
        """Remove the file of the UNIX socket if ESG made it and nobody has put another in its place since."""
        made, self.made_file = self.made_file, None
        if made is not None:
            with contextlib.suppress(OSError):
                if _identity(made[0]) == made[1]:
                    Path(made[0]).unlink()

    def close(self) -> None:
        """Close the socket and remove its file."""
        self.unlink()
        self.sock.close()


def bind_all(addresses: Iterable[Address], *, reuse_port: bool = False) -> list[BoundSocket]:
    """Bind every address; raises `StartupError` for the first that cannot be bound, and then keeps none."""
    wanted = list(addresses)
    bound: list[BoundSocket] = []
    try:
        for address in wanted:
            bound.extend(_bind(address, wanted, reuse_port))
    except BaseException:
        close_all(bound)
        raise
    return bound


def adopt(sockets: Iterable[socket.socket]) -> list[BoundSocket]:
    """Sockets that somebody else has made, ready for an event loop."""
    bound = [BoundSocket(sock) for sock in sockets]
    for one in bound:
        one.sock.setblocking(False)
        if one.sock.family in (socket.AF_INET, socket.AF_INET6):
            one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    return bound


def close_all(bound: Iterable[BoundSocket]) -> None:
    """Close sockets, and remove the files of those that ESG made."""
    for one in bound:
        one.close()


def describe(sock: socket.socket) -> str:
    """The address of a socket as people write it: `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/esg.sock`."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        return str(TCPAddress(name[0], name[1]))
    path = os.fsdecode(name) if isinstance(name, bytes) else name
    return str(UnixAddress(path))


@contextlib.contextmanager
def explained(address: object) -> Iterator[None]:
    """Turn an `OSError` inside into a `StartupError` that says which address it is about and why."""
    try:
        yield
    except OSError as error:
        why = _WHY.get(error.errno or 0) or error.strerror or str(error)
        raise StartupError(f"cannot listen on {address}: {why}") from None


def _bind(address: Address, wanted: Sequence[Address], reuse_port: bool) -> list[BoundSocket]:
    with explained(address):
        if isinstance(address, UnixAddress):
            return [_bind_unix(address)]
        if isinstance(address, Descriptor):
            return [_inherit(address)]
        is_dual = address.host == "::" and TCPAddress("0.0.0.0", address.port) not in wanted  # noqa: S104 - compared
        return _bind_name(address, _Options(reuse_port, is_dual))


# Hosts and ports.


@dataclass(frozen=True)
class _Options:
    reuse_port: bool
    is_dual: bool


def _bind_name(address: TCPAddress, options: _Options) -> list[BoundSocket]:
    """Bind all addresses that the host stands for, and all on the same port."""
    places = _resolve(address)
    for attempt in range(1, PORT_ATTEMPTS + 1):
        try:
            return _bind_places(places, address.port, options)
        except OSError as error:
            is_unlucky = address.port == 0 and error.errno == errno.EADDRINUSE and attempt < PORT_ATTEMPTS
            if not is_unlucky:
                raise
    raise AssertionError("unreachable")


Place = tuple[int, tuple[object, ...]]
"""A family of addresses and an address of it, as `socket.bind()` takes it."""


def _resolve(address: TCPAddress) -> list[Place]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise StartupError(f"cannot listen on {address}: the host {address.host!r} is not known here") from None
    return list(dict.fromkeys((family, name) for family, _, _, _, name in found))


def _bind_places(places: Sequence[Place], port: int, options: _Options) -> list[BoundSocket]:
    bound: list[BoundSocket] = []
    missing: OSError | None = None
    try:
        for family, (host, _, *scope) in places:
            try:
                sock = _bind_tcp(family, (host, port, *scope), options)
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                missing = error
                continue
            port = sock.getsockname()[1]
            bound.append(BoundSocket(sock))
        if missing is not None and not bound:
            raise missing
    except BaseException:
        close_all(bound)
        raise
    return bound


def _bind_tcp(family: int, name: tuple[object, ...], options: _Options) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio looks at it for TCP_NODELAY
    try:
        _set_options(sock, options)
        sock.bind(name)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_options(sock: socket.socket, options: _Options) -> None:
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.reuse_port:
        if not hasattr(socket, "SO_REUSEPORT"):
            raise UsageError("reuse_port: this system does not have it")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if options.is_dual else 1)


# UNIX sockets.


def _bind_unix(address: UnixAddress) -> BoundSocket:
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError(f"{address}: this system has no UNIX sockets")
    mode = _make_room(address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(address.path)
        Path(address.path).chmod(mode)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return BoundSocket(sock, (address.path, _identity(address.path)))


def _make_room(address: UnixAddress) -> int:
    """Remove a socket file that nobody listens on any more; returns the mode that the new one is to have."""
    path = Path(address.path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return 0o666
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


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


# Inherited descriptors.


def _inherit(address: Descriptor) -> BoundSocket:
    """A duplicate of the descriptor, whose family the system tells; the descriptor itself stays open."""
    try:
        original = socket.socket(fileno=address.number)
    except OSError as error:
        why = "it is no socket" if error.errno == errno.ENOTSOCK else "there is no such open descriptor"
        raise StartupError(f"cannot listen on {address}: {why}") from None
    sock = original.dup()
    original.detach()
    if sock.type != socket.SOCK_STREAM or _has_peer(sock):
        sock.close()
        raise StartupError(f"cannot listen on {address}: it is no socket that connections can be accepted on")
    sock.setblocking(False)
    return BoundSocket(sock)


def _has_peer(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _is_listening(sock: socket.socket) -> bool:
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


__all__ = ["BoundSocket", "adopt", "bind_all", "close_all", "describe", "explained"]
