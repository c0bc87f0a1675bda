"""W-3: a client that has just connected is not noticed to be slow, however long after its request comes.

It cannot know that it may repeat its first request, so a process that is replaced waits for it.
"""

import asyncio
import os
import re
import signal
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle import drain
from esg_core.lifecycle.owner import Owner
from esg_core.lifecycle.server import Server
from esg_core.options.config import Config
from esg_core.waiting import OneTimeEvent
from tests.support.behaviour.lifecycle import get, is_closed
from tests.support.behaviour.working import APP, Workers, processes
from tests.support.core.loops import run_in
from tests.support.faults.servers import certificate, client_tls
from tests.support.http2.wire import OPENING, Kind, headers, read
from tests.support.reload.processes import is_running, wait_until

LATER = 3 * drain.FIRST_CALL
"""Seconds in which nothing may happen to a new connection; one of a server that stops would be closed by then."""

BLOCKED = 0.4
"""Seconds for which the loop is busy."""

AMPLE: dict[str, Any] = {"timeout_graceful_shutdown": 300, "timeout_request_headers": 120, "timeout_tls_handshake": 120}
"""However busy the machine is."""

GET = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Replaced(Owner):
    """The owner of a server beside which others serve."""

    def __init__(self) -> None:
        self.is_last: OneTimeEvent = OneTimeEvent()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


async def connected(server: Server, alpn: str) -> Streams:
    port = server.sockets[0].getsockname()[1]
    return await asyncio.open_connection("127.0.0.1", port, ssl=client_tls(alpn) if server.config.tls else None)


async def ask(streams: Streams) -> bytes:
    streams[1].write(GET)
    return await streams[0].readuntil(b"hi")


async def frames(reader: asyncio.StreamReader) -> list[int]:
    """The kinds of the frames that have come."""
    return [frame.kind for frame in read(await reader.read(65536))]


async def close(*connections: Streams) -> None:
    for _, writer in connections:
        writer.transport.abort()
        await asyncio.wait({asyncio.ensure_future(writer.wait_closed())})


async def stopping(server: Server, *others: Streams) -> None:
    """Stop the server, and return when it has closed its idle connections and has had time to close others."""
    used = await connected(server, "http/1.1")
    assert b" 200 " in await ask(used)  # so all others have been accepted, too
    server.shutdown()
    assert await used[0].read() == b""
    await asyncio.sleep(LATER)
    await close(used)


async def serve(loop: str, http: str, tls: dict[str, Any]) -> None:
    server = Server(Config(app, http=http, loop=loop, port=0, lifespan="off", **AMPLE, **tls), Replaced())
    serving = asyncio.create_task(server.serve())
    await server.started
    new, new_h2 = await connected(server, "http/1.1"), await connected(server, "h2")
    new_h2[1].write(OPENING)
    raw = socket.create_connection(("127.0.0.1", server.sockets[0].getsockname()[1]))
    await stopping(server)
    assert not serving.done()
    late = await asyncio.open_connection(
        sock=raw,
        ssl=client_tls() if server.config.tls else None,
        server_hostname="127.0.0.1" if server.config.tls else None,
    )
    for one in (new, late):
        response = await ask(one)
        assert response.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in response
    assert Kind.GOAWAY not in await frames(new_h2[0])
    new_h2[1].write(headers(1))
    got: list[int] = []
    while Kind.DATA not in got:
        got += await frames(new_h2[0])
    assert Kind.GOAWAY in got
    await close(new, late, new_h2)
    await serving
    assert not server.forced


@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize(("loop", "http"), [("uvloop", "httptools"), ("asyncio", "h11")])
def test_a_new_connection_keeps_its_time(
    loop: str, http: str, is_tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-2: with or without its handshake, over each version of HTTP; an idle one has been closed long before."""
    monkeypatch.setattr(drain, "NEW", 120.0)
    run_in(loop, serve(loop, http, {"ssl_certfile": str(certificate(tmp_path))} if is_tls else {}))


async def handshake_during_a_block(loop: str, certificate: Path) -> None:
    server = Server(Config(app, loop=loop, port=0, lifespan="off", ssl_certfile=str(certificate), **AMPLE))
    serving = asyncio.create_task(server.serve())
    await server.started
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_tls().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with socket.create_connection(("127.0.0.1", server.sockets[0].getsockname()[1])) as raw:
        raw.setblocking(False)
        used = await connected(server, "http/1.1")
        assert b" 200 " in await ask(used)  # so the other one has been accepted, too
        assert server._parts is not None
        settling = asyncio.ensure_future(server._parts.listeners.settle(BLOCKED / 2))
        await asyncio.sleep(0)
        raw.send(outgoing.read())
        time.sleep(BLOCKED)  # noqa: ASYNC251 - the application holds up the loop
        assert (await asyncio.get_running_loop().sock_recv(raw, 65536))[:1] == b"\x16", "no handshake"
    server.shutdown()
    await settling
    await close(used)
    await serving


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_l2_a_handshake_whose_bytes_came_in_time_goes_on(loop: str, tmp_path: Path) -> None:
    """They were in the kernel's buffer while the loop was busy, until the handshake's time was over."""
    run_in(loop, handshake_during_a_block(loop, certificate(tmp_path)))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_w3_a_worker_that_is_replaced_waits_for_first_requests(number: signal.Signals) -> None:
    """A server that is stopped closes such a connection (L-2)."""
    options = ["--timeout-request-headers", "120", "--timeout-graceful-shutdown", "240"]
    with Workers(1, *options, app=APP) as server:
        server.settle(1)
        try:
            with server.connect() as new, server.connect() as used:
                assert get(used).status == 200  # so both have been accepted
                os.kill(server.pid, number)
                assert is_closed(used)
                time.sleep(LATER)  # nothing happens to the other one
                response = get(new)
                assert (response.status, response.header("connection")) == (200, "close")
        finally:
            successor = re.search(r"Starting a new program \[(\d+)\]", server.output)
            os.kill(int(successor[1]) if successor else server.pid, signal.SIGTERM)
            wait_until(lambda: not any(is_running(pid) for pid in processes(server)))


async def end_of_all(loop: str) -> None:
    owner = Replaced()
    server = Server(Config(app, loop=loop, port=0, lifespan="off", **AMPLE), owner)
    serving = asyncio.create_task(server.serve())
    await server.started
    new = await connected(server, "http/1.1")
    await stopping(server)
    assert not serving.done()
    owner.is_last.reach()
    assert await new[0].read() == b""
    await close(new)
    await serving
    assert not server.forced


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_l2_nobody_waits_for_new_clients_once_all_end(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server beside which others serve has a time for it, which ends with them."""
    monkeypatch.setattr(drain, "NEW", 120.0)
    run_in(loop, end_of_all(loop))


def test_l2_a_stop_hurries_a_worker_that_is_being_replaced() -> None:
    """It would wait for the first request of a new connection otherwise."""
    options = ["--timeout-request-headers", "120", "--timeout-graceful-shutdown", "240"]
    with Workers(1, *options, app=APP) as server:
        server.settle(1)
        with server.connect() as new, server.connect() as used:
            assert get(used).status == 200  # so both have been accepted
            began = time.monotonic()
            server.send(signal.SIGHUP)
            assert is_closed(used)
            server.send(signal.SIGTERM)
            assert is_closed(new)
            assert server.wait() == 0
            assert time.monotonic() - began < drain.NEW
