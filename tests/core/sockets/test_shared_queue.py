"""W-10: servers that share a queue, each with a row of the same board, over real sockets and on both loops."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest

from esg_core.sockets import acceptor, shares
from esg_core.sockets.board import Holding, Rows
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.handshakes import Handshakes, TLSOptions
from esg_core.sockets.listeners import Listeners
from esg_core.sockets.shared_queue import SharedQueue
from esg_core.sockets.tcp import counts_queue
from esg_core.turns import TurnBudget
from tests.support.certificates import CA
from tests.support.core.loops import run_in, until
from tests.support.logging_state import untouched_logging


class Echo(asyncio.Protocol):
    connected: ClassVar[set["Echo"]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.connected.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connected.discard(self)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Queue:
    """A listening socket, and the rows of those that share it."""

    def __init__(self, path: Path | None = None, kind: type[socket.socket] = socket.socket) -> None:
        self.listening = kind(socket.AF_INET if path is None else socket.AF_UNIX)
        self.listening.bind(("127.0.0.1", 0) if path is None else str(path))
        self.listening.listen(100)
        self.listening.setblocking(False)
        rows = Rows.create()
        assert rows is not None
        self.rows = rows
        self.board = rows.board

    def server(self, tls: TLSOptions | None = None, sock: socket.socket | None = None) -> Listeners:
        """One that shares the queue, and accepts."""
        row = self.rows.take()
        assert row is not None
        bound = BoundSocket(sock or self.listening.dup(), is_shared=True, holding=Holding(self.board, row))
        budget = TurnBudget(asyncio.get_running_loop().call_soon)
        listeners = Listeners([bound], Echo, None if tls is None else Handshakes(tls, budget))
        listeners.start(100)
        return listeners

    def sibling(self) -> int:
        """The row of one that has no connections, and never comes to the queue."""
        row = self.rows.take()
        assert row is not None
        self.board.hold(row, 1)
        return row

    def client(self) -> socket.socket:
        client = socket.socket(self.listening.family)
        client.settimeout(20)
        client.connect(self.listening.getsockname())
        return client

    def close(self) -> None:
        self.listening.close()
        self.board.close()


async def echo(client: socket.socket) -> None:
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        await loop.sock_sendall(client, b"hello")
        assert await loop.sock_recv(client, 5) == b"hello"


def run(loop: str, script: Callable[[Queue, ExitStack], Awaitable[None]], *arguments: Any) -> None:
    """Run a script with a queue; clients are closed by the stack."""

    async def main() -> None:
        queue = Queue(*arguments)
        with ExitStack() as clients:
            await script(queue, clients)
        await until(lambda: not Echo.connected)
        queue.close()

    run_in(loop, main())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with untouched_logging():
        yield caplog


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stands back does so until another one has come."""
    monkeypatch.setattr(shares, "PATIENCE", 3600.0)
    monkeypatch.setattr(shares, "STALL", 3600.0)


@pytest.mark.parametrize("is_unix", [False, True])
def test_w10_servers_share_a_burst(loop: str, is_unix: bool, tmp_path: Path) -> None:
    async def script(queue: Queue, clients: ExitStack) -> None:
        servers = [queue.server() for _ in range(4)]
        await asyncio.gather(*[echo(clients.enter_context(queue.client())) for _ in range(64)])
        held = [count - 1 for count in queue.board.held()]
        assert sum(held) == 64
        assert max(held) <= 24
        clients.close()
        await until(lambda: queue.board.held() == [1, 1, 1, 1])
        for server in servers:
            await server.close()
        assert queue.board.held() == [0, 0, 0, 0]

    run(loop, script, tmp_path / "sock" if is_unix else None)


def test_w10_a_new_server_gets_what_it_lacks(loop: str) -> None:
    async def script(queue: Queue, clients: ExitStack) -> None:
        servers = [queue.server(), queue.server()]
        await asyncio.gather(*[echo(clients.enter_context(queue.client())) for _ in range(40)])
        servers.append(queue.server())
        await asyncio.gather(*[echo(clients.enter_context(queue.client())) for _ in range(20)])
        assert queue.board.held()[2] >= 13
        for server in servers:
            await server.close()

    run(loop, script)


def test_w10_no_client_waits_for_a_server_that_does_not_come(loop: str) -> None:
    async def script(queue: Queue, clients: ExitStack) -> None:
        server = queue.server()
        queue.sibling()
        await asyncio.gather(*[echo(clients.enter_context(queue.client())) for _ in range(40)])
        assert queue.board.held() == [41, 1]
        await server.close()

    run(loop, script)


@pytest.mark.usefixtures("endless")
def test_w10_a_server_that_has_its_share_leaves_the_queue_to_others(loop: str) -> None:
    """And does nothing more once the queue is empty (L-5); closing ends its pause."""

    async def script(queue: Queue, clients: ExitStack) -> None:
        server = queue.server()
        queue.sibling()
        [acceptor] = server._acceptors
        for _ in range(4):
            clients.enter_context(queue.client())
        await until(lambda: acceptor._pause is not None)
        assert queue.board.held() == [4, 1]
        accepted, _ = queue.listening.accept()
        await until(lambda: acceptor._pause is None)
        looks = queue.board.looks()
        await asyncio.sleep(0.05)
        assert (acceptor._pause, queue.board.looks()) == (None, looks)
        accepted.close()

        late = clients.enter_context(queue.client())
        await until(lambda: acceptor._pause is not None)
        await server.close()
        accepted, address = queue.listening.accept()
        assert address == late.getsockname()
        accepted.close()

    run(loop, script)


def test_w10_h20_out_of_descriptors_while_standing_back(
    loop: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile, it does not count as accepting; afterwards it goes on."""
    left = [0]

    class Failing(socket.socket):
        def _accept(self) -> tuple[int, Any]:
            if left[0]:
                left[0] -= 1
                raise OSError(errno.EMFILE, "accept failed")
            accepted: tuple[int, Any] = super()._accept()  # type: ignore[misc]  # it is not public
            return accepted

    held = []

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            held.append(queues[0].board.held())

    queues: list[Queue] = []

    async def script(queue: Queue, clients: ExitStack) -> None:
        queues.append(queue)
        queue.sibling()
        listening = Failing(fileno=queue.listening.dup().detach())
        listening.setblocking(False)
        server = queue.server(sock=listening)
        await echo(clients.enter_context(queue.client()))
        await echo(clients.enter_context(queue.client()))
        left[0] = 2
        await echo(clients.enter_context(queue.client()))
        assert left == [0]
        await until(lambda: queue.board.held() == [1, 4])
        await server.close()

    handler = Seen()
    logging.getLogger("esg.error").addHandler(handler)
    monkeypatch.setattr(acceptor, "PAUSE", 0.02)
    try:
        run(loop, script)
    finally:
        logging.getLogger("esg.error").removeHandler(handler)
    assert "accepting pauses: accept failed" in log.text
    assert held == [[1, 0]]


def test_w10_connections_in_their_handshake_count_until_they_fail(loop: str) -> None:
    authority = CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def script(queue: Queue, clients: ExitStack) -> None:
        server = queue.server(TLSOptions(lambda: context, 20))
        client = clients.enter_context(queue.client())
        await until(lambda: queue.board.held() == [2])
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: queue.board.held() == [1])
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        address = queue.listening.getsockname()
        _, writer = await asyncio.open_connection(*address, ssl=trusting)
        assert queue.board.held() == [2]
        writer.close()
        await writer.wait_closed()
        await until(lambda: queue.board.held() == [1])
        await server.close()
        await server.settle(20)

    run(loop, script)


@pytest.mark.parametrize("is_unix", [False, True])
def test_w10_a_server_accepts_no_more_than_wait_where_that_is_known(is_unix: bool, tmp_path: Path) -> None:
    """Trying for one more costs a system call and an exception each time."""
    queue = Queue(tmp_path / "sock" if is_unix else None)
    row = queue.rows.take()
    assert row is not None
    for _ in range(3):
        queue.board.hold(queue.sibling(), 50)
    shared = SharedQueue(queue.listening, Holding(queue.board, row))
    shared.open()
    with ExitStack() as clients:
        assert shared.room() == 0
        for _ in range(2):
            clients.enter_context(queue.client())
        room = shared.room()
        assert room is not None
        assert room == 2 or (not counts_queue(queue.listening) and room > 2)
        for _ in range(2):
            shared.accept().close()
    queue.close()
