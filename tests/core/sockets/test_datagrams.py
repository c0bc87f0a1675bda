"""UDP sockets beside TCP sockets, and what is read from them in a turn (rules Q-10, Q-11, H-22)."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from esg_core.contracts import DatagramPath, DatagramPort
from esg_core.errors import StartupError
from esg_core.options.config import Config
from esg_core.sockets.beside import bind_beside, own_with_datagrams
from esg_core.sockets.bound import BoundSocket, bind_all, close_all
from esg_core.sockets.datagrams import BATCH, Datagrams, DatagramSocket
from esg_core.turns import UNITS_A_TURN, TurnBudget
from tests.support.core.loops import run_in, until


class Collector:
    """See `DatagramEndpoint`; answers each datagram with itself, and says that it cost `price`."""

    def __init__(self, sock: DatagramPort, price: int = 1) -> None:
        self.sock = sock
        self.price = price
        self.is_opening = False
        self.is_refusing = False
        self.is_closed = False
        self.taken: list[tuple[bytes, DatagramPath]] = []
        self.settled = asyncio.Event()

    def received(self, datagram: bytes, path: DatagramPath) -> int:
        self.taken.append((datagram, path))
        self.sock.send(datagram, path)
        return self.price

    def refuse(self) -> None:
        self.is_refusing = True

    async def settle(self) -> None:
        await self.settled.wait()

    def close(self) -> None:
        self.is_closed = True


@contextmanager
def beside(*addresses: str) -> Iterator[list[BoundSocket]]:
    config = Config("tests.apps:app", bind=addresses)
    bound = own_with_datagrams(config)
    try:
        yield bound
    finally:
        close_all(bound)


def port(bound: BoundSocket) -> int:
    number: int = bound.sock.getsockname()[1]
    return number


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"])
def test_q10_udp_on_the_address_and_port_of_tcp(address: str) -> None:
    with beside(address, address) as bound:
        for one in bound:
            assert one.beside is not None
            assert one.beside.getsockname() == one.sock.getsockname()
            assert one.beside.type == socket.SOCK_DGRAM
        closed = bound[0].beside
    assert closed is not None
    assert closed.fileno() == -1


def test_q10_a_udp_port_in_use_is_told() -> None:
    with socket.socket() as kept, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))  # no other test gets this port, and ESG does
        number = kept.getsockname()[1]
        other.bind(("127.0.0.1", number))
        config = Config("tests.apps:app", host="127.0.0.1", port=number)
        with pytest.raises(StartupError, match=rf"cannot listen on 127.0.0.1:{number} \(UDP\): it is in use"):
            own_with_datagrams(config)


def test_q10_a_socket_of_another_program_stays_alone(caplog: pytest.LogCaptureFixture) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    with caplog.at_level(logging.WARNING):
        (bound,) = bind_beside([BoundSocket(sock)])
    assert bound.beside is None
    number = bound.sock.getsockname()[1]
    assert caplog.messages == [f"HTTP/3 is not served on 127.0.0.1:{number}: its socket was opened by another program"]
    caplog.clear()
    bound.close()


@pytest.mark.parametrize(
    ("address", "family", "asked"),
    [
        ("0.0.0.0:0", socket.AF_INET, "127.0.0.2"),
        ("[::]:0", socket.AF_INET6, "::1"),
        ("[::]:0", socket.AF_INET, "127.0.0.3"),
        ("127.0.0.1:0", socket.AF_INET, "127.0.0.1"),
    ],
)
def test_q11_answers_leave_from_the_address_that_was_asked(
    loop: str, address: str, family: socket.AddressFamily, asked: str
) -> None:
    async def main() -> None:
        with beside(address) as bound, socket.socket(family, socket.SOCK_DGRAM) as client:
            made: list[Collector] = []

            def make(sock: DatagramPort) -> Collector:
                made.append(Collector(sock))
                return made[0]

            datagrams = Datagrams(bound, make, TurnBudget(asyncio.get_running_loop().call_soon))
            datagrams.start()
            client.connect((asked, port(bound[0])))  # takes datagrams from there only
            client.send(b"hello")
            client.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(client, 100) == b"hello"
            ((_, path),) = made[0].taken
            assert made[0].sock.server_name(path)[0].removeprefix("::ffff:") == asked
            datagrams.close()
            datagrams.close()
            assert made[0].is_closed

    run_in(loop, main())


@pytest.mark.parametrize(("price", "most"), [(1, BATCH), (UNITS_A_TURN, 1)])
def test_h22_one_turn_reads_so_many_datagrams(
    loop: str, price: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        with beside("127.0.0.1:0") as bound, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            sock = bound[0].take_beside()
            assert sock is not None
            reader = DatagramSocket(sock, TurnBudget(asyncio.get_running_loop().call_soon))
            collector = Collector(reader, price)
            for number in range(2 * BATCH):
                client.sendto(b"%d" % number, sock.getsockname())
            turns: list[int] = []
            read = reader._read

            def counted() -> None:
                read()
                turns.append(len(collector.taken))

            monkeypatch.setattr(reader, "_read", counted)
            reader.start(collector)
            await until(lambda: len(turns) >= 2)
            assert turns[:2] == [most, 2 * most]
            reader.close()

    run_in(loop, main())


def test_l2_new_connections_are_refused_and_open_ones_awaited() -> None:
    async def main() -> None:
        with beside("127.0.0.1:0") as bound:
            made: list[Collector] = []

            def make(sock: DatagramPort) -> Collector:
                made.append(Collector(sock))
                return made[0]

            datagrams = Datagrams(bound, make, TurnBudget(asyncio.get_running_loop().call_soon))
            datagrams.start()
            assert not datagrams.is_opening
            made[0].is_opening = True
            assert datagrams.is_opening
            datagrams.refuse()
            assert made[0].is_refusing
            await datagrams.settle(0.01)
            made[0].settled.set()
            await datagrams.settle(20)
            datagrams.close()

    run_in("asyncio", main())


def test_a_server_without_http3_binds_no_udp() -> None:
    bound = bind_all(Config("tests.apps:app", port=0).addresses)
    assert [one.beside for one in bound] == [None]
    close_all(bound)
