"""When data arrived, as the kernel says: a client that gets no core reads late, and its server is not to blame."""

import socket
import struct
import sys
import time
from collections.abc import Sequence

_OPTION = 35 if sys.platform == "linux" else None
"""`SO_TIMESTAMPNS`, which `socket` lacks."""

_STAMP = struct.Struct("@ll")
"""Seconds and nanoseconds, by the clock of `time.time()`."""

_ATTEMPTS = 1000
"""Milliseconds within which the kernel begins to stamp; until then, data arrives when it is read."""


class Arrivals:
    """Makes the kernel stamp what arrives, until it is closed."""

    def __init__(self) -> None:
        self._own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # while one is open, the kernel goes on stamping
        self._own.bind(("127.0.0.1", 0))
        self.stamp(self._own)
        for _ in range(0 if _OPTION is None else _ATTEMPTS):
            self._own.sendto(b"stamped?", self._own.getsockname())
            time.sleep(0.001)
            reading = time.time()
            if arrived(self._own.recvmsg(64, 256)[1]) < reading:
                break

    def close(self) -> None:
        """Let the kernel stop."""
        self._own.close()

    def stamp(self, sock: socket.socket) -> None:
        """Have what this socket receives stamped."""
        if _OPTION is not None:
            sock.setsockopt(socket.SOL_SOCKET, _OPTION, 1)


def arrived(ancillary: Sequence[tuple[int, int, bytes]]) -> float:
    """When the data arrived that `recvmsg()` gave with these messages; now, if they do not say."""
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _OPTION):
            seconds, nanoseconds = _STAMP.unpack_from(content)
            return float(seconds + nanoseconds / 1e9)
    return time.time()
