"""W-10: what workers publish of their connections, in memory that they share."""

import os
import socket

import pytest

from esg_core.sockets import board
from esg_core.sockets.board import ROWS, Board, Holding, Rows
from esg_core.sockets.shares import BRIEF, SLACK


@pytest.fixture
def rows() -> Rows:
    rows = Rows.create()
    assert rows is not None
    return rows


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # the child only reads and leaves
def test_w10_what_one_process_writes_another_reads(rows: Rows) -> None:
    numbers = [rows.take(), rows.take()]
    assert numbers == [0, 1]
    child = os.fork()
    if child == 0:
        try:
            holding = Holding(Board.attach(rows.board.fileno()), 1)
            holding.open()
            holding.look()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert (rows.board.held(), rows.board.looks()) == ([0, 1], [0, 1])
    rows.board.close()


def test_w10_the_row_of_an_ended_process_is_cleared_and_used_again(rows: Rows) -> None:
    assert [rows.take() for _ in range(3)] == [0, 1, 2]
    for row in range(3):
        rows.board.hold(row, 7)
    rows.free(1)
    assert rows.board.held() == [7, 0, 7]
    rows.free(2)
    assert rows.board.held() == [7]
    assert rows.take() == 1
    assert rows.board.held() == [7, 0]
    rows.board.close()


def test_w10_there_may_be_more_processes_than_rows(rows: Rows) -> None:
    assert [rows.take() for _ in range(ROWS + 2)] == [*range(ROWS), None, None]
    rows.free(5)
    assert rows.take() == 5
    rows.board.close()


def test_w10_looks_may_overflow(rows: Rows) -> None:
    row = rows.take()
    assert row is not None
    rows.board._words[16 + ROWS] = 2**32 - 1
    rows.board.look(row)
    assert rows.board.looks() == [0]
    rows.board.close()


def test_w10_without_shared_memory_there_are_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> int:
        raise OSError(f"no memory for {name}")

    monkeypatch.setattr(board, "unnamed_file", fails)
    assert Rows.create() is None


def test_closing_a_board_twice(rows: Rows) -> None:
    rows.board.close()
    rows.board.close()


@pytest.fixture
def holding(rows: Rows) -> Holding:
    row = rows.take()
    assert row is not None
    return Holding(rows.board, row)


@pytest.mark.parametrize("end", ["close", "detach"])
def test_w10_a_connection_counts_until_it_is_closed_or_detached(holding: Holding, end: str) -> None:
    """asyncio closes it, uvloop detaches it; both may do so more than once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accept = holding.acceptance(listening)
        holding.open()
        with (
            socket.create_connection(listening.getsockname()) as client,
            socket.create_connection(listening.getsockname()),
        ):
            first, second = accept(), accept()
            assert {first.getpeername(), second.getpeername()} >= {client.getsockname()}
            assert holding.board.held() == [3]
            descriptor = first.fileno()
            getattr(first, end)()
            first.close()
            assert holding.board.held() == [2]
            if end == "detach":
                os.close(descriptor)
            holding.close()
            assert holding.board.held() == [0]
            second.close()
            assert holding.board.held() == [0]
            holding.open()
            assert holding.board.held() == [1]


def test_w10_a_duplicate_does_not_count(holding: Holding) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        holding.open()
        with socket.create_connection(listening.getsockname()):
            accepted = holding.acceptance(listening)()
            accepted.dup().close()
            assert holding.board.held() == [2]
            accepted.close()


def test_w10_a_connection_that_ends_soon_is_brief(holding: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(board, "monotonic", lambda: now)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accept = holding.acceptance(listening)
        for lasts, is_brief in ((2 * BRIEF, False), (BRIEF / 2, True)):
            with socket.create_connection(listening.getsockname()):
                accepted = accept()
                now += lasts
                accepted.close()
            assert (holding.brief.slack(now) > SLACK) == is_brief


def test_w10_accepting_raises_as_a_socket_does(holding: Holding) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            holding.acceptance(listening)()
