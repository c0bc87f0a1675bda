"""One UDP port for several workers: the kernel chooses the socket by the connection ID (rules Q-19 to Q-21)."""

import errno
import os
import resource
import select
import socket
import sys
from collections.abc import Iterator, Sequence

import pytest

from esg_core.errors import StartupError
from esg_core.options.addresses import TCPAddress
from esg_core.processes.udp import seats as seats_module
from esg_core.processes.udp.passing import seats_from, sockets_of, text_of
from esg_core.processes.udp.seats import Seats
from esg_core.sockets.beside import bind_beside
from esg_core.sockets.bound import BoundSocket, bind_all, close_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can spread UDP over workers")

PATIENCE = 60.0
UNMARKED = bytes(range(1, 9))


def bind() -> list[BoundSocket]:
    return bind_beside(bind_all([TCPAddress("127.0.0.1", 0)]))


@pytest.fixture
def bound() -> Iterator[list[BoundSocket]]:
    made = bind()
    yield made
    close_all(made)


@pytest.fixture
def seats(bound: list[BoundSocket]) -> Iterator[Seats]:
    made = Seats.beside(bound, 2)
    yield made
    made.close()


def short(connection_id: bytes) -> bytes:
    return b"\x40" + connection_id + bytes(30)


def long(connection_id: bytes) -> bytes:
    return b"\xc0\0\0\0\1" + bytes((len(connection_id),)) + connection_id + bytes(30)


def marked(seats: Seats, number: int) -> bytes:
    return seats.magic + bytes((number,)) + os.urandom(5)


def receivers(seats: Seats, datagrams: Sequence[bytes]) -> list[int]:
    """The seats that get datagrams, sent one by one."""
    group = seats.groups[0]
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for datagram in datagrams:
            client.sendto(datagram, group[0].getsockname())
            ready, _, _ = select.select(group, [], [], PATIENCE)
            assert len(ready) == 1
            assert ready[0].recv(4096) == datagram
            found.append(group.index(ready[0]))
    return found


@pytest.mark.parametrize("header", [short, long])
def test_q20_a_mark_brings_a_packet_to_its_seat(seats: Seats, header: type[bytes]) -> None:
    seats.steer([0, 1, 3], [1, 3])
    for number in (0, 1, 3):
        assert receivers(seats, [header(marked(seats, number)) for _ in range(5)]) == [number] * 5
    with_nobody = {*receivers(seats, [header(marked(seats, 2)) for _ in range(50)])}
    assert with_nobody <= {1, 3}


@pytest.mark.parametrize("header", [short, long])
@pytest.mark.parametrize("size", [8, 14, 20])
def test_q20_other_packets_are_spread_by_id(seats: Seats, header: type[bytes], size: int) -> None:
    seats.steer([0, 1, 2], [2, 0])
    ids = [os.urandom(size) for _ in range(50)]
    found = receivers(seats, [header(one) for one in ids])
    assert set(found) == {0, 2}
    assert receivers(seats, [header(one) for one in ids]) == found


def test_q20_whatever_else_comes_harms_nothing(seats: Seats) -> None:
    seats.steer([0, 1], [1])
    assert receivers(seats, [b"\x40", b"\xc0", b"\xc0\0\0\0\1", b"\xc0\0\0\0\1\x08abc", seats.magic]) == [0] * 5
    assert receivers(seats, [long(seats.magic + b"\1" + bytes(9)), long(bytes(8)), short(bytes(8))]) == [1] * 3


def test_q20_until_a_worker_serves_packets_wait_for_the_first(seats: Seats) -> None:
    assert receivers(seats, [long(UNMARKED), short(marked(seats, 3))]) == [0, 0]


def test_q20_as_many_seats_as_a_mark_can_name(bound: list[BoundSocket]) -> None:
    seats = Seats.beside(bound, 200)
    try:
        numbers = [seats.take() for _ in range(256)]
        assert numbers == list(range(256))
        seats.steer(numbers, numbers[:100])
        assert receivers(seats, [short(marked(seats, number)) for number in numbers]) == numbers
        with pytest.raises(StartupError, match=r"^http3: no more than 256 processes can serve it at a time$"):
            seats.take()
    finally:
        seats.close()


def test_q20_the_group_grows_if_it_is_too_small(seats: Seats) -> None:
    assert [seats.take() for _ in range(7)] == list(range(7))
    seats.steer([0, 6], [0])
    assert receivers(seats, [short(marked(seats, 6)), short(marked(seats, 5))]) == [6, 0]


def test_q21_a_successor_gets_the_seat_that_became_free_last(seats: Seats) -> None:
    assert [seats.take() for _ in range(3)] == [0, 1, 2]
    seats.free(1)
    assert seats.take() == 1


def test_q21_a_new_program_gets_all_sockets_and_leaves_seats_to_the_previous_one(seats: Seats) -> None:
    """Q-21: packets for those go on to the previous program, until no other seat is left.

    One of them, 2, is for a worker that replaces another meanwhile.
    """
    assert [seats.take() for _ in range(2)] == [0, 1]
    first = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[0]) - 32
    for number, sock in enumerate(sockets_of(seats), first):
        os.dup2(sock.fileno(), number)
    new = seats_from(text_of(seats, first))
    try:
        assert (new.magic, new.key) == (seats.magic, seats.key)
        assert seats.take() == 2
        assert new.take() == 3
        new.steer([3], [3])
        sent = [short(marked(seats, number)) for number in range(5)]
        assert receivers(seats, sent) == [0, 1, 2, 3, 3]
        seats.hand_over()
        seats.steer([0], [0])
        assert receivers(seats, [long(UNMARKED)]) == [3]
        assert [new.take() for _ in range(5)] == [4, 5, 2, 0, 1]
        assert new.lend() == [0, 1, 2, 3, 4, 5]
    finally:
        new.close()


def test_q20_a_port_in_use_fails_the_start(seats: Seats, bound: list[BoundSocket]) -> None:
    """Q-20: groups may share a port with sockets of the same user, but none that is there already."""
    again = [BoundSocket(bound[0].sock.dup(), is_own=True)]
    with pytest.raises(StartupError, match=r"^cannot listen on 127\.0\.0\.1:\d+ \(UDP\): it is in use by another"):
        bind_beside(again)


def test_q19_a_system_that_refuses_to_spread_fails_the_start(
    bound: list[BoundSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(seats_module, "attach", refuse)  # as a sandbox does
    with pytest.raises(StartupError) as error:
        Seats.beside(bound, 2)
    assert str(error.value) == (
        "http3: this system cannot spread UDP over workers (Operation not permitted): use a single process"
    )


def test_q21_seats_are_free_unless_a_process_has_one_or_may_have_it(bound: list[BoundSocket]) -> None:
    """Q-21: only then may the sockets be closed."""
    seats = Seats.beside(bound, 2)
    assert seats.are_free
    number = seats.take()
    assert not seats.are_free
    seats.free(number)
    assert seats.are_free
    lent = Seats(seats.groups, seats.magic, seats.key, seats.lend())
    assert not lent.are_free
    seats.close()
