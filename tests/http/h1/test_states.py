"""The table of what each event makes of a connection's state: a real connection goes through every cell of it."""

import asyncio
from collections.abc import Callable

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import pieces
from esg_http.call.cycle import Cycle
from esg_http.h1.connection import H1Connection
from esg_http.h1.input import H1Input
from esg_http.h1.states import AFTER, BODY, CLOSING, DISCARD, GONE, HEAD, HOLD, IDLE, NEXT, SKIP, Event, Reading
from tests.http.corpus import CASES
from tests.http.corpus.case import chunked, get, post
from tests.support.http.asking import Connected, connected
from tests.support.http.memory import exchange
from tests.support.http.over_tls import over_tls
from tests.support.installed import PARSER

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UPLOAD = post(b"Content-Length: 5")
FLOOD = chunked(b"1\r\nx\r\n" * 20_000)
"""More chunks than are read in a turn (rule H-22)."""

REQUEST_END = b" HTTP/1.1\r\nHost: t\r\n\r\n"
HEAD_END = b" HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n"


async def listens(scope: Scope, receive: Receive, send: Send) -> None:
    """Leaves the response to the test."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Talk:
    """One connection, step by step: nothing here lets the loop run, so each step is one event."""

    def __init__(self, client: Connected) -> None:
        self.connection = client.connection
        self.transport = client.transport
        self.now = client.server.loop.time()
        self._context = client.server.context

    @property
    def cycle(self) -> Cycle:
        [cycle] = self._context.cycles
        assert isinstance(cycle, Cycle)
        return cycle

    def feed(self, data: bytes) -> None:
        self.connection.data_received(data)

    def answer(self, *headers: tuple[bytes, bytes]) -> None:
        self.cycle.answer(200, list(headers), b"")

    def answer_last(self) -> None:
        self.answer((b"connection", b"close"))


def hold_back(talk: Talk) -> None:
    talk.feed(get())
    talk.connection.pause_writing()
    talk.answer()


def discard(talk: Talk) -> None:
    talk.feed(get() + b"early")
    talk.answer_last()


def give_up(talk: Talk) -> None:
    talk.feed(get())
    talk.cycle.give_up()


def skip(talk: Talk) -> None:
    talk.feed(UPLOAD)
    talk.answer()


REACH: dict[Reading, Callable[[Talk], object]] = {
    IDLE: lambda talk: talk.feed(b"\r\n"),
    HEAD: lambda talk: talk.feed(b"GET /"),
    BODY: lambda talk: talk.feed(UPLOAD),
    SKIP: skip,
    HOLD: lambda talk: talk.feed(get()),
    NEXT: hold_back,
    DISCARD: discard,
    CLOSING: give_up,
}

REACH_FOR: dict[tuple[Reading, Event], Callable[[Talk], object]] = {
    (HEAD, Event.PREFACE): lambda talk: talk.feed(PREFACE[:6]),
    (BODY, Event.BROKEN): lambda talk: talk.feed(chunked(b"1\r\n")),
    (BODY, Event.ANSWERED_AT_END): lambda talk: talk.feed(FLOOD),
}

PARTS = {IDLE: b"GET", BODY: b"hel", SKIP: b"hel"}
ENDS = {IDLE: get(), HEAD: REQUEST_END, BODY: b"hello", SKIP: b"hello"}
BROKEN = {IDLE: b"\0", HEAD: b"\0", BODY: b"xyz"}
PREFACES = {IDLE: PREFACE, HEAD: PREFACE[6:]}


def answer_behind(talk: Talk, _: Reading) -> None:
    talk.feed(b"early")
    talk.answer()


def answer_at_end(talk: Talk, _: Reading) -> None:
    talk.connection.eof_received()
    talk.answer()


HAPPENS: dict[Event, Callable[[Talk, Reading], object]] = {
    Event.PART: lambda talk, state: talk.feed(PARTS.get(state, b"x")),
    Event.HEAD_END: lambda talk, state: talk.feed(UPLOAD if state is IDLE else HEAD_END),
    Event.END: lambda talk, state: talk.feed(ENDS[state]),
    Event.BROKEN: lambda talk, state: talk.feed(BROKEN[state]),
    Event.PREFACE: lambda talk, state: talk.feed(PREFACES[state]),
    Event.EOF: lambda talk, _: talk.connection.eof_received(),
    Event.LEFT: lambda talk, _: talk.connection.eof_received(),
    Event.LOST: lambda talk, _: talk.connection.connection_lost(None),
    Event.ANSWERED: lambda talk, _: talk.answer(),
    Event.ANSWERED_BEHIND: answer_behind,
    Event.ANSWERED_LAST: lambda talk, _: talk.answer_last(),
    Event.ANSWERED_AT_END: answer_at_end,
    Event.GIVEN_UP: lambda talk, _: talk.cycle.give_up(),
    Event.SWITCHED: lambda talk, _: talk.cycle.switch(asyncio.Protocol(), []),
    Event.TURN: lambda talk, _: talk.connection.resume_writing(),
    Event.EXPIRED: lambda talk, _: talk.connection.expire(talk.now),
    Event.DRAIN: lambda talk, _: talk.connection.drain(),
}


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [(state, event, after) for event, moves in AFTER.items() for state, after in moves.items()],
    ids=lambda value: value.name,
)
def test_a_connection_follows_the_table(state: Reading, event: Event, after: Reading) -> None:
    with connected(listens, over_tls() if event is Event.LEFT else None) as client:
        talk = Talk(client)
        if state is IDLE and event is Event.PREFACE:
            assert talk.connection._reading is IDLE
        else:
            REACH_FOR.get((state, event), REACH[state])(talk)
        assert talk.connection._reading is state
        HAPPENS[event](talk, state)
        assert talk.connection._reading is after


@pytest.mark.parametrize("state", REACH, ids=lambda state: state.name)
def test_a_request_runs_in_the_states_that_know_what_becomes_of_its_response(state: Reading) -> None:
    """So what the table leaves out cannot happen: only a running request is answered, given up or switched."""
    with connected(listens) as client:
        talk = Talk(client)
        REACH[state](talk)
        runs = talk.connection._cycle is not None
        events = [event for event in Event if event.name.startswith(("ANSWERED", "GIVEN_UP", "SWITCHED"))]
        assert any(state in AFTER[event] for event in events) == runs


def test_the_table_has_all_events_and_states() -> None:
    assert set(AFTER) == set(HAPPENS) == set(Event)
    assert {state for moves in AFTER.values() for state in (*moves, *moves.values())} == set(Reading)
    assert all(GONE not in moves for moves in AFTER.values()), "nothing comes after the end"


@pytest.mark.parametrize(("piece", "eof"), [(1, True), (1000, False)])
def test_no_request_changes_a_state_in_another_way(piece: int, eof: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = H1Input.__dict__["_reading"]
    changes: set[tuple[Reading, Reading]] = set()

    def change(connection: H1Connection, state: Reading) -> None:
        before = slot.__get__(connection) if hasattr(connection, "_cycle") else state
        changes.add((before, state))
        slot.__set__(connection, state)

    monkeypatch.setattr(H1Connection, "_reading", property(slot.__get__, change), raising=False)
    for case in CASES:
        data = case.data[:500]
        exchange(PARSER, pieces(data, [piece] * (len(data) // piece)), eof=eof)
    known = {(before, after) for moves in AFTER.values() for before, after in moves.items()}
    assert {(before.name, after.name) for before, after in changes - known if before is not after} == set()
    assert len(changes) > len(Reading)
