"""Binds the addresses that the options name; each failure is one line that says what to do (rule L-1).

Knows sockets, but no event loop, and accepts nothing. A bound socket does not listen yet: a port in use is found before
the application starts, and clients come only once it has started. Inherited descriptors are duplicated.
`esg_core.sockets.unix_files` handles the files of UNIX sockets.
"""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from esg_core.errors import StartupError, UsageError
from esg_core.options.addresses import Address, Descriptor, TCPAddress, UnixAddress

if TYPE_CHECKING:
    from esg_core.contracts import Seat
    from esg_core.sockets.board import Holding
    from esg_core.sockets.unix_files import FileRights

PRIVATE = 0o600
"""The mode of a socket file for its owner alone."""

PORT_ATTEMPTS = 10
"""Attempts to find a port that is free on all addresses of a name."""

NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors of an address that this machine does not have, such as `::1` without IPv6."""

_WHY = {
    errno.EADDRINUSE: "it is in use by another program; stop that or choose another address",
    errno.EACCES: "permission denied; ports below 1024 and some directories need privileges",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address",
    errno.EAFNOSUPPORT: "this machine does not support this kind of address",
    errno.ENOENT: "its directory does not exist",
}


class BoundSocket:
    """A socket to listen on; `remove_file` removes the UNIX socket file that ESG made for it, if any.

    `is_shared`: other processes keep listening, so clients in its queue at the end are left to them. `is_own`: it was
    bound here, so once it is closed here, no process may listen on it. `holding` counts what this process holds
    for those that share its queue; None if nothing does. `beside` is the UDP socket of the same address and port, if
    there is one, and `seat` is the process's place there. `is_of_parent`: the parent has bound what is beside it.
    """

    def __init__(
        self,
        sock: socket.socket,
        remove_file: Callable[[], None] | None = None,
        *,
        is_shared: bool = False,
        is_own: bool = False,
        holding: "Holding | None" = None,
        is_of_parent: bool = False,
    ) -> None:
        self.sock = sock
        self.is_shared = is_shared
        self.is_own = is_own
        self.holding = holding
        self.is_of_parent = is_of_parent
        self.beside: socket.socket | None = None
        self.seat: Seat | None = None
        self._remove_file = remove_file

    def listen(self, backlog: int) -> None:
        """Let clients connect; an inherited socket that listens already is left as it is."""
        if not _is_listening(self.sock):
            with explained(describe(self.sock)):
                self.sock.listen(backlog)

    def unlink(self) -> None:
        """Remove the UNIX socket's file, if ESG made it (rule L-4). Does nothing the second time."""
        remove_file, self._remove_file = self._remove_file, None
        if remove_file is not None:
            remove_file()

    @property
    def has_file(self) -> bool:
        """Whether there is a file that ESG made and has to remove."""
        return self._remove_file is not None

    def keep_file(self) -> None:
        """Leave the file for others to remove."""
        self._remove_file = None

    @property
    def is_tcp(self) -> bool:
        """Whether it has a host and a port."""
        return self.sock.family in (socket.AF_INET, socket.AF_INET6)

    def take_beside(self) -> socket.socket | None:
        """The UDP socket beside it, which from now on is the caller's to close."""
        beside, self.beside = self.beside, None
        return beside

    def close(self) -> None:
        """Close the socket and remove its file; if it was bound here, children that still hold it no longer listen."""
        self.unlink()
        if self.is_own:
            with contextlib.suppress(OSError):  # it did not listen yet, or it is closed
                self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        beside = self.take_beside()
        if beside is not None:
            beside.close()


def bind_all(
    addresses: Iterable[Address], *, reuse_port: bool = False, rights: "FileRights | None" = None
) -> list[BoundSocket]:
    """Bind every address; raises `StartupError` for the first one that cannot be bound, and keeps none then.

    `rights` are those of the files of UNIX sockets.
    """
    wanted = list(addresses)
    bound: list[BoundSocket] = []
    try:
        for address in wanted:
            if isinstance(address, UnixAddress):
                bound.append(_bind_unix(address, rights))
            else:
                bound.extend(_bind(address, wanted, reuse_port))
    except BaseException:
        close_all(bound)
        raise
    return bound


def bind_private(address: UnixAddress) -> BoundSocket:
    """Bind a UNIX socket whose file only this user may open; raises `StartupError`."""
    from esg_core.sockets.unix_files import FileRights

    return _bind_unix(address, FileRights(PRIVATE))


AnySocket = socket.socket | BoundSocket
"""A socket that was made elsewhere, with or without what is known about it."""


def inherit(descriptors: Iterable[int]) -> list[BoundSocket]:
    """The sockets of the process that started this one, under the same numbers as there."""
    return [BoundSocket(socket.socket(fileno=number), is_shared=True) for number in descriptors]


def adopt(sockets: Iterable[AnySocket]) -> list[BoundSocket]:
    """Sockets that were made elsewhere, made ready for an event loop."""
    bound = [one if isinstance(one, BoundSocket) else BoundSocket(one) for one in sockets]
    for one in bound:
        one.sock.setblocking(False)
        if one.is_tcp:
            one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    return bound


def bind_again(bound: BoundSocket) -> BoundSocket:
    """Another socket on the address of one bound with `reuse_port`; one that is not TCP is returned as it is.

    Raises `StartupError`.
    """
    if not bound.is_tcp:
        return bound
    is_dual = bound.sock.family == socket.AF_INET6 and not bound.sock.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    )
    with explained(describe(bound.sock)):
        return BoundSocket(_bind_tcp(bound.sock.family, bound.sock.getsockname(), _options(True, is_dual)))


def close_all(bound: Iterable[BoundSocket]) -> None:
    """Close sockets, and remove the files that ESG made for them."""
    for one in bound:
        one.close()


def describe(sock: socket.socket) -> str:
    """The address of a socket as users write it: `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/esg.sock`."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        return str(TCPAddress(name[0], name[1]))
    path = os.fsdecode(name) if isinstance(name, bytes) else name
    return str(UnixAddress(path))


@contextlib.contextmanager
def explained(address: object) -> Iterator[None]:
    """Turn an `OSError` inside into a `StartupError` that names the address and the reason."""
    try:
        yield
    except OSError as error:
        why = _WHY.get(error.errno or 0) or error.strerror or str(error)
        raise StartupError(f"cannot listen on {address}: {why}") from None


def _bind_unix(address: UnixAddress, rights: "FileRights | None") -> BoundSocket:
    from esg_core.sockets.unix_files import AS_USUAL, bind_unix

    with explained(address):
        return BoundSocket(*bind_unix(address, rights or AS_USUAL), is_own=True)


def _bind(address: TCPAddress | Descriptor, wanted: Sequence[Address], reuse_port: bool) -> list[BoundSocket]:
    with explained(address):
        if isinstance(address, Descriptor):
            return [_inherit(address)]
        is_dual = address.host == "::" and TCPAddress("0.0.0.0", address.port) not in wanted  # noqa: S104 - compared
        return _bind_name(address, _options(reuse_port, is_dual))


# Hosts and ports.

Options = list[tuple[int, int, int]]
"""Arguments of `socket.setsockopt()`."""


def _options(reuse_port: bool, is_dual: bool) -> Options:
    options = [(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_dual else 1)]
    if sys.platform == "win32":
        options.append((socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1))
    else:
        options.append((socket.SOL_SOCKET, socket.SO_REUSEADDR, 1))
    if reuse_port:
        if not hasattr(socket, "SO_REUSEPORT"):
            raise UsageError("reuse_port: this system does not support it")
        options.append((socket.SOL_SOCKET, socket.SO_REUSEPORT, 1))
    return options


def _bind_name(address: TCPAddress, options: Options) -> list[BoundSocket]:
    """Bind all addresses of the host, all on the same port."""
    places = _resolve(address)
    for _ in range(PORT_ATTEMPTS - 1):
        try:
            return _bind_places(places, address.port, options)
        except OSError as error:
            if address.port or error.errno != errno.EADDRINUSE:
                raise
    return _bind_places(places, address.port, options)


Place = tuple[int, tuple[object, ...]]
"""A family of addresses and an address of it, as `socket.bind()` takes it."""


def _resolve(address: TCPAddress) -> list[Place]:
    host = address.host.encode() if address.host.isascii() else address.host  # a str would load the idna codec
    try:
        found = socket.getaddrinfo(host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise StartupError(f"cannot listen on {address}: the host {address.host!r} cannot be resolved") from None
    return list(dict.fromkeys((family, name) for family, _, _, _, name in found))


def _bind_places(places: Sequence[Place], port: int, options: Options) -> list[BoundSocket]:
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
            bound.append(BoundSocket(sock, is_own=True))
        if missing is not None and not bound:
            raise missing
    except BaseException:
        close_all(bound)
        raise
    return bound


def _bind_tcp(family: int, name: tuple[object, ...], options: Options) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio looks at it for TCP_NODELAY
    try:
        for level, option, value in options:
            if level != socket.IPPROTO_IPV6 or family == socket.AF_INET6:
                sock.setsockopt(level, option, value)
        sock.bind(name)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


# Inherited descriptors.


def _inherit(address: Descriptor) -> BoundSocket:
    """A duplicate of the descriptor, which itself stays open; the system says of which family it is."""
    try:
        original = socket.socket(fileno=address.number)
    except OSError as error:
        why = "it is not a socket" if error.errno == errno.ENOTSOCK else "there is no such open descriptor"
        raise StartupError(f"cannot listen on {address}: {why}") from None
    sock = original.dup()
    original.detach()
    if sock.type != socket.SOCK_STREAM or _has_peer(sock):
        sock.close()
        raise StartupError(f"cannot listen on {address}: it is not a socket that can accept connections")
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
