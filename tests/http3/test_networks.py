"""Networks that lose, reorder and change addresses, and many clients at once (rules Q-10 to Q-15)."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from esg_http.h3 import endpoint
from tests.support.core.loops import run_in, until
from tests.support.http3.client import QuicClient, configuration
from tests.support.http3.echo import served
from tests.support.http3.proxy import relayed

BODY = bytes(range(256)) * 400


def has_more(client: QuicClient, size: int) -> bool:
    return len(client.data[0]) > size


@pytest.mark.parametrize(("loss", "size"), [(0.01, 100_000), (0.05, 50_000), (0.2, 10_000)])
def test_q10_bodies_arrive_whole_whatever_the_network_loses(certificate: Path, loss: float, size: int) -> None:
    async def main() -> None:
        body = BODY[:size]
        async with served(certificate) as running, relayed(running.address, loss, 0.05, seed=20) as relay:
            address = relay.transport.get_extra_info("sockname")
            async with QuicClient(address) as client:
                answers = await asyncio.gather(client.ask(0, body), client.ask(4, body[1:]))
            assert list(answers) == [body, body[1:]]
            assert relay.lost + relay.reordered > 0

    run_in("asyncio", main())


def test_q11_a_client_moves_in_the_middle_of_a_body(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            peers = set()
            for number in range(4):
                client.send(0, BODY, end=number == 3)
                peers.add(client.transport.get_extra_info("sockname"))
                await client.until(partial(has_more, client, number * len(BODY)))
                await client.open_socket()
                client.flush()
            client.quic.send_ping(1)
            client.flush()
            await client.until(lambda: 0 in client.ended)
            assert client.data[0] == BODY * 4
            assert len(peers) == 4
            assert len(running.users) == 1

    run_in(loop, main())


def test_q14_an_address_that_is_not_proven_gets_at_most_three_times_what_it_sends(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-14: a client must not turn the answers that it asked for to another address by a forged one."""

    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            assert await client.ask(0, b"hello") == b"hello"
            monkeypatch.setattr(client.quic, "receive_datagram", lambda *_: None)  # the challenge is never answered
            await client.open_socket()
            client.received.clear()
            sent: list[bytes] = []
            client.quic.send_stream_data(4, BODY, end_stream=True)
            for datagram, _ in client.quic.datagrams_to_send(asyncio.get_running_loop().time()):
                sent.append(datagram)
                client.transport.sendto(datagram, running.address)
            user = await running.user()
            await user.until(lambda: 4 in user.taken)
            async with QuicClient(running.address) as other:  # by then, what was to be sent has been
                assert await other.ask(0, b"hello") == b"hello"
            client.leave()
            assert 0 < sum(map(len, client.received)) <= 3 * sum(map(len, sent))

    run_in("asyncio", main())


def test_q10_many_clients_at_once(certificate: Path, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q-10, Q-14: all at once, so that most have to prove their address; each asks twice, and all are answered."""
    monkeypatch.setattr(endpoint, "RETRY_FROM", 8)
    monkeypatch.setattr(endpoint, "HANDSHAKE_TIME", 60.0)
    count = 40

    async def main() -> None:
        async with served(certificate) as running, AsyncExitStack() as stack:
            clients = [QuicClient(running.address) for _ in range(count)]
            await asyncio.gather(*(stack.enter_async_context(client) for client in clients))
            for stream in (0, 4):
                answers = await asyncio.gather(
                    *(client.ask(stream, b"%d" % number) for number, client in enumerate(clients))
                )
                assert answers == [b"%d" % number for number in range(count)]
            assert running.endpoint.figures.handshakes["ok"] == count

    run_in(loop, main())


def test_q15_a_client_learns_by_a_reset_that_its_connection_is_gone(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address, configuration()) as client:
            assert await client.ask(0, b"hello") == b"hello"
            for transport in set(running.endpoint._routes.values()):
                running.endpoint.gone(transport)  # as after a crash: the keys are lost, what makes tokens is not
            token = client.quic._peer_cid.stateless_reset_token
            client.send(4, b"hello")
            await until(lambda: token and client.received[-1].endswith(token))
            assert len(client.received[-1]) >= 21

    run_in(loop, main())
