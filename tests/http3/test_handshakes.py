"""What comes before a connection, and instead of one: limits, Retry, versions, resets, garbage (rules Q-14 to Q-16)."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from esg_http.h3 import endpoint
from esg_http.h3.packets import LongHeader, read_long_header
from tests.support.core.loops import run_in, until
from tests.support.http3.client import QuicClient, answer_to, bare_socket
from tests.support.http3.echo import Served, served

RETRY = 0xF0
"""The bits of the first byte of a Retry packet of QUIC 1."""


def long_packet(version: int, destination: bytes, source: bytes, size: int = 1200) -> bytes:
    head = b"\xc0" + version.to_bytes(4, "big") + bytes((len(destination),)) + destination
    return (head + bytes((len(source),)) + source).ljust(size, b"\0")


def first_datagrams() -> list[bytes]:
    """What a new client sends first."""
    client = QuicClient(("127.0.0.1", 9))
    client.quic.connect(client.address, 0.0)
    return [datagram for datagram, _ in client.quic.datagrams_to_send(0.0)]


@asynccontextmanager
async def begun(running: Served, number: int) -> AsyncIterator[None]:
    """Handshakes whose clients say nothing more."""
    with bare_socket() as sock:
        for _ in range(number):
            for datagram in first_datagrams():
                sock.sendto(datagram, running.address)
        await until(lambda: len(running.endpoint._handshakes) >= number)
        yield


def test_q14_the_limits() -> None:
    assert (endpoint.RETRY_FROM, endpoint.MOST_HANDSHAKES, endpoint.HANDSHAKE_TIME) == (64, 512, 5.0)


def test_q14_clients_prove_their_address_when_many_handshakes_are_open(
    certificate: Path, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "RETRY_FROM", 2)
    monkeypatch.setattr(endpoint, "HANDSHAKE_TIME", 60.0)

    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as early:
            assert early.received[0][0] & RETRY != RETRY
            async with begun(running, 2), QuicClient(running.address) as client:
                assert client.received[0][0] & RETRY == RETRY
                assert await client.ask(0, b"hello") == b"hello"

    run_in(loop, main())


def test_q14_a_token_is_good_for_its_own_address_only(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q-14: what comes with a token of another client's, or with one that was made up, gets no answer."""
    monkeypatch.setattr(endpoint, "RETRY_FROM", 0)

    async def main() -> None:
        async with served(certificate) as running:
            with bare_socket() as mine, bare_socket() as other:
                retry = await answer_to(mine, running.address, first_datagrams()[0])
                header = read_long_header(retry)
                assert header is not None
                token = retry[7 + len(header.destination) + len(header.source) : -16]
                for forged in (token, os.urandom(len(token))):
                    head = long_packet(1, header.source, b"12345678", 0) + b"\x40" + bytes((len(forged),)) + forged
                    stolen = head + (1200 - len(head) - 2).to_bytes(2, "big", signed=False)
                    stolen = head + bytes((0x44, 0x00)) + os.urandom(1024)
                    other.sendto(stolen.ljust(1200, b"\0"), running.address)
                answer = await answer_to(other, running.address, long_packet(0x1A2A3A4A, bytes(8), b"marked"))
                assert read_long_header(answer) == LongHeader(0, b"marked", bytes(8))
                assert not running.endpoint._routes

    run_in("asyncio", main())


def test_q14_too_many_open_handshakes_are_ignored(
    certificate: Path, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MOST_HANDSHAKES", 2)
    monkeypatch.setattr(endpoint, "HANDSHAKE_TIME", 4.0)

    async def main() -> None:
        async with served(certificate) as running, begun(running, 2):
            async with QuicClient(running.address) as client:  # it tries again until the others have had their time
                assert await client.ask(0, b"hello") == b"hello"
            assert len(running.users) == 1
            assert not running.endpoint.is_opening

    run_in(loop, main())


def test_q14_an_open_handshake_is_forgotten_in_time_and_answered_with_at_most_three_times_its_bytes(
    certificate: Path, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "HANDSHAKE_TIME", 2.0)

    async def main() -> None:
        async with served(certificate) as running:
            client = QuicClient(running.address)
            await client.open_socket()
            datagrams = first_datagrams()
            for datagram in datagrams:
                client.transport.sendto(datagram, running.address)
            await until(lambda: running.endpoint.is_opening)
            await asyncio.wait_for(running.endpoint.settle(), 30)
            assert not running.endpoint._routes
            client.leave()
            sent = sum(map(len, client.received))
            assert 0 < sent <= 3 * sum(map(len, datagrams))

    run_in(loop, main())


def test_q14_a_first_packet_that_is_not_authentic_leaves_nothing(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running:
            with bare_socket() as sock:
                for _ in range(20):
                    first = first_datagrams()[0]
                    forged = first[:100] + os.urandom(100) + first[200:]
                    sock.sendto(forged, running.address)
                await answer_to(sock, running.address, long_packet(0x1A2A3A4A, bytes(8), b""))
            assert not running.endpoint._routes
            assert not running.endpoint.is_opening

    run_in(loop, main())


def test_q15_unknown_versions_are_told_which_are_known(certificate: Path, loop: str) -> None:
    """Q-15: but not in a datagram that is too short, and a Version Negotiation packet is never answered."""

    async def main() -> None:
        async with served(certificate) as running:
            with bare_socket() as sock:
                for ignored in (
                    long_packet(0x1A2A3A4A, b"destined", b"too short", 1199),
                    long_packet(0, b"destined", b"negotiation"),
                    long_packet(0x1A2A3A4A, b"destined", b"cut", 0)[:12],
                    b"\xc0",
                    b"",
                ):
                    sock.sendto(ignored, running.address)
                answer = await answer_to(sock, running.address, long_packet(0x1A2A3A4A, bytes(range(30)), b"marked"))
            assert read_long_header(answer) == LongHeader(0, b"marked", bytes(range(30)))
            assert answer.endswith(b"\0\0\0\1" + bytes.fromhex("6b3343cf"))
            assert len(answer) < 1200

    run_in(loop, main())


def test_q15_connections_that_are_gone_are_reset(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running:
            ours = running.ids.make()
            with bare_socket() as sock:
                for ignored in (b"\x40" + os.urandom(60), b"\x40" + ours + bytes(12)):
                    sock.sendto(ignored, running.address)
                for size, expected in ((1200, 43), (30, 38)):
                    answer = await answer_to(sock, running.address, b"\x40" + ours + bytes(size))
                    assert len(answer) == expected
                    assert answer[0] & 0xC0 == 0x40
                    assert answer.endswith(running.ids.reset_token(ours))

    run_in(loop, main())


def test_q16_garbage_does_not_keep_others_waiting(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            with bare_socket() as sock:
                for size in range(1, 500):
                    sock.sendto(os.urandom(size), running.address)
            assert await client.ask(0, b"hello") == b"hello"
            assert len(running.users) == 1

    run_in(loop, main())


def test_q18_a_server_that_drains_begins_no_connection(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            running.endpoint.refuse()
            with bare_socket() as sock:
                for datagram in first_datagrams():
                    sock.sendto(datagram, running.address)
            assert await client.ask(0, b"hello") == b"hello"
            assert len(running.users) == 1

    run_in("asyncio", main())
