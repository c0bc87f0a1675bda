"""A QUIC transport without packets, whose windows and whose client's acknowledgements a test decides about."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from esg_core.testing import ManualLoop
from esg_http.h3.quic import QuicUser

FACTS = {
    "peername": ("192.0.2.1", 50000),
    "sockname": ("192.0.2.80", 443),
    "cipher": ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128),
    "server_hostname": "a.test",
}


class MemoryQuic:
    """See `esg_http.h3.quic.QuicTransport`.

    What is queued leaves at the end of the turn, and is acknowledged at once, unless `holds` says that nothing leaves.
    `sent` are the bytes by stream, `ends` those with FIN; `closed` is how the connection was ended.
    """

    def __init__(self, user: QuicUser, loop: ManualLoop, window: int = 2**20) -> None:
        self.user = user
        self.facts: dict[str, Any] = dict(FACTS)
        self.sent: dict[int, bytearray] = {}
        self.ends: set[int] = set()
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self.read: Counter[int] = Counter()
        self.closed: tuple[int, str] | None = None
        self.is_lost = False
        self.holds = False
        self.window_of_all = 2**24
        self._window = window
        self._windows: dict[int, int] = {}
        self._loop = loop
        self._queued = 0
        self._will_deliver = False
        self._streams = 0
        self._content: dict[int, int] = {}

    # The contract.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.facts.get(name, default)

    def is_closing(self) -> bool:
        return self.closed is not None

    def send(self, stream: int, data: bytes, end: bool) -> None:
        if self.closed or stream in self.resets or stream in self.ends:
            return
        assert isinstance(data, bytes)
        self.sent.setdefault(stream, bytearray()).extend(data)
        self._queued += len(data)
        self.window_of_all -= len(data)
        if end:
            self.ends.add(stream)
        self._deliver_soon()

    def open_unidirectional(self) -> int:
        self._streams += 1
        return 4 * self._streams - 1

    def reset(self, stream: int, code: int) -> None:
        if stream not in self.ends:
            self.resets.setdefault(stream, code)

    def stop(self, stream: int, code: int) -> None:
        self.stops.setdefault(stream, code)

    def window(self, stream: int) -> int:
        return self._windows.get(stream, self._window) - len(self.sent.get(stream, b""))

    def connection_window(self) -> int:
        return self.window_of_all

    def unsent(self) -> int:
        return self._queued

    def is_delivered(self) -> bool:
        return not self._queued

    def consumed(self, stream: int, size: int) -> None:
        assert size > 0
        self.read[stream] += size

    def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self._loop.call_soon(self.lose)

    def abort(self) -> None:
        self.closed = self.closed or (-1, "aborted")
        self.lose()

    # What the test does.

    def open(self) -> None:
        self.user.connected(self)

    def lose(self, error: Exception | None = None) -> None:
        """The connection is over."""
        if not self.is_lost:
            self.is_lost = True
            user = self.user
            del self.user
            user.lost(error)

    def widen(self, stream: int, size: int) -> None:
        """The client opens the window of a stream by `size` bytes."""
        self._windows[stream] = self._windows.get(stream, self._window) + size
        self.user.progressed()

    def deliver(self, size: int = 2**62) -> None:
        """Let that many queued bytes go out."""
        self._queued = max(0, self._queued - size)
        self.user.progressed()

    def _deliver_soon(self) -> None:
        if not self._will_deliver:
            self._will_deliver = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._will_deliver = False
        if not self.holds and not self.is_lost:
            self.deliver()


class Ending:
    """Ends a connection in memory with its server; see `tests.support.http.memory.MemoryServer`."""

    def __init__(self, lose: Callable[[], None]) -> None:
        self.reset = lose
