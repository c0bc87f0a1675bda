"""A client that sends arbitrary bytes, and a measure of what a server holds because of it."""

from esg_core.asgi import Receive, Scope, Send
from esg_http.h2.connection import H2Connection
from tests.support.http.memory import MemoryServer
from tests.support.http2.wire import OPENING, Frame, Kind, read


class Raw:
    """One open connection in memory; `opening` is what the client sends first."""

    def __init__(self, server: MemoryServer, opening: bytes = OPENING) -> None:
        self.server = server
        self.transport = server.connect()
        self._seen = 0
        self.send(opening)

    def send(self, data: bytes) -> None:
        """Send, and let the server work until nothing more happens."""
        self.transport.feed(data)
        self.server.loop.settle()

    def frames(self) -> list[Frame]:
        """The frames since the last call."""
        seen, self._seen = self._seen, len(self.transport.written)
        return list(read(bytes(self.transport.written[seen : self._seen])))

    @property
    def code(self) -> int | None:
        """The code of the GOAWAY that ended the connection."""
        frames = [frame for frame in read(bytes(self.transport.written)) if frame.kind == Kind.GOAWAY]
        return frames[-1].code if frames and (self.transport.eof_written or self.transport.is_closing()) else None


class Waiting:
    """An application that waits until its client is gone, and counts its calls."""

    def __init__(self) -> None:
        self.calls = self.running = self.most = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.running -= 1


def held(server: MemoryServer) -> int:
    """The bytes that a server holds for its clients: of their requests, and of responses that they have not read."""
    size = sum(getattr(cycle, "buffered", 0) for cycle in server.context.cycles)
    for connection in server.context.connections:
        if isinstance(connection, H2Connection):
            size += connection.sending.out_size + connection._receiving.held
            size += connection.transport.get_write_buffer_size()
            block = connection._requests.block
            size += block.size if block is not None else 0
            size += sum(stream.unsent.size for stream in connection._streams.live.values() if stream.unsent is not None)
    return size
