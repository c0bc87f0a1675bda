"""One row without sockets: a server's protocol class in this process, between a client in memory and uvloop.

It leaves out what no server can change: system calls, the kernel, other processes. The rest is the same in each run,
and is counted by `benchmarks.instructions`, which starts this module under valgrind, and by `benchmarks.opcodes`.
"""

import argparse
import asyncio
import importlib
import logging
import math
import os
import sys
from collections.abc import Callable
from typing import Any

import uvloop

from benchmarks.exchanges import exchange_of
from benchmarks.floor import Floor
from benchmarks.rows import ROWS, Row

MARK = "sched_yield"
"""The function of the C library that is called right before and right after the measured requests."""

PATIENCE = 120.0
"""Seconds for all requests of a count, where each instruction may cost a call of Python."""

_WARM_UP = 500

Factory = Callable[[], asyncio.Protocol]


def _esg(row: Row, **settings: Any) -> Factory:
    from esg_core.logs import configure
    from esg_core.options.config import Config
    from esg_http import HTTPProtocol

    configure(Config(row.app))
    return HTTPProtocol(_application(row), access_log=row.access_log, **settings)


def _esg_limited(row: Row) -> Factory:
    """Everything that limits a request: each limit, backpressure, health; deadlines are always on."""
    limits = {"limit_concurrency": 1000, "limit_concurrent_requests": 500, "limit_request_body": 1_000_000}
    backpressure = {"backpressure": True, "backpressure_sample_window": 3600}  # work on a timer belongs to no request
    return _esg(row, health=True, limit_keepalive_requests=1_000_000, **limits, **backpressure)


def _esg_timed(row: Row) -> Factory:
    """Both time-outs of calls."""
    return _esg(row, timeout_response=3600, timeout_disconnected=3600)


def _esg_counted(row: Row) -> Factory:
    """What `--admin` counts for each request: each is short, however much valgrind or a trace slows it down."""
    from esg_core.figures.tally import Tally
    from esg_core.overload.loop_load import choose_meter
    from esg_http import HTTPProtocol

    factory = _esg(row)
    assert isinstance(factory, HTTPProtocol)
    context = factory.context
    context.tally = tally = Tally(choose_meter(context.loop), context)
    for version in ("1.1", "2"):
        for method in ("GET", "POST"):
            tally.rows[version][method][200].short_below = math.inf
    return factory


def _uvicorn(row: Row) -> Factory:
    from uvicorn import Config
    from uvicorn.server import ServerState

    config = Config(row.app, access_log=row.access_log, http="httptools", ws="none", lifespan="off", proxy_headers=True)
    config.load()
    state = ServerState()
    protocol: Any = config.http_protocol_class
    return lambda: protocol(config=config, server_state=state, app_state={})


class _Floor(Floor):
    """The floor of a client in memory, which hands over each request as a whole."""

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self.write(self.answer)


def _floor(row: Row) -> Factory:
    answer = exchange_of(row).answer
    return lambda: _Floor(answer, 0)


PROTOCOLS: dict[str, Callable[[Row], Factory]] = {
    "floor": _floor,
    "esg": _esg,
    "esg-limited": _esg_limited,
    "esg-timed": _esg_timed,
    "esg-counted": _esg_counted,
    "uvicorn": _uvicorn,
}
"""The servers whose protocols can run in process."""

ONLY_HTTP1 = frozenset(("uvicorn",))
"""Those of them that do not speak HTTP/2."""


def _application(row: Row) -> Any:
    module, _, name = row.app.partition(":")
    return getattr(importlib.import_module(module), name)


class Client(asyncio.Transport):
    """Connects a protocol to a client that sends the next request as soon as it has its answer.

    A server that ends the connection, answers anything but 200, or is late, ends the count with an error.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, row: Row, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)})
        self._loop = loop
        exchange = exchange_of(row)
        self._request, self._is_end = exchange.request, exchange.ends
        self._protocol = protocol
        self._left = 0
        self._done = loop.create_future()
        protocol.connection_made(self)

    async def ask(self, times: int) -> None:
        """Return once that many requests are answered, one after the other."""
        self._left = times
        self._done = self._loop.create_future()
        self._loop.call_soon(self._send)
        async with asyncio.timeout(PATIENCE):
            await self._done

    def _send(self) -> None:
        self._protocol.data_received(self._request())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Like asyncio's; looks for the end of an answer."""
        if data[:9] == b"HTTP/1.1 " and data[9:12] != b"200":
            self._fail(f"the server has answered {bytes(data[9:200])!r}")
        elif self._is_end(data):
            self._left -= 1
            if self._left:
                self._loop.call_soon(self._send)
            else:
                self._done.set_result(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Like asyncio's: a connection of HTTP/1.1 hands over to one of HTTP/2."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def is_closing(self) -> bool:
        """Like asyncio's."""
        return False

    def can_write_eof(self) -> bool:
        """Like asyncio's."""
        return False

    def pause_reading(self) -> None:
        """Like asyncio's."""

    def resume_reading(self) -> None:
        """Like asyncio's."""

    def close(self) -> None:
        """Like asyncio's."""
        self.abort()

    def abort(self) -> None:
        """Like asyncio's."""
        self._fail("the server has ended the connection")

    def _fail(self, reason: str) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionAbortedError(reason))

    def get_write_buffer_size(self) -> int:
        """Like asyncio's."""
        return 0


async def _serve(server: str, row: Row, requests: int) -> None:
    client = Client(asyncio.get_running_loop(), row, PROTOCOLS[server](row)())
    await client.ask(_WARM_UP)
    os.sched_yield()
    await client.ask(requests)
    os.sched_yield()


def main() -> None:
    """Answer that many requests between two calls of `MARK`, after others that warm up the interpreter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_process")
    parser.add_argument("server", choices=PROTOCOLS)
    parser.add_argument("row", choices=ROWS)
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    uvloop.run(_serve(options.server, ROWS[options.row], options.requests))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
