"""Files as responses (rule H-14): content, flow control, and what goes wrong, over real sockets and both loops."""

import asyncio
import contextlib
import hashlib
import os
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from esg_core.errors import ApplicationError, ClientDisconnected
from esg_core.waiting import WriteGate
from esg_http.call.sendfile import KERNEL_PIECE, THREAD_PIECE, send_file
from tests.support.certificates import CA
from tests.support.http.sockets import LOOP_FACTORIES
from tests.support.installed import LOOPS

MEBIBYTE = 1024 * 1024
LIMITS = (1000, 5000)


class Responder(asyncio.Protocol):
    """The server's end of one connection, with the gate that its transport moves."""

    def __init__(self) -> None:
        self.gate = WriteGate(asyncio.get_running_loop())
        self.made = asyncio.get_running_loop().create_future()
        self.paused = asyncio.get_running_loop().create_future()
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(LIMITS[1], LIMITS[0])
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        self.made.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gate.open()
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self.gate.close()
        if not self.paused.done():
            self.paused.set_result(None)

    def resume_writing(self) -> None:
        self.gate.open()

    async def send(self, file: BinaryIO, offset: int, size: int) -> None:
        await send_file(asyncio.get_running_loop(), self.transport, file, offset, size, self.gate)


class Wire:
    """How server and client are connected: TCP, a UNIX socket or TLS."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.path = str(directory / "s")
        self.server_tls: ssl.SSLContext | None = None
        if kind == "tls":
            authority = CA()
            self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(self.server_tls)
            self.client_tls = ssl.create_default_context()
            authority.configure_trust(self.client_tls)

    async def listen(
        self, factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.AbstractServer, Callable[[], socket.socket]]:
        loop = asyncio.get_running_loop()
        if self.kind == "unix":
            return await loop.create_unix_server(factory, self.path), self._connect_unix
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=self.server_tls)
        address = server.sockets[0].getsockname()
        return server, lambda: self._connect_tcp(address)

    def _connect_unix(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(self.path)
        return client

    def _connect_tcp(self, address: tuple[str, int]) -> socket.socket:
        client = socket.socket()
        client.settimeout(20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(address)
        return self.client_tls.wrap_socket(client, server_hostname="127.0.0.1") if self.kind == "tls" else client


@contextlib.asynccontextmanager
async def connected(
    wire: Wire, client: Callable[[socket.socket], object]
) -> AsyncIterator[tuple[Responder, asyncio.Future[object]]]:
    """A connection whose other end is `client` in a thread; the future has what it returns."""
    responder = Responder()

    def play() -> object:
        with connect() as connection:
            return client(connection)

    server, connect = await wire.listen(lambda: responder)
    async with server:
        played = asyncio.get_running_loop().run_in_executor(None, play)
        await responder.made
        try:
            yield responder, played
        finally:
            if not responder.transport.is_closing():  # a lost transport takes no more calls
                responder.transport.abort()
            await asyncio.gather(played, return_exceptions=True)
            await responder.lost


def run(loop: str, main: Callable[[], Awaitable[None]]) -> None:
    async def call() -> None:
        await main()

    with asyncio.Runner(loop_factory=LOOP_FACTORIES[loop]) as runner:
        runner.run(call())


@pytest.fixture(params=["tcp", "unix", "tls"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Wire:
    return Wire(request.param, tmp_path)


@pytest.fixture
def tcp(tmp_path: Path) -> Wire:
    return Wire("tcp", tmp_path)


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[BinaryIO]:
    path = tmp_path / "sample"
    path.write_bytes(os.urandom(3 * MEBIBYTE + 17))
    with path.open("rb") as file:
        yield file


def read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


def open_descriptors() -> int:
    """How many descriptors this process has open; 0 where the system does not report it."""
    directory = Path("/proc/self/fd")
    return len(list(directory.iterdir())) if directory.is_dir() else 0


def contents(file: BinaryIO) -> bytes:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def test_the_file_arrives_between_what_is_written_around_it(loop: str, wire: Wire, sample: BinaryIO) -> None:
    async def main() -> None:
        async with connected(wire, read_all) as (responder, played):
            responder.transport.write(b"head" * 50_000)
            await responder.send(sample, 0, 3 * MEBIBYTE + 17)
            responder.transport.write(b"tail")
            responder.transport.close()
            assert await played == b"head" * 50_000 + contents(sample) + b"tail"

    run(loop, main)


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, 0), (0, 1), (5, 100), (KERNEL_PIECE - 1, THREAD_PIECE + 2), (3 * MEBIBYTE, 17), (1, 3 * MEBIBYTE + 16)],
)
def test_any_part_of_a_file(loop: str, wire: Wire, sample: BinaryIO, offset: int, size: int) -> None:
    async def main() -> None:
        async with connected(wire, read_all) as (responder, played):
            await responder.send(sample, offset, size)
            responder.transport.close()
            assert await played == contents(sample)[offset : offset + size]

    run(loop, main)


def test_many_files_on_one_connection_leave_nothing_behind(loop: str, wire: Wire, sample: BinaryIO) -> None:
    """Neither descriptors, nor the file's position, nor the limits of the transport's buffer change."""

    async def main() -> None:
        async with connected(wire, read_all) as (responder, played):
            sample.seek(7)
            await responder.send(sample, 0, 100)
            before = open_descriptors()
            for number in range(200):
                responder.transport.write(b"<")
                await responder.send(sample, number, 1000)
                responder.transport.write(b">")
            assert (open_descriptors(), sample.tell()) == (before, 7)
            if wire.kind != "tls":
                assert responder.transport.get_write_buffer_limits() == LIMITS
            responder.transport.close()
            data = contents(sample)
            assert await played == data[:100] + b"".join(b"<" + data[n : n + 1000] + b">" for n in range(200))

    run(loop, main)


def test_a_sparse_file_of_64_mebibytes(loop: str, tcp: Wire, tmp_path: Path) -> None:
    size = 64 * MEBIBYTE
    marks = {0: b"begin", 40 * MEBIBYTE - 3: b"middle", size - 3: b"end"}

    def digest(connection: socket.socket) -> tuple[int, str]:
        total, sha = 0, hashlib.sha1()
        while data := connection.recv(MEBIBYTE):
            total += len(data)
            sha.update(data)
        return total, sha.hexdigest()

    async def main() -> None:
        with (tmp_path / "sparse").open("w+b") as file:
            for position, mark in marks.items():
                file.seek(position)
                file.write(mark)
            file.flush()
            async with connected(tcp, digest) as (responder, played):
                await responder.send(file, 0, size)
                responder.transport.close()
                assert await played == (size, hashlib.sha1(contents(file)).hexdigest())

    run(loop, main)


def test_a_slow_reader_gets_everything_and_costs_no_memory(loop: str, wire: Wire, sample: BinaryIO) -> None:
    """Rule H-7: while the client does not read, sending waits, and other connections are served."""
    go_on = threading.Event()

    def read_late(connection: socket.socket) -> bytes:
        assert go_on.wait(10)
        return read_all(connection)

    async def main() -> None:
        async with connected(wire, read_late) as (responder, played):
            sending = asyncio.ensure_future(responder.send(sample, 0, 3 * MEBIBYTE + 17))
            await responder.paused
            begin = time.process_time()
            await asyncio.sleep(0.2)
            assert time.process_time() - begin < 0.1
            assert not sending.done()
            assert responder.transport.get_write_buffer_size() <= 2 * THREAD_PIECE
            go_on.set()
            await sending
            responder.transport.close()
            assert await played == contents(sample)

    try:
        run(loop, main)
    finally:
        go_on.set()


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_ends_the_sending(loop: str, wire: Wire, sample: BinaryIO, reset: bool) -> None:
    """Rule H-16: an OSError for the application, whether the client closes or breaks the connection."""

    def leave(connection: socket.socket) -> None:
        connection.recv(1000)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def main() -> None:
        async with connected(wire, leave) as (responder, played):
            with pytest.raises(ClientDisconnected):
                await responder.send(sample, 0, 3 * MEBIBYTE + 17)
            await played

    run(loop, main)


def test_an_aborted_connection_ends_the_sending(loop: str, wire: Wire, sample: BinaryIO) -> None:
    """Rule H-17: timeout-write aborts the transport while sending waits."""
    go_on = threading.Event()

    async def main() -> None:
        async with connected(wire, lambda _: go_on.wait(10)) as (responder, _):
            sending = asyncio.ensure_future(responder.send(sample, 0, 3 * MEBIBYTE + 17))
            await responder.paused
            responder.transport.abort()
            with pytest.raises(ClientDisconnected):
                await sending
            go_on.set()

    try:
        run(loop, main)
    finally:
        go_on.set()


def test_nothing_is_sent_on_a_connection_that_is_gone(loop: str, wire: Wire, sample: BinaryIO) -> None:
    async def main() -> None:
        async with connected(wire, read_all) as (responder, _):
            responder.transport.abort()
            await responder.lost
            with pytest.raises(ClientDisconnected):
                await responder.send(sample, 0, 100)

    run(loop, main)


def test_a_file_that_is_shorter_is_the_applications_error(loop: str, wire: Wire, sample: BinaryIO) -> None:
    async def main() -> None:
        async with connected(wire, read_all) as (responder, played):
            with pytest.raises(ApplicationError, match="the file is 83 bytes too short"):
                await responder.send(sample, 3 * MEBIBYTE, 100)
            responder.transport.close()
            assert await played == contents(sample)[-17:]

    run(loop, main)


def test_what_the_kernel_can_not_copy_is_read(loop: str, tcp: Wire) -> None:
    """Some files cannot be mapped, so `os.sendfile` refuses them; reading still works."""
    size = 100_000

    async def main(file: BinaryIO) -> None:
        async with connected(tcp, read_all) as (responder, played):
            await responder.send(file, 0, size)
            responder.transport.close()
            assert await played == bytes(size)

    with Path("/dev/zero").open("rb") as file:
        run(loop, lambda: main(file))


def test_a_file_that_can_not_be_read_is_no_disconnect(loop: str, wire: Wire, tmp_path: Path) -> None:
    """An OSError would look as if the client had gone."""

    async def main() -> None:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb"):
            async with connected(wire, read_all) as (responder, _):
                with pytest.raises(ApplicationError, match="the file cannot be read: Illegal seek"):
                    await responder.send(file, 0, 100)

    run(loop, main)


def test_a_cancelled_task_stops_sending(loop: str, wire: Wire, sample: BinaryIO) -> None:
    go_on = threading.Event()

    async def main() -> None:
        async with connected(wire, lambda _: go_on.wait(10)) as (responder, _):
            sending = asyncio.ensure_future(responder.send(sample, 0, 3 * MEBIBYTE + 17))
            await responder.paused
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert wire.kind == "tls" or responder.transport.get_write_buffer_limits() == LIMITS
            go_on.set()

    try:
        run(loop, main)
    finally:
        go_on.set()


@pytest.mark.skipif(not hasattr(os, "sendfile"), reason="has no kernel to send files")
def test_nothing_goes_to_a_descriptor_that_may_be_another_connection_s(
    loop: str, tcp: Wire, sample: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transport that was closed between two pieces has given its descriptor back."""
    sendfile, calls = os.sendfile, []

    async def main() -> None:
        async with connected(tcp, read_all) as (responder, _):

            def send_and_abort_soon(*arguments: int) -> int:
                calls.append(arguments)
                asyncio.get_running_loop().call_soon(responder.transport.abort)
                return sendfile(*arguments)

            monkeypatch.setattr(os, "sendfile", send_and_abort_soon)
            with pytest.raises(ClientDisconnected):
                await responder.send(sample, 0, 3 * MEBIBYTE)
            assert len(calls) == 1

    run(loop, main)
