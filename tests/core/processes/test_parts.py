"""The parts around the table of workers, each alone: what is said on a line, which sockets are whose, memory."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from esg_core.addresses import Address, TCPAddress, UnixAddress
from esg_core.config import Config
from esg_core.errors import UsageError
from esg_core.processes.doors import Doors
from esg_core.processes.fleet import BEATS
from esg_core.processes.memory import MIB, resident
from esg_core.processes.messages import ALIVE, FAILED, READY, SPENT, Heard, as_text
from esg_core.processes.orders import MARGIN, check, order_for, patience
from esg_core.processes.upgrade import VARIABLE, take_over
from esg_core.sockets import bind_all

# The line.


def test_messages_and_text_are_told_apart_however_they_come() -> None:
    heard = Heard()
    assert heard.feed(READY + ALIVE + b"Thread 0x1:\n") == [READY, ALIVE]
    assert heard.feed(b"  File " + SPENT + b"x\n") == [SPENT]
    assert heard.take() == "Thread 0x1:\n  File x"
    assert heard.take() == ""


def test_no_message_hides_in_a_text() -> None:
    text = "".join(map(chr, range(0x300))) + "\ud800"
    heard = Heard()
    assert heard.feed(FAILED + as_text(text)) == [FAILED]
    assert heard.take().endswith("\\ud800")


def test_a_text_stays_as_it_is() -> None:
    text = "no database\nTraceback:\n\tin schön"
    heard = Heard()
    heard.feed(as_text(text))
    assert heard.take() == text


# Sockets.


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    addresses: list[Address] = [TCPAddress("127.0.0.1", 0), UnixAddress(str(tmp_path / "esg.sock"))]
    doors = Doors(bind_all(addresses, reuse_port=True), reuse_port=True)
    yield doors
    doors.close()


def test_with_reuse_port_each_place_has_its_own_on_the_same_port_and_shares_the_rest(doors: Doors) -> None:
    first, second = doors.of(0), doors.of(1)
    assert first[0].sock is not second[0].sock
    assert first[0].sock.getsockname() == second[0].sock.getsockname()
    assert first[1] is second[1]
    assert second[0].sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    assert doors.of(1) is second


def test_a_place_that_is_given_up_is_closed_without_what_others_have_too(doors: Doors) -> None:
    second = doors.of(1)
    doors.forget(1)
    doors.forget(0)
    assert second[0].sock.fileno() == -1
    assert doors.of(0)[0].sock.fileno() != -1
    assert second[1].sock.fileno() != -1
    assert doors.of(1)[0].sock.fileno() != -1


def test_otherwise_all_places_have_the_same() -> None:
    doors = Doors(bind_all([TCPAddress("127.0.0.1", 0)]), reuse_port=False)
    assert doors.of(0) is doors.of(5)
    doors.leave_others(5)
    assert doors.sockets[0].fileno() != -1
    doors.close()


def test_leaving_keeps_the_files_of_unix_sockets_until_the_end(doors: Doors, tmp_path: Path) -> None:
    doors.leave()
    assert (tmp_path / "esg.sock").exists()
    doors.close()
    assert not (tmp_path / "esg.sock").exists()


def test_who_has_handed_the_files_over_does_not_remove_them(doors: Doors, tmp_path: Path) -> None:
    doors.keep_files()
    doors.close()
    assert (tmp_path / "esg.sock").exists()


def test_nobody_takes_over_what_nobody_hands_over() -> None:
    environment = {"PATH": "/bin"}
    assert take_over(environment) is None
    assert environment == {"PATH": "/bin"}
    assert VARIABLE not in os.environ


# Orders.


def test_a_worker_is_one_process_and_leaves_to_the_parent_what_is_the_parents() -> None:
    config = Config("main:app", workers=4, preload=True, pid_file="x", limit_worker_memory=1, limit_worker_lifetime=1)
    order = order_for(config)
    assert order.config == Config("main:app")
    assert not order.config.has_parent
    assert order.beat == 30 / BEATS


def test_an_application_that_is_there_is_not_looked_for_again() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    order = order_for(Config("main:create", factory=True, workers=4, env_file=".env"), app)
    assert order.config == Config(app, interface="asgi3")


def test_patience_is_that_of_the_options() -> None:
    waits = patience(Config("main:app", shutdown_delay=3, timeout_graceful_shutdown=10, timeout_worker_healthcheck=7))
    assert (waits.drain, waits.beat, waits.lifetime) == (13 + MARGIN, 7, float("inf"))
    endless = patience(Config("main:app", timeout_graceful_shutdown=0, timeout_worker_healthcheck=0))
    assert (endless.drain, endless.beat) == (float("inf"), float("inf"))
    assert order_for(Config("main:app", timeout_worker_healthcheck=0)).beat is None


def test_options_that_cannot_be_handed_over_are_an_error() -> None:
    config = Config("main:app", workers=2, log_config={"version": 1, "filters": {"x": {"()": lambda: None}}})
    with pytest.raises(UsageError, match="workers: the options cannot be handed to a fresh process: "):
        check(config)


# Memory.


def test_memory_is_that_in_use() -> None:
    before = resident(os.getpid())
    assert before is not None
    hoard = bytearray(b"x") * (100 * MIB)
    after = resident(os.getpid())
    assert after is not None
    assert 90 * MIB < after - before < 200 * MIB
    assert len(hoard)
    assert resident(2**22 + 1) is None
