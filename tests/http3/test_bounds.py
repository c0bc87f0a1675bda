"""What the frames of one client may make the server hold and do (rule Q-22)."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import pytest

from benchmarks.fairness import quic_frames as quic
from esg_core import turns
from esg_core.asgi import Receive, Scope, Send
from esg_http.h3 import aioquic_bounds, endpoint
from esg_http.h3.aioquic_connection import CONNECTION_WINDOW
from esg_http.h3.aioquic_transport import AioquicTransport
from esg_http.h3.connection import H3Connection
from tests.http.corpus.case import get
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello
from tests.support.core.loops import run_in
from tests.support.http.asking import by_path
from tests.support.http.sockets import PATIENCE, SocketServer, Wiring
from tests.support.http3.client import QuicClient
from tests.support.http3.echo import Served, served
from tests.support.http3.sockets import H3SocketClient
from tests.support.http3.wire import request
from tests.support.installed import LOOPS


def transports(running: Served) -> set[AioquicTransport]:
    return set(running.endpoint._routes.values())


async def send(client: QuicClient, frames: list[bytes]) -> None:
    """Send forged packets, a few in a turn, so that the system has room for all of them."""
    forger = quic.Forger(client.quic)
    for number, piece in enumerate(quic.packed(frames)):
        client.transport.sendto(forger.packet(piece), client.address)
        if number % 8 == 7:
            await asyncio.sleep(0)


def gaps(make: Callable[[int, bytes], bytes], first: int, count: int) -> list[bytes]:
    return [make(first + 2 * number, b"x") for number in range(count)]


def test_q22_a_stream_with_too_many_gaps_ends_its_connection(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as other:
            async with QuicClient(running.address) as client:
                few = aioquic_bounds.MOST_GAPS - 2
                await send(client, gaps(lambda at, data: quic.stream(0, at, data), 1, few))
                assert await client.ask(4, b"hello") == b"hello"
                await send(client, gaps(lambda at, data: quic.stream(0, at, data), 2 * few + 1, 8))
                await client.until(lambda: client.over)
                assert client.over is not None
                assert client.over.reason_phrase == "too many gaps in a stream"
            assert await other.ask(0, b"hello") == b"hello"

    run_in(loop, main())


@pytest.mark.parametrize("how", ["far ahead", "in pieces"])
def test_q22_so_does_a_handshake_with_gaps(certificate: Path, how: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            if how == "far ahead":
                await send(client, [quic.crypto(aioquic_bounds.MOST_CRYPTO, b"x")])
            else:
                await send(client, gaps(quic.crypto, 3, aioquic_bounds.MOST_GAPS + 8))
            await client.until(lambda: client.over)
            assert client.over is not None
            assert client.over.reason_phrase in ("too far ahead", "too many gaps in a stream")

    run_in("asyncio", main())


def test_q22_the_window_of_the_connection_does_not_open_for_what_follows_a_gap(certificate: Path) -> None:
    """Q-22: else 100 bytes would reserve the windows of 100 streams."""

    async def main() -> None:
        window = 65536
        async with served(certificate) as running, QuicClient(running.address) as client:
            before = client.quic._remote_max_data
            fit = CONNECTION_WINDOW // window
            await send(client, [quic.stream(4 * number, window - 1, b"x") for number in range(1, fit + 1)])
            assert await client.ask(0, b"") == b""
            assert client.quic._remote_max_data == before
            (transport,) = transports(running)
            assert transport._quic.held_back() == fit * window
            await send(client, [quic.stream(4, at, bytes(1024)) for at in range(0, window - 1024, 1024)])
            await send(client, [quic.stream(4, window - 1024, bytes(1023))])
            await client.until(lambda: client.quic._remote_max_data > before)

    run_in("asyncio", main())


def test_q22_what_costs_more_than_usual_is_charged_by_the_clock(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "DEAR", 100)

    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            prices: list[tuple[int, int]] = []
            read = running.endpoint.received

            def received(datagram: bytes, path: Any) -> int:
                begin = perf_counter()
                price = read(datagram, path)
                prices.append((price, int((perf_counter() - begin) * 1e6)))
                return price

            monkeypatch.setattr(running.endpoint, "received", received)
            await send(client, [quic.frame(quic.PING)] * 20 * quic.ROOM)
            assert await client.ask(0, b"hello") == b"hello"
            for price, took in prices:
                assert price == endpoint.KNOWN if took < endpoint.DEAR else price <= took
            assert max(prices)[0] > endpoint.KNOWN

    run_in("asyncio", main())


def test_q22_connections_share_the_time_for_sending(
    certificate: Path, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-22: with no time at all, each turn has one connection send, and all are served."""
    monkeypatch.setattr(endpoint, "FLUSHING", 1e-9)
    monkeypatch.setattr(turns, "SHARE", 0.0)

    async def main() -> None:
        body = bytes(100_000)
        async with served(certificate) as running:
            clients = [QuicClient(running.address) for _ in range(4)]
            async with clients[0], clients[1], clients[2], clients[3]:
                answers = await asyncio.gather(*(client.ask(0, body) for client in clients))
            assert answers == [body] * 4

    run_in(loop, main())


# What a client leaves unread, and what an application does: H-7, Q-4, Q-12.

STREAMS = 8
UNREAD = 20_000
"""Bytes of a response that the client gives room for."""

FRAME = 16
"""More bytes than it takes to begin a frame of DATA: less room is not used."""


def offsets(client: H3SocketClient, streams: list[int]) -> set[int]:
    """How many bytes of its streams the server has had room for."""
    return {client.quic._streams[stream].sender.highest_offset for stream in streams}


@pytest.mark.parametrize("wiring", [Wiring(loop=loop, wire="quic") for loop in LOOPS])
def test_q22_uploads_that_are_not_read_take_their_windows_only(wiring: Wiring) -> None:
    """Q-12: each of many streams; another client is served, and nothing is left of them."""
    window = 256 * 1024

    async def reads_nothing(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    app = by_path(late=reads_nothing, root=hello)
    with SocketServer(app, wiring, timeout_disconnected=0) as server:
        with server.connect() as client, server.connect() as other:
            assert isinstance(client, H3SocketClient)
            fields = request(b"/late", b"POST")
            streams = [client.start(fields, bytes(2 * window)) for _ in range(STREAMS)]
            client.wait(lambda: offsets(client, streams) == {window})
            assert other.ask(get()).body == b"hello"
            with pytest.raises(TimeoutError):
                client.wait(lambda: offsets(client, streams) != {window}, 0.2)
        server.wait_idle()
    assert server.log.trouble == []


@pytest.mark.parametrize("wiring", [Wiring(loop=loop, wire="quic") for loop in LOOPS])
def test_q22_responses_that_are_not_read_wait_with_their_applications(wiring: Wiring) -> None:
    """Q-4: for none of them, more than a part is ahead; the transport has nothing that it may not send."""
    made: Counter[str] = Counter()
    part = 65536

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        while True:
            await send(body(bytes(part), more_body=True))
            made[scope["query_string"]] += 1

    def queued() -> int:
        return sum(
            len(stream.sender._buffer)
            for connection in server.context.connections
            if isinstance(connection, H3Connection) and isinstance(connection.transport, AioquicTransport)
            for stream in connection.transport._quic._streams.values()
        )

    with SocketServer(by_path(endless=endless, root=hello), wiring) as server:
        with server.connect(receive_buffer=UNREAD) as client, server.connect() as other:
            assert isinstance(client, H3SocketClient)
            vars(client.quic)["_write_stream_limits"] = lambda **_: None
            streams = [client.start(request(b"/endless?%d" % number)) for number in range(STREAMS)]
            client.wait(
                lambda: all(UNREAD - client.quic._streams[one].receiver.highest_offset < FRAME for one in streams)
            )
            assert other.ask(get()).body == b"hello"
            end = monotonic() + PATIENCE
            while server.run(queued) >= STREAMS * FRAME:
                assert monotonic() < end
                with suppress(TimeoutError):
                    client.wait(lambda: False, 0.05)  # it acknowledges what has come
            assert max(made.values()) == 1
        server.wait_idle()
    assert server.log.trouble == []
