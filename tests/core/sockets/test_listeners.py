"""Accepting: on both loops, cleartext and TLS, and what happens to connections in progress when it ends."""

import asyncio
import errno
import logging
import math
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esg_core import turns
from esg_core.options.addresses import TCPAddress, UnixAddress
from esg_core.sockets import acceptor
from esg_core.sockets.bound import BoundSocket, adopt, bind_all
from esg_core.sockets.handshakes import Handshakes, TLSOptions
from esg_core.sockets.listeners import Listeners
from esg_core.turns import TurnBudget
from tests.support.certificates import CA
from tests.support.core.loops import Turns, busy, run_in, until
from tests.support.logging_state import untouched_logging

Script = Callable[[Listeners, int], Awaitable[None]]


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with untouched_logging():
        yield caplog


class Echo(asyncio.Protocol):
    """Sends back what it gets, and counts its connections."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).made += 1
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def run(loop: str, script: Script, tls: TLSOptions | None = None) -> None:
    """Run a script with a listener on the loopback interface, and its port."""

    async def main() -> None:
        Echo.made = 0
        bound = bind_all([TCPAddress("127.0.0.1", 0)])
        port = bound[0].sock.getsockname()[1]
        budget = TurnBudget(asyncio.get_running_loop().call_soon)
        listeners = Listeners(bound, Echo, None if tls is None else Handshakes(tls, budget))
        listeners.start(100)
        try:
            await script(listeners, port)
        finally:
            await listeners.close()
            await listeners.settle(1)

    run_in(loop, main())


async def echo(port: int, **options: Any) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    try:
        writer.write(b"hello")
        return await reader.readexactly(5)
    finally:
        writer.close()
        await writer.wait_closed()


def test_connections_get_a_protocol_each(loop: str) -> None:
    async def script(listeners: Listeners, port: int) -> None:
        answers = await asyncio.gather(*[echo(port) for _ in range(150)])
        assert answers == [b"hello"] * 150
        assert Echo.made == 150

    run(loop, script)


@pytest.mark.parametrize("adopted", [False, True])
def test_nodelay_is_set_on_accepted_connections(loop: str, adopted: bool) -> None:
    seen: list[int] = []

    class Seen(Echo):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            sock = transport.get_extra_info("socket")
            seen.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def main() -> None:
        bound = adopt([socket.create_server(("127.0.0.1", 0))]) if adopted else bind_all([TCPAddress("127.0.0.1", 0)])
        listeners = Listeners(bound, Seen)
        listeners.start(10)
        await echo(bound[0].sock.getsockname()[1])
        await listeners.close()

    run_in(loop, main())
    assert [bool(value) for value in seen] == [True]


def test_clients_in_the_queue_of_a_shared_socket_are_left_to_others(loop: str) -> None:
    """W-6: a replaced server does not take its successor's clients."""

    async def main() -> None:
        Echo.made = 0
        with socket.create_server(("127.0.0.1", 0)) as others:
            listeners = Listeners(adopt([BoundSocket(others.dup(), is_shared=True)]), Echo)
            listeners.start(10)
            with socket.create_connection(others.getsockname()) as client:
                await listeners.close()
                await listeners.settle(1)
                accepted, address = others.accept()
                accepted.close()
                assert address == client.getsockname()
        assert Echo.made == 0

    run_in(loop, main())


class Accepting:
    """An acceptor whose connections are closed at once; `accepted` has the turn of the loop in which each came."""

    def __init__(self) -> None:
        [self._bound] = bind_all([TCPAddress("127.0.0.1", 0)])
        self.accepted: list[int] = []
        self._turns = Turns()
        self._acceptor = acceptor.Acceptor(self._bound, self._give, print)
        self._acceptor.start(200)
        self._clients: list[socket.socket] = []

    def connect(self, number: int) -> None:
        self._clients += [socket.create_connection(self._bound.sock.getsockname()) for _ in range(number)]

    async def all_accepted(self) -> None:
        await until(lambda: len(self.accepted) == len(self._clients))

    async def pause(self, seconds: float) -> None:
        """Leave the loop idle: counting its turns keeps it busy."""
        self._turns.stop()
        await asyncio.sleep(seconds)
        self._turns = Turns()

    async def stop(self) -> None:
        """Stop accepting, by when everyone must have been accepted."""
        await self._acceptor.stop()
        self._turns.stop()
        assert len(self.accepted) == len(self._clients)
        for client in self._clients:
            client.close()

    def _give(self, connection: socket.socket) -> None:
        self.accepted.append(self._turns.number)
        connection.close()


@pytest.mark.parametrize("stops", [False, True])
def test_few_are_accepted_in_a_turn(loop: str, stops: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-20: others get turns in between, even when the queue is emptied at the end."""
    monkeypatch.setattr(turns, "SHARE", 0.0)  # a busy machine has long turns

    async def main() -> None:
        accepting = Accepting()
        accepting.connect(100)
        if not stops:
            await accepting.all_accepted()
        await accepting.stop()
        assert max(Counter(accepting.accepted).values()) == acceptor.BATCH

    run_in(loop, main())


def test_more_are_accepted_after_a_long_turn(loop: str) -> None:
    """H-23: an application that keeps the loop busy must not keep new clients out."""

    async def main() -> None:
        accepting = Accepting()
        accepting.connect(100)
        with busy(0.1):
            await accepting.all_accepted()
        await accepting.stop()
        assert [*Counter(accepting.accepted).values()] == [acceptor.BATCH, 100 - acceptor.BATCH]

    run_in(loop, main())


def test_a_pause_is_no_long_turn(loop: str) -> None:
    """H-23: a burst that comes a while after a full batch is accepted in batches, too."""

    async def main() -> None:
        accepting = Accepting()
        accepting.connect(acceptor.BATCH)
        await accepting.all_accepted()
        await accepting.pause(0.2)
        accepting.connect(3 * acceptor.BATCH)
        await accepting.all_accepted()
        await accepting.stop()
        assert accepting.accepted[acceptor.BATCH] != accepting.accepted[2 * acceptor.BATCH]

    run_in(loop, main())


def test_unix_socket(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "echo.sock"

    async def main() -> None:
        listeners = Listeners(bind_all([UnixAddress(str(path))]), Echo)
        listeners.start(100)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        await writer.wait_closed()
        await listeners.close()
        assert not path.exists()

    run_in(loop, main())


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


def tls(authority: CA, handshake_timeout: float) -> TLSOptions:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return TLSOptions(lambda: context, handshake_timeout)


@pytest.mark.parametrize("limit", [5.0, math.inf])
def test_tls(loop: str, authority: CA, limit: float) -> None:
    """Even if the time for the handshake is unlimited."""
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def script(listeners: Listeners, port: int) -> None:
        assert await echo(port, ssl=context) == b"hello"

    run(loop, script, tls=tls(authority, limit))


@pytest.mark.parametrize(
    ("said", "is_told"), [(b"", False), (b"what is no TLS at all", False), (b"GET / HTTP/1.1\r\n\r\n", True)]
)
def test_failing_handshake_harms_no_other_client(
    loop: str, authority: CA, said: bytes, is_told: bool, log: pytest.LogCaptureFixture
) -> None:
    """H-17: a silent client's connection is closed in time; the next one is served. H-11: plain HTTP is reported."""

    async def script(listeners: Listeners, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        host, own = writer.get_extra_info("sockname")
        clients.append(f"{host}:{own}")
        writer.write(said)
        async with asyncio.timeout(3):
            await ended(reader)
        writer.close()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        assert await echo(port, ssl=context) == b"hello"
        assert Echo.made == 1

    clients: list[str] = []
    run(loop, script, tls=tls(authority, 0.2))
    text = f"refused plain HTTP from {clients[0]}: this port speaks TLS, so the URL must begin with https://"
    warnings = [record.getMessage() for record in log.records if record.levelno > logging.DEBUG]
    assert warnings == ([text] if is_told else [])


async def ended(reader: asyncio.StreamReader) -> None:
    """Return once the other side has closed in any way."""
    try:
        await reader.read()
    except ConnectionError:
        return


def test_those_in_the_queue_are_served_when_it_closes(loop: str) -> None:
    """L-2: the kernel has already let them in."""

    async def script(listeners: Listeners, port: int) -> None:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # before the loop sees either
        await listeners.close()
        await listeners.settle(1)
        assert listeners.sockets == ()
        with pytest.raises(ConnectionRefusedError):
            await echo(port)
        for client in clients:
            with client:
                client.sendall(b"hello")
                client.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(client, 5) == b"hello"

    run(loop, script)


def test_handshakes_do_not_hold_the_end(loop: str, authority: CA) -> None:
    async def script(listeners: Listeners, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await listeners.close()
        assert listeners._opening
        await listeners.settle(0.1)
        await ended(reader)
        writer.close()

    run(loop, script, tls=tls(authority, 60))


def test_closing_before_it_has_begun(loop: str, tmp_path: Path) -> None:
    """Bound sockets are closed; no client was accepted."""
    path = tmp_path / "esg.sock"

    async def main() -> None:
        listeners = Listeners(bind_all([UnixAddress(str(path))]), Echo)
        await listeners.close()
        await listeners.close()
        assert not path.exists()

    run_in(loop, main())


def test_protocol_that_cannot_be_made_is_logged(loop: str, log: pytest.LogCaptureFixture) -> None:
    def broken() -> asyncio.Protocol:
        raise ZeroDivisionError("no protocol")

    async def script(listeners: Listeners, port: int) -> None:
        listeners._factory = broken
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await ended(reader)
        writer.close()

    run(loop, script)
    assert "ZeroDivisionError: no protocol" in log.text


ERRORS = [(errno.ECONNABORTED, 0), (errno.EMFILE, 1), (errno.ENFILE, 1), (errno.EBADF, 1)]


@pytest.mark.parametrize(("number", "warned"), ERRORS)
def test_errors_of_accept(
    loop: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, number: int, warned: int
) -> None:
    """H-20: a client that has gone does not count; other errors pause accepting, with one line, until they end."""
    left = [3]

    class Failing(socket.socket):
        def _accept(self) -> tuple[int, Any]:
            if left[0]:
                left[0] -= 1
                raise OSError(number, "accept failed")
            accepted: tuple[int, Any] = super()._accept()  # type: ignore[misc]  # it is not public
            return accepted

    async def main() -> None:
        sock = Failing()
        sock.bind(("127.0.0.1", 0))
        listeners = Listeners(adopt([sock]), Echo)
        listeners.start(10)
        assert await echo(sock.getsockname()[1]) == b"hello"
        assert left == [0]
        await listeners.close()

    monkeypatch.setattr(acceptor, "PAUSE", 0.02)
    run_in(loop, main())
    assert log.text.count("accepting pauses: accept failed") == warned
    assert ("the limit of this process is" in log.text) == (number == errno.EMFILE)


def test_closing_while_accepting_pauses(loop: str, log: pytest.LogCaptureFixture) -> None:
    class Failing(socket.socket):
        def _accept(self) -> tuple[int, Any]:
            raise OSError(errno.EMFILE, "accept failed")

    async def main() -> None:
        sock = Failing()
        sock.bind(("127.0.0.1", 0))
        listeners = Listeners(adopt([sock]), Echo)
        listeners.start(10)
        with socket.create_connection(sock.getsockname()):
            await until(lambda: "accepting pauses" in log.text)
            await listeners.close()

    run_in(loop, main())


@pytest.fixture
def no_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like the Windows loop without `add_reader()`; its `sock_accept()` needs one, so that is replaced here."""

    def add_reader(self: object, *_: object) -> None:
        raise NotImplementedError

    async def sock_accept(self: asyncio.AbstractEventLoop, sock: socket.socket) -> tuple[socket.socket, Any]:
        while True:
            try:
                connection, name = sock.accept()
            except BlockingIOError:
                await asyncio.sleep(0.01)
            else:
                connection.setblocking(False)
                return connection, name

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", add_reader)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_accept", sock_accept)


def test_loop_that_watches_no_sockets(no_readers: None) -> None:
    async def script(listeners: Listeners, port: int) -> None:
        assert await asyncio.gather(*[echo(port) for _ in range(20)]) == [b"hello"] * 20

    run("asyncio", script)


@pytest.mark.parametrize(("number", "warned"), ERRORS)
def test_errors_of_accept_on_a_loop_that_watches_no_sockets(
    no_readers: None, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, number: int, warned: int
) -> None:
    test_errors_of_accept("asyncio", log, monkeypatch, number, warned)
