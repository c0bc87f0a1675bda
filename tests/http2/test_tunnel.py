"""A stream as a transport for any protocol that takes it over: the contract of `asyncio.Transport` (rule 2-4)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.turns import UNITS_A_TURN
from esg_http.h2.coding.codes import CANCEL
from esg_http.multiplexed.stream import RequestStream
from esg_http.multiplexed.tunnel import Tunnel
from tests.support.http.memory import MemoryServer
from tests.support.http2.driven import Answer, Client, request
from tests.support.http2.wire import Kind, read

CONNECT = request(b"/", b"CONNECT", (b":protocol", b"note"))


class Notes(asyncio.Protocol):
    """Notes what its transport calls; `keeps` is its answer to the end of the client's side."""

    keeps = False

    def __init__(self) -> None:
        self.heard = b""
        self.told: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Tunnel)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.keeps

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost" if exc is None else type(exc).__name__)


class Conversation:
    """A client with one stream that belongs to `Notes`."""

    def __init__(self, server: MemoryServer, notes: Notes) -> None:
        self.notes = notes

        async def switch(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"]["esg.switch"](self.notes, [])

        server.context.upgrades = {b"note": switch}
        self.client = Client(server)
        self.number = self.client.ask(CONNECT, end=False)
        self.turn()
        assert self.answer.status == 200

    @property
    def tunnel(self) -> Tunnel[RequestStream]:
        return self.notes.transport

    @property
    def answer(self) -> Answer:
        return self.client.answers[self.number]

    @property
    def kinds_sent(self) -> list[int]:
        """Of the stream's frames that the server has sent."""
        return [frame.kind for frame in read(bytes(self.client.transport.written)) if frame.stream == self.number]

    def say(self, data: bytes = b"", *, end: bool = False) -> None:
        if data:
            self.client.h2.send_data(self.number, data)
        if end:
            self.client.h2.end_stream(self.number)
        self.turn()

    def turn(self, *, credit: bool = True) -> None:
        self.client.turn(credit=credit)

    def give_room(self, size: int) -> None:
        self.client.h2.increment_flow_control_window(size)
        self.client.h2.increment_flow_control_window(size, self.number)
        self.turn(credit=False)


async def unasked(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no request is made here")


@contextmanager
def conversation(notes: Notes | None = None) -> Iterator[Conversation]:
    with MemoryServer(unasked) as server:
        yield Conversation(server, notes or Notes())


def test_2_4_what_is_known_of_the_connection_is_known_of_the_stream_but_its_socket() -> None:
    with conversation() as talk:
        assert talk.tunnel.get_extra_info("peername") == talk.client.transport.get_extra_info("peername") is not None
        assert talk.tunnel.get_extra_info("socket", 7) == 7


def test_2_4_it_may_be_silent_for_as_long_as_it_likes() -> None:
    """A request body's time-out does not apply to a tunnel, whatever else of the connection expires meanwhile."""
    with MemoryServer(unasked, timeout_request=5.0, timeout_keep_alive=5.0) as server:
        talk = Conversation(server, Notes())
        server.loop.advance(60)
        talk.say(b"still here")
        assert (talk.notes.heard, talk.notes.told) == (b"still here", [])


def test_2_4_another_protocol_can_take_its_turn() -> None:
    with conversation() as talk:
        talk.say(b"one")
        other = Notes()
        talk.tunnel.set_protocol(other)
        assert talk.tunnel.get_protocol() is other
        talk.say(b"two")
        assert (talk.notes.heard, other.heard) == (b"one", b"two")
        with pytest.raises(TypeError, match=r"asyncio\.Protocol"):
            talk.tunnel.set_protocol(asyncio.BufferedProtocol())


def test_2_4_what_comes_while_reading_is_paused_is_handed_on_in_order_and_the_end_last() -> None:
    with conversation() as talk:
        talk.tunnel.pause_reading()
        talk.say(b"one ")
        talk.say(b"two", end=True)
        assert not talk.tunnel.is_reading()
        assert (talk.notes.heard, talk.notes.told) == (b"", [])
        talk.tunnel.resume_reading()
        talk.tunnel.resume_reading()
        assert talk.notes.heard == b"", "not before the caller is done"
        talk.turn()
        assert (talk.notes.heard, talk.notes.told) == (b"one two", ["eof", "lost"])
        assert talk.answer.complete


def test_2_4_the_end_waits_for_reading_although_nothing_is_held() -> None:
    """The protocol may itself hold bytes that come before it."""
    with conversation() as talk:
        talk.tunnel.pause_reading()
        talk.say(end=True)
        assert talk.notes.told == []
        talk.tunnel.resume_reading()
        talk.turn()
        assert talk.notes.told == ["eof", "lost"]


def test_h_22_a_stream_is_given_nothing_in_a_turn_that_is_used_up() -> None:
    """All streams of a connection belong to one client; what came waits in order, and so does its window."""

    class Looks(Notes):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            rooms.append(budget.room)

    rooms: list[int] = []
    with conversation(Looks()) as talk:
        budget = talk.client.server.context.budget
        for data in (b"one ", b"two ", b"three"):
            talk.client.h2.send_data(talk.number, data)
        talk.client.server.loop.call_soon(budget.spend, UNITS_A_TURN)
        talk.turn()
        assert talk.notes.heard == b"one two three"
        assert rooms == [UNITS_A_TURN], "at once, in the next turn"
        talk.client.server.loop.call_soon(budget.spend, UNITS_A_TURN)
        talk.say(b"!", end=True)
        assert (talk.notes.heard, talk.notes.told) == (b"one two three!", ["eof", "lost"])


def test_h_22_a_stream_that_is_over_is_given_nothing_more() -> None:
    with conversation() as talk:
        budget = talk.client.server.context.budget
        talk.client.h2.send_data(talk.number, b"late")
        talk.client.h2.reset_stream(talk.number, CANCEL)
        talk.client.server.loop.call_soon(budget.spend, UNITS_A_TURN)
        talk.turn()
        assert (talk.notes.heard, talk.notes.told) == (b"", ["ConnectionResetError"])


def test_2_4_resumed_and_paused_at_once_it_hands_on_nothing() -> None:
    with conversation() as talk:
        talk.tunnel.pause_reading()
        talk.say(b"late", end=True)
        talk.tunnel.resume_reading()
        talk.tunnel.pause_reading()
        talk.turn()
        assert (talk.notes.heard, talk.notes.told) == (b"", [])


def test_2_4_the_protocol_may_keep_its_side_when_the_client_ends_its_own() -> None:
    with conversation() as talk:
        talk.notes.keeps = True
        talk.say(b"bye", end=True)
        talk.tunnel.writelines([b"and ", bytearray(b"so "), memoryview(b"on")])
        talk.turn()
        assert (talk.answer.body, talk.answer.complete, talk.notes.told) == (b"and so on", False, ["eof"])
        talk.tunnel.pause_reading()
        talk.tunnel.resume_reading()
        talk.turn()
        assert talk.notes.told == ["eof"], "once"
        talk.tunnel.close()
        talk.turn()
        assert (talk.answer.complete, talk.answer.reset, talk.notes.told) == (True, None, ["eof", "lost"])


def test_2_4_one_side_can_end_alone_and_nothing_is_written_after_it() -> None:
    with conversation() as talk:
        assert talk.tunnel.can_write_eof()
        talk.tunnel.write(b"last")
        talk.tunnel.write_eof()
        talk.tunnel.write_eof()
        talk.tunnel.write(b"dropped")
        talk.turn()
        assert (talk.answer.body, talk.answer.complete, talk.answer.reset) == (b"last", True, None)
        talk.say(b"still heard")
        assert (talk.notes.heard, talk.notes.told) == (b"still heard", [])


def test_2_4_the_marks_tell_the_protocol_when_to_write() -> None:
    """S-3: above the high one it has to wait, at the low one it may go on."""
    with conversation() as talk:
        assert talk.tunnel.get_write_buffer_limits() == (16384, 65536)
        talk.tunnel.write(bytes(65535))
        talk.turn(credit=False)
        talk.tunnel.set_write_buffer_limits(low=500)
        assert talk.tunnel.get_write_buffer_limits() == (500, 2000)
        talk.tunnel.set_write_buffer_limits(high=1000)
        assert talk.tunnel.get_write_buffer_limits() == (250, 1000)
        talk.tunnel.write(bytes(1000))
        assert (talk.tunnel.get_write_buffer_size(), talk.notes.told) == (1000, [])
        talk.tunnel.write(b"!")
        assert (talk.tunnel.get_write_buffer_size(), talk.notes.told) == (1001, ["pause"])
        talk.give_room(750)
        assert (talk.tunnel.get_write_buffer_size(), talk.notes.told) == (251, ["pause"])
        talk.give_room(1)
        assert (talk.tunnel.get_write_buffer_size(), talk.notes.told) == (250, ["pause", "resume"])
        talk.give_room(250)
        assert len(talk.answer.body) == 66536


def test_2_4_the_marks_are_those_of_asyncio() -> None:
    """The defaults are asyncio's: `set_write_buffer_limits()` without arguments brings them back."""
    with conversation() as talk:
        talk.tunnel.set_write_buffer_limits(high=1)
        talk.tunnel.set_write_buffer_limits()
        assert talk.tunnel.get_write_buffer_limits() == (16384, 65536)


def test_2_4_closed_it_sends_what_waits_first() -> None:
    with conversation() as talk:
        talk.tunnel.set_write_buffer_limits(high=100_000)
        talk.tunnel.write(bytes(70000))
        talk.tunnel.close()
        talk.tunnel.close()
        talk.tunnel.write(b"dropped")
        talk.turn(credit=False)
        assert talk.tunnel.is_closing()
        assert (len(talk.answer.body), talk.answer.complete, talk.notes.told) == (65535, False, [])
        talk.give_room(10000)
        assert (len(talk.answer.body), talk.answer.complete, talk.notes.told) == (70000, True, ["lost"])
        talk.say(b"not read", end=True)
        assert talk.notes.heard == b""


@pytest.mark.parametrize("resetting", ["the protocol", "the client"])
def test_2_4_a_reset_breaks_both_sides_and_nothing_is_written_after_it(resetting: str) -> None:
    """Waiting data is dropped, which makes room: what the protocol then writes is dropped too."""

    class Eager(Notes):
        def resume_writing(self) -> None:
            super().resume_writing()
            self.transport.write(b"more")

    with conversation(Eager()) as talk:
        before = talk.kinds_sent
        talk.tunnel.write(bytes(70000))
        assert talk.notes.told == ["pause"]
        if resetting == "the protocol":
            talk.tunnel.abort()
            talk.tunnel.abort()
            end, last = "lost", [Kind.RST_STREAM]
        else:
            talk.client.h2.reset_stream(talk.number, CANCEL)
            talk.client.transport.get_protocol().data_received(talk.client.h2.data_to_send())  # before it is flushed
            end, last = "ConnectionResetError", []
        assert end not in talk.notes.told, "not from within the call"
        talk.turn()
        talk.tunnel.write(b"too late")
        talk.tunnel.write_eof()
        talk.tunnel.abort()
        talk.turn()
        assert (talk.notes.told[-1], talk.kinds_sent) == (end, before + last)
