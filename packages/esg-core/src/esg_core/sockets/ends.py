"""Ends connections so that their clients hear of it (rule L-7).

A transport closes its descriptor. If a process that the application has forked holds the same one, nothing ends for the
client: that takes a `shutdown()`. Knows transports and sockets, no protocol.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from typing import Any

if sys.platform != "win32":
    import fcntl
    import termios

from esg_core.sockets.tcp import open_socket

_INTERNET = (socket.AF_INET, socket.AF_INET6)

_RESET = struct.pack("ii", 1, 0)

_ADDRESS_SIZE = 16
"""Bytes of a `struct sockaddr`; of zeros, it is of the family AF_UNSPEC."""


def end_sending(transport: asyncio.Transport) -> bool:
    """Tell the client that nothing more comes, if its connection can say that; returns whether it can.

    A client that has gone need not be told: asyncio raises, and will tell of its end with the next thing it reads.
    """
    if not transport.can_write_eof():
        return False
    with contextlib.suppress(OSError):
        transport.write_eof()
    return True


def end_for_client(transport: asyncio.BaseTransport, error: Exception | None = None) -> None:
    """Tell the client that its connection has ended, also if a child process still holds it (rule L-7).

    To be called in `connection_lost()`, where what was written is the kernel's already, and the socket still open. Does
    nothing if the connection has ended with an `error` that is the client's.
    """
    connection = None if isinstance(error, ConnectionError) else open_socket(transport)
    if connection is not None:
        shut_down(connection.fileno())


def close(transport: asyncio.Transport) -> None:
    """Close the connection once all that was written is sent; harmless when it is closing already.

    A transport of asyncio's TLS is not harmless by itself: closed twice, it cannot even be aborted any more.
    """
    if not transport.is_closing():
        transport.close()


def abort(transport: asyncio.Transport) -> None:
    """Close the connection at once, whatever is unsent; a client whose own bytes are unread sees a reset.

    Ends it for the client as well: within a TLS that is not ESG's, `connection_lost()` comes too late for that.
    """
    connection = open_socket(transport)
    if connection is not None and not (_has_unread(connection) and _disconnect(connection)):
        shut_down(connection.fileno())
    transport.abort()


def reset(transport: asyncio.Transport) -> None:
    """Abort the connection, over TCP by a reset: the client sees no ordinary end, and the kernel keeps nothing.

    Without it the kernel goes on offering what was written to a client that does not read, for minutes.
    """
    connection = open_socket(transport)
    if connection is not None and connection.family in _INTERNET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)  # for systems that cannot disconnect
        _disconnect(connection)
    abort(transport)


def shut_down(descriptor: int) -> None:
    """End both directions of a socket for all processes that hold it; harmless if it is not connected any more."""
    view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)  # its real family does not matter
    try:
        view.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
    finally:
        view.detach()


def _has_unread(connection: Any) -> bool:
    """Whether the client has sent what nobody has read, which makes closing a connection of TCP a reset."""
    if connection.family not in _INTERNET or sys.platform == "win32":
        return False
    return any(fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(4)))


def _disconnect(connection: Any) -> bool:
    """Reset a connection of TCP, whoever else holds it; returns whether that can be done, which Linux alone does.

    `connect()` to no address is how, and `socket.connect()` cannot say that.
    """
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # takes longer to import than all the rest here, and is rarely needed

        connect = ctypes.CDLL(None).connect
    except (ImportError, OSError, AttributeError):
        return False
    return bool(connect(connection.fileno(), bytes(_ADDRESS_SIZE), _ADDRESS_SIZE) == 0)
