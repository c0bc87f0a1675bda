"""How much a client may send: the receiving side of flow control (RFC 9113 section 5.2).

Sans-I/O. A stream's window bounds what is held for an application that does not read, so it opens again as the
application reads, and grows while client and application keep up with each other. The connection's window bounds
nothing beyond that; it opens again as bytes come, so that no stream holds up another (rule 2-2).
"""

from esg_http.coding.faults import StreamFault
from esg_http.h2.coding.codes import DEFAULT_WINDOW, FLOW_CONTROL_ERROR

CONNECTION_WINDOW = 2**20
"""Bytes that all streams of a connection together may have on the way; the preface opens the window this far."""

GROWTH = 4 * 2**20
"""Bytes by which all windows of a connection together may grow."""


class ConnectionWindow:
    """What all streams of one connection together may send.

    A client never exceeds it: the window opens again long before a frame could use it up.
    """

    __slots__ = ("_left", "growth")

    def __init__(self) -> None:
        self._left = CONNECTION_WINDOW
        self.growth = GROWTH

    def take(self, size: int) -> int:
        """`size` bytes have come; returns by how much to open the window now, possibly 0."""
        self._left -= size
        if self._left > CONNECTION_WINDOW // 2:
            return 0
        opened, self._left = CONNECTION_WINDOW - self._left, CONNECTION_WINDOW
        return opened


class StreamWindow:
    """What one stream may send; `largest` is how far its window may grow."""

    __slots__ = ("_largest", "_left", "_size", "_unread", "_whole")

    def __init__(self, whole: ConnectionWindow, largest: int) -> None:
        self._whole = whole
        self._largest = largest
        self._size = self._left = DEFAULT_WINDOW
        self._unread = 0

    def take(self, size: int) -> None:
        """`size` bytes have come, none of which the application has read."""
        self._left -= size
        self._unread += size
        if self._left < 0:
            raise StreamFault(FLOW_CONTROL_ERROR, "more data than the window allows", "RFC 9113 section 6.9.1")

    def read(self, size: int) -> int:
        """The application has read `size` bytes; returns by how much to open the window now, possibly 0."""
        self._unread -= size
        if (self._size - self._left - self._unread) * 2 < self._size:
            return 0
        self._grow()
        opened = self._size - self._left - self._unread
        self._left += opened
        return opened

    def _grow(self) -> None:
        """Half of the window is used and the application keeps up, so the window may be what slows the client down."""
        growth = min(self._size, self._largest - self._size, self._whole.growth)
        if growth > 0:
            self._whole.growth -= growth
            self._size += growth

    def close(self) -> None:
        """No more will come: leave what the window has grown by to others."""
        self._whole.growth += self._size - DEFAULT_WINDOW
        self._size = DEFAULT_WINDOW
