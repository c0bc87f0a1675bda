"""Clients that leave the streams of `tests.e2e.apps.leaving` over HTTP/3."""

from typing import Self

from esg_core.asgi import Headers
from tests.support.e2e.leaving import Case, Left
from tests.support.http3.sockets import H3SocketClient
from tests.support.ws import frames

SMALL = 65536
"""Bytes that the server may send of a stream to a client that does not read."""


class H3Leaver:
    """A client that asks for a stream, waits until it has reached its phase, and leaves; see `leaving.Leaver`."""

    def __init__(self, server: Left, case: Case) -> None:
        self.case = case
        self._server = server
        self._client = H3SocketClient(server.port, SMALL if case.phase in ("stuck", "flood") else None)
        self._client.start(self._fields(f"/{case.phase}/{case.name}".encode()), end=self._ends)

    _ends = True

    def _fields(self, path: bytes) -> Headers:
        return [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"127.0.0.1"), (b":path", path)]

    def arrive(self) -> Self:
        """Wait until the stream has reached the point where the client leaves it."""
        phase, name = self.case.phase, self.case.name
        if phase in ("late", "held"):
            self._server.wait_for(f"{name}: {'asked' if phase == 'late' else 'begun'}")
            return self
        got = b""
        while b"first" not in got:
            more = self._client.content()
            assert more, f"{name}: the stream ended after {got!r}"
            got += more
        return self

    def leave(self) -> None:
        """End the connection, or cancel the request only: then the connection stays until `close()`."""
        if self.case.way == "cancel":
            self._client.cancel()
        else:
            self._client.close()

    def close(self) -> None:
        self._client.close()


class H3SocketLeaver(H3Leaver):
    """A client of a WebSocket."""

    _ends = False

    def _fields(self, path: bytes) -> Headers:
        own = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b"sec-websocket-version", b"13")]
        return sorted([*own, *super()._fields(path)[1:]], key=lambda field: not field[0].startswith(b":"))

    def arrive(self) -> Self:
        """Wait until the connection has reached the point where the client leaves it."""
        self._server.wait_for(f"{self.case.name}: {'asked' if self.case.phase == 'late' else 'begun'}")
        return self

    def leave(self) -> None:
        """Like an `H3Leaver`, or with a closing handshake that is not waited for: `goodbye`."""
        if self.case.way == "goodbye":
            self._client.say(frames.close(1001))
        super().leave()
