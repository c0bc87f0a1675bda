"""An HTTP/3 GET without sockets: `python -m benchmarks.http3.in_memory` counts its instructions by function.

The server's endpoint and aioquic's client pass each other's datagrams in one process, one request at a time.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import CodeType
from typing import Any

import uvloop

from benchmarks.opcodes import Opcodes, counted, opcodes_table
from benchmarks.processes import make_certificate
from benchmarks.quic_session import Session
from benchmarks.servers import Certificate
from esg_core.contracts import DatagramPath, Seat
from esg_core.lifecycle.assembly import context_for
from esg_core.options.config import Config
from esg_http.h3.entry_points import aioquic

CLIENT = DatagramPath(("127.0.0.1", 50000), b"")


class MemoryPort:
    """A socket whose datagrams a client in memory reads; see `esg_core.contracts.DatagramPort`."""

    seat: Seat | None = None

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.has_sent = asyncio.Event()

    def send(self, datagram: bytes, path: DatagramPath) -> None:
        """As `DatagramPort.send`."""
        self.sent.append(datagram)
        self.has_sent.set()

    def server_name(self, path: DatagramPath) -> tuple[Any, ...]:
        """As `DatagramPort.server_name`."""
        return ("127.0.0.1", 443)


class MemorySession(Session):
    """A client whose datagrams go to an endpoint in the same process."""

    def __init__(self, certificate: Certificate, app: str) -> None:
        super().__init__(443)
        self.socket.close()
        self._loop = asyncio.get_running_loop()
        self._port = MemoryPort()
        config = Config(app, ssl_certfile=certificate.certificate, ssl_keyfile=certificate.key, http3=True)
        self._endpoint = aioquic(context_for(config))(self._port)

    def send(self, datagram: bytes) -> None:
        """Give the endpoint a datagram."""
        self._endpoint.received(datagram, CLIENT)

    async def ask_times(self, times: int) -> None:
        """Return once that many requests are answered, one after the other."""
        for _ in range(times):
            stream = self.start()
            self.flush()
            while stream not in self.ended:
                await self._step()

    async def shake(self) -> None:
        """Complete the handshake."""
        self.begin()
        while not self.is_established:
            await self._step()

    def leave(self) -> None:
        """End both sides."""
        self._endpoint.close()

    async def _step(self) -> None:
        """Read what the server sends next, or do what is due before."""
        port, due = self._port, self.quic.get_timer()
        try:
            async with asyncio.timeout_at(due):
                await port.has_sent.wait()
        except TimeoutError:
            self.quic.handle_timer(max(due or 0.0, self._loop.time()))
        port.has_sent.clear()
        sent, port.sent = port.sent, []
        for datagram in sent:
            self.quic.receive_datagram(datagram, self.server, self._loop.time())
        self.take_events()
        self.flush()


def count_http3(
    certificate: Certificate,
    app: str = "benchmarks.apps:hello",
    run: Callable[[Coroutine[Any, Any, Opcodes]], Opcodes] = uvloop.run,
) -> Opcodes:
    """What a GET runs in Python in ESG's modules; `run` is the loop's."""

    async def count() -> Opcodes:
        session = MemorySession(certificate, app)
        await session.shake()
        try:
            return await counted(session.ask_times, is_ours)
        finally:
            session.leave()

    return run(count())


def is_ours(code: CodeType) -> bool:
    """Whether it is code of ESG's."""
    return "/esg_" in code.co_filename.replace("\\", "/")


def main() -> int:
    """Run the command; returns the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        print(opcodes_table(count_http3(make_certificate(Path(directory)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
