"""Ends connections so that their clients notice (rule L-7).

A transport only closes its descriptor. If a process that the application has forked holds the same one, nothing ends
for the client: that takes a `shutdown()`. Knows transports and sockets, no protocol.
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
"""Bytes of a `struct sockaddr`; all zeros mean the family AF_UNSPEC."""


def end_sending(transport: asyncio.Transport) -> bool:
    """Tell the client that nothing more will come, if its connection can say so; returns whether it can.

    A client that has gone need not be told: asyncio raises, and reports its end with the next read.
    """
    if not transport.can_write_eof():
        return False
    with contextlib.suppress(OSError):
        transport.write_eof()
    return True


def end_for_client(transport: asyncio.BaseTransport, error: Exception | None = None) -> None:
    """Tell the client that its connection has ended, even if a child process still holds it (rule L-7).

    To be called in `connection_lost()`, when everything written is with the kernel, and the socket is still open. Does
    nothing if the connection has ended with an `error` of the client's.
    """
    connection = None if isinstance(error, ConnectionError) else open_socket(transport)
    if connection is not None:
        shut_down(connection.fileno())


def close(transport: asyncio.Transport) -> None:
    """Close the connection once everything written has been sent; harmless if it is closing already.

    `transport.close()` is not: closed twice, a transport of asyncio's TLS can no longer even be aborted.
    """
    if not transport.is_closing():
        transport.close()


def abort(transport: asyncio.Transport) -> None:
    """Close the connection at once, even if something is unsent; a client whose own bytes are unread sees a reset.

    Ends it for the client as well: within TLS that is not ESG's, `connection_lost()` comes too late for that.
    """
    connection = open_socket(transport)
    if connection is not None and not (_has_unread(connection) and _disconnect(connection)):
        shut_down(connection.fileno())
    transport.abort()


def reset(transport: asyncio.Transport) -> None:
    """Abort the connection, over TCP with a reset: the client sees no ordinary end, and the kernel keeps nothing.

    Otherwise the kernel would go on offering what was written to a client that does not read, for minutes.
    """
    connection = open_socket(transport)
    if connection is not None and connection.family in _INTERNET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)  # for systems that cannot disconnect
        _disconnect(connection)
    abort(transport)


def shut_down(descriptor: int) -> None:
    """End both directions of a socket for all processes that hold it; harmless if it is no longer connected."""
    view = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)  # its real family does not matter
    try:
        view.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
    finally:
        view.detach()


def _has_unread(connection: Any) -> bool:
    """Whether there is unread input from the client, which turns closing a TCP connection into a reset."""
    if connection.family not in _INTERNET or sys.platform == "win32":
        return False
    return any(fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(4)))


def _disconnect(connection: Any) -> bool:
    """Reset a TCP connection, even if other processes hold it; returns whether that worked, as it does only on Linux.

    It takes a `connect()` to no address, which `socket.connect()` cannot express.
    """
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # takes longer to import than everything else here, and is rarely needed

        connect = ctypes.CDLL(None).connect
    except (ImportError, OSError, AttributeError):
        return False
    return bool(connect(connection.fileno(), bytes(_ADDRESS_SIZE), _ADDRESS_SIZE) == 0)
