"""Clients that ask for much and pay for it: no bound may stop them (rule 2-3)."""

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.support.http.memory import MemoryServer
from tests.support.http2 import wire
from tests.support.http2.raw import Raw
from tests.support.http2.wire import GET, Kind

NUMBERS = range(1, 2**31, 2)


class Counting:
    """An application that answers with how many bytes it was sent, and keeps none."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        size, more = 0, True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            size += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % size})


class Uploading(Raw):
    """A client that sends as fast as its windows allow; `room` is what is left of the connection's."""

    room = 65535

    def upload(self, stream: int, size: int, piece: int) -> bytes:
        """Send that many bytes in frames of `piece`; returns the body of the answer."""
        windows = {0: self.room, stream: 65535}
        self.send(wire.post(stream))
        while size:
            part = min(size, piece, *windows.values())
            if part:
                size -= part
                windows = {number: window - part for number, window in windows.items()}
                self.transport.feed(wire.data(stream, bytes(part), end=not size))
                if min(windows.values()) >= piece and size:
                    continue
            self.server.loop.settle()
            frames = self.frames()
            assert part or frames, "the windows stay closed"
            for frame in frames:
                if frame.kind == Kind.WINDOW_UPDATE:
                    windows[frame.stream] += int.from_bytes(frame.payload, "big")
        self.server.loop.settle()
        self.room = windows[0]
        return next(frame.payload for frame in read_all(self) if (frame.kind, frame.stream) == (Kind.DATA, stream))


def read_all(client: Raw) -> list[wire.Frame]:
    return list(wire.read(bytes(client.transport.written)))


def test_2_3_an_upload_of_100_mb() -> None:
    """At full speed: the clock stands still."""
    with MemoryServer(Counting()) as server:
        client = Uploading(server)
        assert client.upload(1, 100_000_000, 16384) == b"100000000"
        assert client.code is None


@pytest.mark.parametrize("piece", [1, 100, 1000])
def test_2_3_an_upload_in_small_frames(piece: int) -> None:
    """As from a program that streams measurements."""
    with MemoryServer(Counting()) as server:
        client = Uploading(server)
        assert client.upload(1, 5000 * piece, piece) == b"%d" % (5000 * piece)
        assert client.code is None


class Streaming:
    """An application that sends a body in many pieces of this size."""

    def __init__(self, pieces: int, size: int) -> None:
        self._pieces = pieces
        self._piece = bytes(size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for left in reversed(range(self._pieces)):
            await send({"type": "http.response.body", "body": self._piece, "more_body": left > 0})


@pytest.mark.parametrize(("pieces", "size"), [(5000, 100), (3000, 255), (1000, 1000)])
def test_2_3_a_download_of_small_pieces_whose_frames_are_all_acknowledged(pieces: int, size: int) -> None:
    """With two WINDOW_UPDATEs for each frame, as from clients that do not count; most pieces have to wait for them."""
    with MemoryServer(Streaming(pieces, size)) as server:
        client = Raw(server)
        client.send(wire.headers(1))
        came = 0
        while came < pieces * size:
            frames = [frame for frame in client.frames() if frame.kind == Kind.DATA]
            assert frames, f"nothing comes behind {came} bytes, code {client.code}"
            came += sum(len(frame.payload) for frame in frames)
            sizes = [len(frame.payload) for frame in frames]
            client.send(b"".join([wire.window(number, size) for size in sizes for number in (1, 0)]))
        assert client.code is None


@pytest.mark.slow
def test_2_3_a_hundred_thousand_requests_on_one_connection() -> None:
    """Each with its own table entries, and some with a body, trailers, or a window update."""
    app = Counting()
    plain = wire.block(GET)
    with MemoryServer(app) as server:
        client = Raw(server)
        for at in range(0, 100_000, 100):
            numbers = NUMBERS[at : at + 100]
            indexed = wire.literal(b"x-batch", b"%d" % at, how=0x40)
            parts = [wire.raw_headers(numbers[0], plain + indexed), wire.post(numbers[1]), wire.data(numbers[1], b"12")]
            parts += [wire.headers(numbers[1], [(b"x-sum", b"1")]), wire.window(0, 500)]
            parts += [wire.raw_headers(number, plain + b"\xbe") for number in numbers[2:]]
            client.send(b"".join(parts))
            ended = [frame for frame in client.frames() if frame.ends]
            assert [frame.stream for frame in ended] == list(numbers)
            client.transport.written.clear()
            client.transport.writes.clear()
            client.transport._read = client._seen = 0
        assert app.calls == 100_000
        assert client.code is None


def test_2_2_the_window_of_a_connection_is_opened_when_half_of_it_is_used() -> None:
    """And never beyond its size, including what the preface has granted."""
    with MemoryServer(Counting()) as server:
        client = Uploading(server)
        client.upload(1, 400_000, 16384)
        granted = [frame for frame in read_all(client) if (frame.kind, frame.stream) == (Kind.WINDOW_UPDATE, 0)]
        assert [int.from_bytes(frame.payload, "big") for frame in granted] == [2**20 - 65535]
        client.upload(3, 400_000, 16384)
        assert len([frame for frame in read_all(client) if (frame.kind, frame.stream) == (Kind.WINDOW_UPDATE, 0)]) == 2
