"""What the kernel knows about a connection (rules H-7, H-16, H-17, L-2), and how its client learns of its end (L-7)."""

import asyncio
import math
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from esg_core.sockets.ends import abort, close, end_for_client, reset
from esg_core.sockets.tcp import Delivery, Departure, WriteWatch, delivery, departure, has_input
from esg_core.testing import ManualLoop, MemoryTransport
from esg_core.write_pace import WriteLimits
from tests.support.core.loops import run_in
from tests.support.installed import LOOPS


@pytest.fixture(params=["tcp", "unix"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a connection."""
    if request.param == "unix":
        client, server = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
    with client, server:
        yield client, server


def transport_of(connection: socket.socket | None) -> asyncio.Transport:
    """A transport that only knows its socket."""
    with ManualLoop() as loop:
        return MemoryTransport(asyncio.Protocol(), loop, extra={"socket": connection})


def test_input_that_has_not_been_read(pair: tuple[socket.socket, socket.socket]) -> None:
    """L-2."""
    client, server = pair
    assert not has_input(transport_of(server))
    client.send(b"x")
    assert has_input(transport_of(server))
    server.recv(1)
    assert not has_input(transport_of(server))


@pytest.mark.parametrize("unread", [b"", b"x"])
def test_clients_that_leave(pair: tuple[socket.socket, socket.socket], unread: bytes) -> None:
    """H-16: even if some of its bytes are unread."""
    client, server = pair
    client.send(unread)
    assert departure(transport_of(server)) is Departure.NONE
    client.shutdown(socket.SHUT_WR)
    assert departure(transport_of(server)) is Departure.SILENT
    server.send(b"y")
    client.close()  # with something unread, which TCP answers with a reset
    assert departure(transport_of(server)) is Departure.GONE


def test_nothing_is_known_without_a_socket() -> None:
    """Without a socket, or with a closed one, nothing is known."""
    with socket.socket() as closed:
        pass
    for connection in (None, closed):
        transport = transport_of(connection)
        assert (has_input(transport), departure(transport)) == (False, Departure.NONE)
        assert delivery(transport) == Delivery(0, 0)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_on_its_way(loop: str) -> None:
    """H-17: until the client's kernel has it, and no longer."""

    async def main() -> None:
        served: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

        class Server(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                served.set_result(cast(asyncio.Transport, transport))

        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        async with server:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(server.sockets[0].getsockname())
            with client:
                transport = await served
                transport.write(b"x" * 8_000_000)
                before = await settled(transport)
                assert before.unsent > 0
                assert before.acknowledged > 0
                await asyncio.to_thread(client.recv, 1_000_000, socket.MSG_WAITALL)
                after = delivery(transport)
                assert after.moved_since(before) > 0
                assert after.acknowledged > before.acknowledged
                assert before.moved_since(before) == 0
                await asyncio.to_thread(client.recv, 7_000_000, socket.MSG_WAITALL)
                assert (await settled(transport)).unsent == 0
                transport.abort()

    run_in(loop, main())


async def settled(transport: Any) -> Delivery:
    """What has been delivered once nothing moves."""
    seen = [delivery(transport)]
    for _ in range(50):
        await asyncio.sleep(0.2)
        seen.append(delivery(transport))
        if seen[-1] == seen[-2]:
            break
    return seen[-1]


def stalled(loop: ManualLoop) -> MemoryTransport:
    """A transport whose client has left 100 bytes unread, and does not read."""
    transport = MemoryTransport(asyncio.Protocol(), loop)
    transport.stall()
    transport.write(b"x" * 100)
    return transport


def looks(watch: WriteWatch, transport: MemoryTransport, reads: dict[float, int]) -> list[float]:
    """The times of the checks until the client is given up; at some of them it has read that many bytes."""
    seen = []
    while True:
        seen.append(watch.due)
        for time in [time for time in reads if time <= watch.due]:
            transport.read(reads.pop(time))
        if watch.is_given_up(transport, watch.due):
            return seen


@pytest.mark.parametrize(
    ("reads", "end"), [({}, 8), ({0.1: 50}, 10), ({7.9: 1}, 16), ({3: 1, 9: 1, 11: 1}, 20)], ids=str
)
def test_a_client_that_reads_nothing_is_given_up(reads: dict[float, int], end: float) -> None:
    """H-17: after the time-out, counted from the first check after it has read something."""
    with ManualLoop() as loop:
        transport = stalled(loop)
        watch = WriteWatch(transport, WriteLimits(8, 0), 0)
        assert looks(watch, transport, reads) == list(range(2, int(end) + 1, 2))
        assert watch.unsent > 0


def test_without_a_timeout_one_never_looks() -> None:
    with ManualLoop() as loop:
        assert WriteWatch(stalled(loop), WriteLimits(math.inf, 240), 0).due == math.inf


# L-7: ends that reach a client even if another process holds the descriptor.


class Ending(asyncio.Protocol):
    """Ends a lost connection for the client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self.transport, exc)


def until_end(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


async def connected(server: socket.socket) -> asyncio.Transport:
    server.setblocking(False)
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(Ending, server)
    return transport


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", [close, abort], ids=["close", "abort"])
def test_an_end_reaches_the_client(loop: str, how: Any, pair: tuple[socket.socket, socket.socket]) -> None:
    """L-7: after everything written."""
    client, server = pair
    client.settimeout(20)

    async def main() -> None:
        with server.dup():
            transport = await connected(server)
            transport.write(b"last")
            how(transport)
            assert await asyncio.to_thread(until_end, client) == b"last"

    run_in(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_what_waits_in_the_transport_is_sent_before_the_end(
    loop: str, pair: tuple[socket.socket, socket.socket]
) -> None:
    client, server = pair
    client.settimeout(20)
    size = 8_000_000

    async def main() -> None:
        with server.dup():
            transport = await connected(server)
            transport.write(bytes(size))
            close(transport)
            close(transport)
            assert len(await asyncio.to_thread(until_end, client)) == size

    run_in(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", [abort, reset], ids=["abort with something unread", "reset"])
def test_a_reset_stays_one(loop: str, how: Any, pair: tuple[socket.socket, socket.socket]) -> None:
    """L-7: over TCP; a UNIX socket has no reset, and just ends."""
    client, server = pair
    client.settimeout(20)

    async def main() -> None:
        with server.dup():
            transport = await connected(server)
            transport.pause_reading()
            client.send(b"unread" if how is abort else b"")
            how(transport)
            if client.family == socket.AF_UNIX:
                assert await asyncio.to_thread(client.recv, 1) == b""
            else:
                with pytest.raises(ConnectionResetError):
                    await asyncio.to_thread(client.recv, 1)

    run_in(loop, main())


def test_what_has_ended_already_needs_no_end(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.close()
    transport = transport_of(server)
    for _ in range(2):
        end_for_client(transport)
    end_for_client(transport_of(None))
    server.close()
    end_for_client(transport)
