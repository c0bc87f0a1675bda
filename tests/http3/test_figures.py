"""What is counted of QUIC (rule M-1): handshakes, retries, datagrams that are dropped, and faults by their code."""

import os
from pathlib import Path

import pytest

from benchmarks.fairness import quic_frames as quic
from esg_core.figures import families
from esg_core.figures.quic import QuicFigures
from esg_core.figures.tally import Tally
from esg_http.h3 import endpoint
from tests.support.core.loops import run_in, until
from tests.support.figures.counting import Meter, counted_by
from tests.support.http.memory import MemoryServer
from tests.support.http2.applications import hello
from tests.support.http3.client import QuicClient, answer_to, bare_socket
from tests.support.http3.echo import served
from tests.support.http3.wire import varint


def test_m1_handshakes_and_faults(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate) as running:
            figures = running.endpoint.figures
            async with QuicClient(running.address) as client:
                client.transport.sendto(quic.Forger(client.quic).packet(varint(0x3FFF)), running.address)
                await client.until(lambda: client.over)
            async with QuicClient(running.address) as client:
                user = await running.user(1)
                user.transport.close(0x107, "too much")
                await client.until(lambda: client.over)
            assert figures.handshakes == {"ok": 2, "failed": 0, "timeout": 0}
            assert figures.faults == {"FRAME_ENCODING_ERROR": 1, "H3_EXCESSIVE_LOAD": 1}
            assert figures.retries == 0

    run_in("asyncio", main())


def test_m1_retries_and_time_outs(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRY_FROM", 1)
    monkeypatch.setattr(endpoint, "HANDSHAKE_TIME", 2.0)

    async def main() -> None:
        async with served(certificate) as running:
            figures = running.endpoint.figures
            silent = QuicClient(running.address)
            silent.is_deaf = True
            await silent.begin()
            await until(lambda: running.endpoint.is_opening)
            async with QuicClient(running.address) as client:
                assert await client.ask(0, b"hello") == b"hello"
            assert figures.retries >= 1
            await running.endpoint.settle()
            silent.leave()
            assert figures.handshakes["timeout"] >= 1
            assert figures.handshakes["ok"] == 1
            assert figures.handshakes["failed"] == 0

    run_in("asyncio", main())


def test_m1_datagrams_of_no_connection(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with served(certificate) as running:
            unknown = b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(8) + b"\0"
            forged = b"\xc3\0\0\0\1\x08" + bytes(8) + b"\0\0\x44\x9e" + os.urandom(1182)
            with bare_socket() as sock:
                short, long = (b"\xc3\0\0\0\1" + bytes((size,)) + bytes(1200) for size in (7, 21))
                for ignored in (b"\xc0", short, long, b"\x40" + bytes(30), forged):
                    sock.sendto(ignored, running.address)
                await answer_to(sock, running.address, unknown.ljust(1200, b"\0"))
                monkeypatch.setattr(endpoint, "MOST_HANDSHAKES", 0)
                sock.sendto(forged, running.address)
                await until(lambda: running.endpoint.figures.dropped["busy"])
                running.endpoint.refuse()
                sock.sendto(forged, running.address)
                await until(lambda: running.endpoint.figures.dropped["draining"])
            dropped = running.endpoint.figures.dropped
            assert dropped == {**dict.fromkeys(dropped, 1), "malformed": 3}
            assert running.endpoint.figures.handshakes == {"ok": 0, "failed": 0, "timeout": 0}

    run_in("asyncio", main())


def test_m1_the_tally_has_them() -> None:
    with MemoryServer(hello) as server:
        server.context.quic = figures = QuicFigures()
        tally = Tally(Meter(), server.context)
        figures.retries = 3
        for code, of_quic in ((0x10A, True), (0x10A, False), (0x201, False), (10, True), (0x999, False)):
            figures.has_fault(code, of_quic=of_quic)
        figures.dropped["busy"] = 2
        figures.handshakes["ok"] = 4
        found = counted_by(tally)
    assert found.one("esg_quic_retries") == 3
    assert found.nonzero("esg_quic_handshakes") == {("ok",): 4}
    assert found.nonzero("esg_quic_datagrams_dropped") == {("busy",): 2}
    assert found.nonzero("esg_http3_connection_errors") == {
        (name,): 1
        for name in ("CRYPTO_ERROR", "H3_MISSING_SETTINGS", "QPACK_ENCODER_STREAM_ERROR", "PROTOCOL_VIOLATION", "other")
    }
    assert families.QUIC_RETRIES in families.COUNTED
