"""What the frames of one client may make the server hold and do (rule Q-22)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from benchmarks.fairness import quic_frames as quic
from esg_http.h3 import aioquic_bounds, endpoint
from esg_http.h3.aioquic_connection import CONNECTION_WINDOW
from esg_http.h3.aioquic_transport import AioquicTransport
from tests.support.core.loops import run_in
from tests.support.http3.client import QuicClient
from tests.support.http3.echo import Served, served


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
    monkeypatch.setattr(endpoint, "FLUSHING", 0.0)

    async def main() -> None:
        body = bytes(100_000)
        async with served(certificate) as running:
            clients = [QuicClient(running.address) for _ in range(4)]
            async with clients[0], clients[1], clients[2], clients[3]:
                answers = await asyncio.gather(*(client.ask(0, body) for client in clients))
            assert answers == [body] * 4

    run_in(loop, main())
