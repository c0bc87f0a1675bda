"""QUIC on a real socket, with a client of aioquic's: connections, windows, streams (rules Q-10 to Q-16)."""

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.core.loops import run_in
from tests.support.http3.client import QuicClient, configuration
from tests.support.http3.echo import WINDOW, served
from tests.support.http3.proxy import relayed

BODY = bytes(range(256)) * 1024


def has(values: dict[int, int], stream: int, value: int) -> bool:
    return values.get(stream) == value


def test_q10_streams_both_ways(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            assert await client.ask(0, b"hello") == b"hello"
            assert await client.ask(4, BODY) == BODY
            user = await running.user()
            await user.until(user.transport.is_delivered)
            assert user.transport.unsent() == 0
            assert user.transport.window(0) == 0
            assert user.transport.window(7) == 0
            before = user.transport.connection_window()
            number = user.transport.open_unidirectional()
            room = user.transport.window(number)
            user.transport.send(number, bytes(1000), False)
            assert user.transport.window(number) == room - 1000
            assert user.transport.connection_window() == before - 1000
            assert user.transport.unsent() == 1000
            assert user.transport.get_extra_info("peername") == client.transport.get_extra_info("sockname")
            assert user.transport.get_extra_info("sockname") == running.address
            assert user.transport.get_extra_info("server_hostname") == "localhost"
            assert user.transport.get_extra_info("cipher") == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)

    run_in(loop, main())


@pytest.mark.parametrize("length", [8, 18])
def test_q11_clients_with_ids_of_any_length(certificate: Path, length: int) -> None:
    async def main() -> None:
        config = configuration(connection_id_length=length)
        async with served(certificate) as running, QuicClient(running.address, config) as client:
            assert await client.ask(0, b"hello") == b"hello"
            ids = [client.quic._peer_cid, *client.quic._peer_cid_available]
            assert len(ids) == 8
            for one in ids:
                assert running.ids.is_ours(one.cid)
                assert one.stateless_reset_token == running.ids.reset_token(one.cid)

    run_in("asyncio", main())


def test_q12_what_is_not_consumed_holds_the_client_up(certificate: Path, loop: str) -> None:
    """Q-12: a client is never more than the window ahead of who reads, and other streams are not held up."""

    async def main() -> None:
        async with served(certificate, keeps=True) as running, QuicClient(running.address) as client:
            client.send(0, bytes(3 * WINDOW), end=True)
            user = await running.user()
            await user.until(lambda: user.taken.get(0, 0) >= WINDOW)
            assert await client.ask(4, b"hello") == b"hello"
            assert user.taken[0] == WINDOW
            user.transport.consumed(0, WINDOW)
            await user.until(lambda: user.taken[0] == 2 * WINDOW)
            user.transport.consumed(0, WINDOW)
            await client.until(lambda: 0 in client.ended)

    run_in(loop, main())


def test_q12_streams_that_were_reset_leave_no_hole_in_the_connections_window(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate, keeps=True) as running, QuicClient(running.address) as client:
            user = await running.user()
            for stream in range(0, 4 * 20, 4):  # 1.25 MiB, where 1 MiB may be on the way
                client.send(stream, bytes(WINDOW))
                await user.until(partial(has, user.taken, stream, WINDOW))
                client.quic.reset_stream(stream, 7)
                client.flush()
                await user.until(partial(has, user.resets, stream, 7))
            assert await client.ask(80, b"hello") == b"hello"

    run_in("asyncio", main())


def test_q10_either_side_abandons_a_stream(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            client.send(0, b"hello")
            user = await running.user()
            await user.until(lambda: 0 in user.taken)
            user.transport.stop(0, 9)
            user.transport.reset(0, 8)
            await client.until(lambda: client.resets.get(0) == 8 and client.stops.get(0) == 9)
            user.transport.send(0, b"too late", True)
            client.send(4, b"hello")
            await user.until(lambda: 4 in user.taken)
            client.quic.stop_stream(4, 6)
            client.flush()
            await user.until(lambda: user.stops.get(4) == 6)
            user.transport.send(4, b"too late", True)
            for nonsense in (2, 400):
                user.transport.reset(nonsense, 1)
                user.transport.stop(nonsense, 1)
                user.transport.consumed(nonsense, 1)

    run_in(loop, main())


def test_q10_streams_of_the_server(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await client.ask(0, b"hello")
            user = await running.user()
            numbers = [user.transport.open_unidirectional() for _ in range(3)]
            assert numbers == [3, 7, 11]
            for number in reversed(numbers):
                user.transport.send(number, b"settings", False)
            await client.until(lambda: all(client.data[number] == b"settings" for number in numbers))

    run_in("asyncio", main())


def test_q12_streams_that_have_ended_make_room_for_others(certificate: Path) -> None:
    """100 requests may be open, and a few streams besides; and a client may change its ID meanwhile."""

    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            user = await running.user()
            ids = len(running.endpoint._routes)
            client.quic.change_connection_id()
            for number in range(0, 4 * 120, 4):
                assert await client.ask(number, b"hello") == b"hello"
            for number in range(2, 4 * 40, 4):
                client.send(number, b"x", end=True)
                await user.until(partial(has, user.taken, number, 1))
            assert len(running.endpoint._routes) == ids

    run_in("asyncio", main())


def test_q10_a_connection_that_has_ended_takes_nothing(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await client.ask(0, b"hello")
            user = await running.user()
            transport = user.transport
            number = transport.open_unidirectional()
            transport.abort()
            await user.until(lambda: user.losses)
            transport.send(number, b"too late", True)
            transport.reset(number, 1)
            transport.stop(0, 1)
            transport.consumed(0, 1)
            transport.close(1, "too late")
            transport.abort()
            assert transport.is_closing()
            assert transport.is_delivered()
            assert (transport.window(0), transport.connection_window(), transport.unsent()) == (0, 0, 0)
            assert transport.get_extra_info("cipher", "gone") == "gone"
            assert len(user.losses) == 1
            await client.until(lambda: client.over)
            assert client.over is not None
            assert (client.over.error_code, bytes(client.data[number])) == (0x100, b"")

    run_in("asyncio", main())


def test_q16_a_fault_in_one_connection_ends_only_that(
    certificate: Path, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await running.user()
            async with QuicClient(running.address) as victim:
                victim.send(0, b"fail")
                user = await running.user(1)
                await user.until(lambda: user.losses)
            assert await client.ask(0, b"hello") == b"hello"
            assert isinstance(user.losses[0], RuntimeError)

    with caplog.at_level(logging.ERROR):
        run_in(loop, main())
    assert [record.message for record in caplog.records] == ["a QUIC connection has failed"]
    caplog.clear()


def test_q16_a_fault_at_a_timer_ends_only_that_connection(
    certificate: Path, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await running.user()
            async with QuicClient(running.address):
                user = await running.user(1)
                transport: Any = user.transport
                transport._quic.handle_timer = None
                transport._quic.get_timer = float
                transport.timer = 0.0
                running.endpoint.moved(transport)
                await user.until(lambda: user.losses)
            assert await client.ask(0, b"hello") == b"hello"

    with caplog.at_level(logging.ERROR):
        run_in(loop, main())
    assert {record.message for record in caplog.records} == {"a QUIC connection has failed"}
    caplog.clear()


def test_q10_the_client_ends_the_connection(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running:
            async with QuicClient(running.address) as client:
                await client.ask(0, b"hello")
            async with QuicClient(running.address) as angry:
                await angry.ask(0, b"hello")
                angry.quic.close(error_code=0x102, reason_phrase="no reason")
                angry.flush()
                await running.users[1].until(lambda: running.users[1].losses)
            await running.users[0].until(lambda: running.users[0].losses)
            assert running.users[0].losses == [None]
            assert "0x102: no reason" in str(running.users[1].losses[0])

    run_in(loop, main())


def test_q10_the_server_ends_the_connection_and_says_so_again(certificate: Path, loop: str) -> None:
    """Q-10: a client that has missed the end is told again, when it sends something."""

    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await client.ask(0, b"hello")
            user = await running.user()
            client.is_deaf = True
            user.transport.close(0x100, "enough")
            assert user.transport.is_closing()
            await user.until(lambda: user.losses)
            assert user.losses == [None]
            user.transport.send(0, b"too late", True)
            client.is_deaf = False
            client.send(4, bytes(1000))
            await client.until(lambda: client.over)
            assert client.over is not None
            assert (client.over.error_code, client.over.reason_phrase) == (0x100, "enough")

    run_in(loop, main())


def test_q10_the_end_of_the_endpoint_ends_its_connections(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await client.ask(0, b"hello")
            running.socket.close()
            await client.until(lambda: client.over)
            assert running.users[0].losses == [None]

    run_in(loop, main())


def test_q11_a_client_moves_to_another_address(certificate: Path, loop: str) -> None:
    async def main() -> None:
        async with served(certificate) as running, QuicClient(running.address) as client:
            await client.ask(0, b"hello")
            await client.open_socket()
            assert await client.ask(4, BODY) == BODY
            user = await running.user()
            assert user.transport.get_extra_info("peername") == client.transport.get_extra_info("sockname")

    run_in(loop, main())


def test_q10_loss_and_reordering(certificate: Path, loop: str) -> None:
    """Q-10: a tenth of the datagrams lost and a tenth reordered, each way, 20 streams at a time."""

    async def main() -> None:
        async with served(certificate) as running, relayed(running.address) as relay:
            address = relay.transport.get_extra_info("sockname")
            async with QuicClient(address) as client:
                streams = range(0, 80, 4)
                answers = await asyncio.gather(*(client.ask(stream, BODY[stream:4000]) for stream in streams))
                assert answers == [BODY[stream:4000] for stream in streams]
            assert relay.lost > 0
            assert relay.reordered > 0

    run_in(loop, main())


def test_q16_a_silent_client_with_a_request_is_asked_whether_it_lives(certificate: Path) -> None:
    """Q-16: a slow application is not taken for a dead connection."""

    async def main() -> None:
        async with served(certificate, idle=6.0) as running, QuicClient(running.address) as client:
            client.send(0, b"hello")
            await client.until(lambda: client.data[0])
            await running.users[0].until(running.users[0].transport.is_delivered)
            before = len(client.received)
            await client.until(lambda: len(client.received) > before + 1)
            assert running.users[0].losses == []

    run_in("asyncio", main())


def test_q16_a_silent_client_without_requests_is_forgotten(certificate: Path) -> None:
    async def main() -> None:
        async with served(certificate, idle=3.0) as running:
            client = QuicClient(running.address)
            await client.begin()
            await client.until(lambda: client.is_established)
            client.leave()
            user = await running.user()
            await user.until(lambda: user.losses)
            assert isinstance(user.losses[0], TimeoutError)
            assert not running.endpoint._routes

    run_in("asyncio", main())
