"""What idle WebSockets cost: `python -m benchmarks.idle_websockets [OPTIONS]`, 10,000 of them by default.

Each has sent a message and got it back. Their memory is read twice: when all are open, and when each has answered a
ping, because only then a server can see that what it holds is unused. Plain keep-alive connections, which have been
answered once too, are measured beside them. CPU is the server's while only pings come and go.
"""

import argparse
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from benchmarks import proc
from benchmarks.apps import HELLO
from benchmarks.connections import allow_descriptors, readable, used_connection
from benchmarks.names import one_of
from benchmarks.processes import Bench, Cores, Running, ServerError, ask, free_port
from benchmarks.report import table
from benchmarks.rows import Question
from benchmarks.servers import SERVERS, Launch
from benchmarks.websocket_client import open_clients
from benchmarks.websocket_frames import masked_frame, pong, text_of

PING_SECONDS = 20
"""Between the pings of ESG and of uvicorn, which come by themselves."""

_QUESTION = Question(HELLO)
_WARM_UP_REQUESTS = 500
_WARM_UP_CONNECTIONS = 50
_TICK = 0.25
_PING = 0x89

Open = Callable[[int], socket.socket]
"""Opens a connection to a port, and uses it once."""


class Idle:
    """Connections of one kind to one server."""

    def __init__(self, running: Running, count: int, make: Open, stack: ExitStack) -> None:
        self._running = running
        self._count = count
        self._make = make
        self._stack = stack
        self._clients: list[socket.socket] = []
        self._warm_up()
        self._before = self._pss()

    def _warm_up(self) -> None:
        """Make the server allocate what it allocates only once."""
        port = self._running.launch.port
        ask(self._running.launch, _QUESTION, _WARM_UP_REQUESTS)
        for _ in range(_WARM_UP_CONNECTIONS):
            self._make(port).close()

    def open(self) -> None:
        """Open all of them, and answer pings meanwhile."""
        for number in range(self._count):
            self._clients.append(self._stack.enter_context(self._make(self._running.launch.port)))
            if number % 500 == 499:
                self.answer()

    def answer(self) -> None:
        """Answer the pings that have come; raises `ServerError` for a connection that has ended."""
        for client in readable(self._clients):
            data = client.recv(4096)
            if not data or data[0] != _PING:
                raise ServerError(f"closed one of {self._count} idle connections: {data!r}")
            client.sendall(pong(data[2:6]))

    def wait(self, seconds: float) -> float:
        """Answer pings for that long; returns the CPU of the server meanwhile, in milliseconds per second."""
        began, before = time.perf_counter(), proc.cpu_ns(self._running.pids())
        while time.perf_counter() < began + seconds:
            self.answer()
            time.sleep(_TICK)
        return (proc.cpu_ns(self._running.pids()) - before) / 1e6 / (time.perf_counter() - began)

    @property
    def bytes_each(self) -> int:
        """The server's memory per connection."""
        return round((self._pss() - self._before) / self._count)

    def _pss(self) -> int:
        return proc.memory(self._running.pids())["Pss"]


def websocket(deflate: bool) -> Open:
    """Opens WebSockets that have sent one message and got it back; compressed with `deflate`."""
    frame = masked_frame(text_of(64), is_compressed=False)

    def make(port: int) -> socket.socket:
        (client,) = open_clients(("127.0.0.1", port), 1, deflate=deflate, most=4096)
        try:
            client.send(frame, 1)
            while client.missing:
                client.receive()
        except BaseException:
            client.socket.close()
            raise
        return client.socket

    return make


def measure(server: str, bench: Bench, count: int, make: Open, seconds: float) -> tuple[int, int, float]:
    """Bytes per connection when all are open, and after that many seconds; milliseconds of CPU per second meanwhile."""
    launch = Launch("benchmarks.apps:websocket_echo", free_port(), websocket=True, keep_alive=600)
    with bench.start(server, launch, _QUESTION) as running, ExitStack() as stack:
        idle = Idle(running, count, make, stack)
        idle.open()
        at_first = idle.bytes_each
        cpu = idle.wait(seconds)
        return at_first, idle.bytes_each, cpu


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle_websockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--servers", type=one_of(SERVERS), default=["esg", "uvicorn"])
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.2 * PING_SECONDS,
        help="of idleness; default: a little over one ping interval",
    )
    options = parser.parse_args(arguments)
    allow_descriptors(options.sockets + 500)
    bench = Bench(Cores.choose())
    kinds = {"plain": used_connection, "WebSocket": websocket(False), "WebSocket, deflate": websocket(True)}
    lines = []
    for server in options.servers:
        plain = 0
        for name, make in kinds.items():
            print(f"{server}: {options.sockets} of {name}", file=sys.stderr)
            at_first, later, cpu = measure(server, bench, options.sockets, make, options.seconds)
            plain = plain or later
            lines.append([f"{server}, {name}", str(at_first), str(later), str(later - plain), f"{cpu:.1f}"])
    print(table(["bytes each", "when open", "after pings", "above plain", "CPU ms/s"], lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
