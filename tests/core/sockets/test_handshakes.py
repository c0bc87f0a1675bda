"""TLS handshakes take turns (rule H-23): one step a turn of the loop, however much comes at once; and their ends."""

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Self

import pytest

from esg_core.figures.labels import HANDSHAKE_RESULTS
from esg_core.options.addresses import TCPAddress
from esg_core.sockets.bound import bind_all
from esg_core.sockets.handshakes import Handshakes, TLSOptions
from esg_core.sockets.listeners import Listeners
from esg_core.sockets.tls_link import HalfClosingContext
from esg_core.turns import TurnBudget
from tests.support.certificates import CA
from tests.support.core.loops import Turns, busy, run_in, until
from tests.support.installed import LOOPS

MANY = 30

each_loop = pytest.mark.parametrize("loop", LOOPS)


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


class Hall:
    """A TLS listener in the running loop; `begun` records the turn in which each handshake began."""

    def __init__(self, authority: CA, limit: float = 10, seconds: float = 0, *, has_clock: bool = False) -> None:
        self.begun: list[int] = []
        self.asked = 0
        self._authority = authority
        self._seconds = seconds
        self._context = HalfClosingContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._context.sni_callback = self._begin
        [bound] = bind_all([TCPAddress("127.0.0.1", 0)])
        self.address = bound.sock.getsockname()
        tls = TLSOptions(self._next_context, limit)
        self.counts = dict.fromkeys(HANDSHAKE_RESULTS, 0)
        loop = asyncio.get_running_loop()
        budget = TurnBudget(loop.call_soon, loop.time) if has_clock else TurnBudget(loop.call_soon)
        self.listeners = Listeners([bound], Echo, Handshakes(tls, budget, self.counts))
        self.listeners.start(100)
        self._turns = Turns()

    async def close(self, patience: float = 10) -> None:
        await self.listeners.close()
        await self.listeners.settle(patience)
        self._turns.stop()

    def _next_context(self) -> ssl.SSLContext:
        self.asked += 1
        return self._context

    def _begin(self, _connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called by OpenSSL for the first message of each client; takes as long as a slow machine would need."""
        self.begun.append(self._turns.number)
        time.sleep(self._seconds)

    def client(self) -> "Client":
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return Client(self.address, context)


class Client:
    """A client that sends any part of its first message at any time."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        self.socket = socket.create_connection(address)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.hello = self._outgoing.read()

    def __enter__(self) -> Self:
        self.socket.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def echo(self) -> bytes:
        """What comes back for five bytes, after the handshake."""
        async with asyncio.timeout(20):
            await self._until_done(self._tls.do_handshake)
            self._tls.write(b"hello")
            return bytes(await self._until_done(lambda: self._tls.read(5)))

    async def _until_done(self, step: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self.socket, self._outgoing.read())
                data = await loop.sock_recv(self.socket, 65536)
                assert data, "the connection has ended"
                self._incoming.write(data)
            finally:
                await loop.sock_sendall(self.socket, self._outgoing.read())


def run(loop: str, script: Callable[[Hall], Awaitable[None]], authority: CA, **options: Any) -> None:
    async def main() -> None:
        hall = Hall(authority, **options)
        try:
            await script(hall)
        finally:
            await hall.close()

    run_in(loop, main())


async def is_ended(client: Client) -> bool:
    async with asyncio.timeout(20):
        try:
            return await asyncio.get_running_loop().sock_recv(client.socket, 1) == b""
        except ConnectionError:
            return True


@each_loop
@pytest.mark.parametrize("split", [0, 1, -1], ids=["whole", "first byte first", "last byte last"])
def test_one_handshake_begins_in_a_turn(loop: str, split: int, authority: CA) -> None:
    """Even if the rests of all their messages come at once, however slow the machine."""

    async def script(hall: Hall) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(hall.client()) for _ in range(MANY)]
            if split:
                for client in clients:
                    client.socket.send(client.hello[:split])
                await until(lambda: hall.asked == MANY)
            assert hall.begun == []
            for client in clients:
                client.socket.send(client.hello[split:])
            assert await asyncio.gather(*[client.echo() for client in clients]) == [b"hello"] * MANY
        assert sum(Counter(hall.begun).values()) == MANY
        assert max(Counter(hall.begun).values()) == 1

    run(loop, script, authority, seconds=0.001)


@each_loop
def test_nothing_is_made_for_a_client_that_says_nothing(loop: str, authority: CA) -> None:
    async def script(hall: Hall) -> None:
        with hall.client() as silent, hall.client() as other:
            other.socket.send(other.hello)
            assert await other.echo() == b"hello"
            assert hall.asked == 1
            silent.socket.send(silent.hello)
            assert await silent.echo() == b"hello"

    run(loop, script, authority)


@each_loop
@pytest.mark.parametrize("said", [b"", b"\x16", None], ids=["nothing", "a byte", "a hello"])
def test_the_time_for_a_handshake_begins_when_it_is_accepted(loop: str, said: bytes | None, authority: CA) -> None:
    """H-17: however much of it has come."""

    async def script(hall: Hall) -> None:
        with hall.client() as client:
            began = time.monotonic()
            client.socket.send(client.hello if said is None else said)
            while not await is_ended(client):
                pass
            assert time.monotonic() - began >= 0.25
            await until(lambda: not hall.listeners.is_opening)

    run(loop, script, authority, limit=0.3)


@each_loop
def test_a_client_that_goes_while_it_waits_for_its_turn(loop: str, authority: CA) -> None:
    async def script(hall: Hall) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(hall.client()) for _ in range(MANY)]
            for client in clients:
                client.socket.send(client.hello)
            for client in clients[::2]:
                client.socket.close()
            staying = [client.echo() for client in clients[1::2]]
            assert await asyncio.gather(*staying) == [b"hello"] * len(staying)
            await until(lambda: not hall.listeners.is_opening)

    run(loop, script, authority)


@each_loop
def test_those_whose_turn_has_not_come_are_served_when_the_listener_closes(loop: str, authority: CA) -> None:
    """L-2: clients are not late while the server has work to do."""

    async def script(hall: Hall) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(hall.client()) for _ in range(MANY)]
            for client in clients:
                client.socket.send(client.hello)
            echoes = asyncio.gather(*[client.echo() for client in clients])
            began = time.monotonic()
            await hall.close(patience=1)
            assert time.monotonic() - began > 1
            assert await echoes == [b"hello"] * MANY

    run(loop, script, authority, seconds=0.06)


@each_loop
def test_waiting_clients_are_closed_at_once_when_the_server_gives_up(loop: str, authority: CA) -> None:
    """With and without their first message, waiting for a turn and before."""

    async def script(hall: Hall) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(hall.client()) for _ in range(MANY)]
            for client in clients[::2]:
                client.socket.send(client.hello)
            await until(lambda: hall.asked)
            await hall.close(patience=0)
            assert not hall.listeners.is_opening
            for client in clients:
                while not await is_ended(client):
                    pass

    run(loop, script, authority, seconds=0.06)


@each_loop
def test_a_context_that_knows_no_half_closed_connections(loop: str, authority: CA) -> None:
    """With a user's own context, the connection ends with the client's side, as with the loop's TLS."""

    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        [bound] = bind_all([TCPAddress("127.0.0.1", 0)])
        handshakes = Handshakes(TLSOptions(lambda: context, 10), TurnBudget(asyncio.get_running_loop().call_soon))
        listeners = Listeners([bound], Echo, handshakes)
        listeners.start(100)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        with Client(bound.sock.getsockname(), trusting) as client:
            client.socket.send(client.hello)
            assert await client.echo() == b"hello"
            client.socket.shutdown(socket.SHUT_WR)
            while not await is_ended(client):
                pass
        await listeners.close()
        await listeners.settle(1)

    run_in(loop, main())


@each_loop
def test_m1_handshakes_are_counted_by_their_result(authority: CA, loop: str) -> None:
    async def script(hall: Hall) -> None:
        with hall.client() as good, hall.client() as bad, hall.client() as silent:
            bad.socket.send(b"nonsense instead of TLS")
            await asyncio.get_running_loop().sock_sendall(good.socket, good.hello)
            assert await good.echo() == b"hello"
            assert await is_ended(bad)
            assert await is_ended(silent)
        await hall.listeners.settle(10)
        assert hall.counts == {"ok": 1, "failed": 1, "timeout": 1}

    run(loop, script, authority, limit=1)


@each_loop
def test_h_23_long_turns_have_room_for_more_steps(loop: str, authority: CA) -> None:
    """An application that keeps the loop busy must not keep new clients out."""

    async def script(hall: Hall) -> None:
        with ExitStack() as stack, busy(0.05):
            clients = [stack.enter_context(hall.client()) for _ in range(10)]
            for client in clients:
                client.socket.send(client.hello)
            assert await asyncio.gather(*(client.echo() for client in clients)) == [b"hello"] * 10
        assert max(Counter(hall.begun).values()) > 1

    run(loop, script, authority, has_clock=True)
