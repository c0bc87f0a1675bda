"""Accepting: on both loops, cleartext and TLS, and what happens to those who are on their way when it ends."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from esg_core import listeners as module
from esg_core.addresses import TCPAddress, UnixAddress
from esg_core.listeners import Listeners, TLSOptions
from esg_core.sockets import adopt, bind_all
from tests.core.loops import LOOPS, run_in
from tests.logging_state import untouched_logging

Script = Callable[[Listeners, int], Awaitable[None]]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class Echo(asyncio.Protocol):
    """Sends back what it gets, and counts its connections."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).made += 1
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def run(loop: str, script: Script, **options: Any) -> None:
    """Run a script with a listener of the loopback that accepts, and its port."""

    async def main() -> None:
        Echo.made = 0
        bound = bind_all([TCPAddress("127.0.0.1", 0)])
        port = bound[0].sock.getsockname()[1]
        listeners = Listeners(bound, Echo, **options)
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
def authority() -> trustme.CA:
    return trustme.CA()


def tls(authority: trustme.CA, handshake_timeout: float | None) -> TLSOptions:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return TLSOptions(context, handshake_timeout)


@pytest.mark.parametrize("limit", [5.0, None])
def test_tls(loop: str, authority: trustme.CA, limit: float | None) -> None:
    """Also when the time for the handshake is unlimited."""
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def script(listeners: Listeners, port: int) -> None:
        assert await echo(port, ssl=context) == b"hello"

    run(loop, script, tls=tls(authority, limit))


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_failing_handshake_harms_nobody(loop: str, authority: trustme.CA, said: bytes) -> None:
    """H-17: the client that says nothing is hung up on in time; the next one is served."""

    async def script(listeners: Listeners, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        async with asyncio.timeout(3):
            await ended(reader)
        writer.close()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        assert await echo(port, ssl=context) == b"hello"
        assert Echo.made == 1

    run(loop, script, tls=tls(authority, 0.2))


async def ended(reader: asyncio.StreamReader) -> None:
    """Return once the other side has closed, in whatever way."""
    try:
        await reader.read()
    except ConnectionError:
        return


def test_those_in_the_queue_are_served_when_it_closes(loop: str) -> None:
    """L-2: they have been let in by the kernel already."""

    async def script(listeners: Listeners, port: int) -> None:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # before the loop sees any
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


def test_handshakes_do_not_hold_the_end(loop: str, authority: trustme.CA) -> None:
    async def script(listeners: Listeners, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not listeners._opening:
            await asyncio.sleep(0.01)
        await listeners.close()
        await listeners.settle(0.1)
        await ended(reader)
        writer.close()

    run(loop, script, tls=tls(authority, 60))


def test_closing_before_it_has_begun(loop: str, tmp_path: Path) -> None:
    """What was bound is closed, and nobody was let in."""
    path = tmp_path / "esg.sock"

    async def main() -> None:
        listeners = Listeners(bind_all([UnixAddress(str(path))]), Echo)
        await listeners.close()
        await listeners.close()
        assert not path.exists()

    run_in(loop, main())


def test_protocol_that_cannot_be_made_is_logged(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> asyncio.Protocol:
        raise ZeroDivisionError("no protocol")

    async def script(listeners: Listeners, port: int) -> None:
        listeners._factory = broken
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await ended(reader)
        writer.close()

    with untouched_logging():
        run(loop, script)
    assert "ZeroDivisionError: no protocol" in caplog.text


@pytest.mark.parametrize(
    ("number", "warned"), [(errno.ECONNABORTED, 0), (errno.EMFILE, 1), (errno.ENFILE, 1), (errno.EBADF, 1)]
)
def test_errors_of_accept(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, number: int, warned: int
) -> None:
    """H-20: a client that has gone is none; any other makes accepting pause, with one line, until it is over."""
    monkeypatch.setattr(module, "PAUSE", 0.02)
    left = [3]

    async def script(listeners: Listeners, port: int) -> None:
        real = asyncio.get_running_loop().sock_accept

        async def sock_accept(sock: socket.socket) -> Any:
            if left[0]:
                left[0] -= 1
                raise OSError(number, "accept failed")
            return await real(sock)

        monkeypatch.setattr(asyncio.get_running_loop(), "sock_accept", sock_accept)
        assert await echo(port) == b"hello"  # the one that was waiting for already
        assert await echo(port) == b"hello"
        assert left == [0]

    with untouched_logging(), caplog.at_level(logging.INFO):
        run("asyncio", script)
    assert caplog.text.count("accepting pauses") == warned
    assert ("the limit of this process is" in caplog.text) == (number == errno.EMFILE)
