"""The writing half of a connection alone: framing, persistence, and what goes out in one write (H-2, H-3, H-8)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest

from esg_core.context import Context
from esg_core.contracts import Connection
from esg_core.testing import ManualLoop, MemoryTransport
from esg_http.h1.body import Body, LengthBody
from esg_http.h1.output import LARGE_BODY, SKIPPED_BODY, TLS_PIECE, H1Output
from esg_http.h1.request_fields import RequestFields
from esg_http.message.response_head import HeadPrefix, encode_fields
from tests.support.http.bodies import WholeBody

A = encode_fields([(b"a", b"b")])
A_OF_2 = encode_fields([(b"a", b"b"), (b"content-length", b"2")])
CHUNKED = b"transfer-encoding: chunked\r\n"
CLOSE = b"connection: close\r\n"
KEEP_ALIVE = b"connection: keep-alive\r\n"


class Told(H1Output):
    """An output that records when it has reported the client's end."""

    lost = False
    is_trusted = False

    @property
    def connection(self) -> Connection:
        raise AssertionError("an output alone is no connection")

    def _lose_client(self) -> None:
        self.lost = True


class Output:
    """An output with a request and a transport."""

    def __init__(self, loop: ManualLoop) -> None:
        self.loop = loop
        self.context = SimpleNamespace(loop=loop, time=loop.time, closing=False)
        self.output = Told(cast(Context, self.context), HeadPrefix(True, None, (), lambda: 0.0, loop.call_later))
        self.transport = MemoryTransport(asyncio.Protocol(), loop)
        self.output.transport = self.transport

    def request(self, body: Body | None = None, **says: bool) -> None:
        """A request with these properties; the server's `closing` may be among them."""
        self.output._body = body
        self.context.closing = says.pop("closing", False)
        self.output.is_head = says.pop("is_head", False)
        self.output._keep_alive = says.pop("keep_alive", True)
        self.output._may_not_come = says.pop("may_not_come", False)
        self.output._asked = asked = RequestFields(b"", False, [(b"host", b"t")])
        for name, value in says.items():
            setattr(asked, name, value)

    def fields(self, prepared: Any = A_OF_2, content: bytes = b"ok", end: bool = True, status: int = 200) -> bytes:
        """Respond, and return the fields that the head has besides the application's and its prefix."""
        before = len(self.transport.written)
        self.output.respond(status, prepared, content, end)
        head, _, self.content = bytes(self.transport.written[before:]).partition(b"\r\n\r\n")
        prefix = self.output._prefix.get(status) + prepared[0]
        assert (head + b"\r\n").startswith(prefix)
        return (head + b"\r\n").removeprefix(prefix)


@pytest.fixture
def out() -> Iterator[Output]:
    with ManualLoop() as loop:
        yield Output(loop)


@pytest.mark.parametrize("prepared", [A, A_OF_2])
@pytest.mark.parametrize(
    ("says", "persistence"),
    [
        ({}, b""),
        ({"says_keep_alive": True}, KEEP_ALIVE),
        ({"keep_alive": False}, CLOSE),
        ({"keep_alive": False, "says_keep_alive": True}, CLOSE),
        ({"closing": True}, CLOSE),
        ({"body": LengthBody(SKIPPED_BODY)}, b""),
        ({"body": LengthBody(SKIPPED_BODY + 1)}, CLOSE),
        ({"body": LengthBody(1), "says_keep_alive": True}, KEEP_ALIVE),
        ({"body": LengthBody(1), "may_not_come": True}, CLOSE),
        ({"body": WholeBody(0)}, CLOSE),
    ],
)
def test_what_is_said_of_the_connection(out: Output, prepared: Any, says: dict[str, Any], persistence: bytes) -> None:
    """H-2, H-8: whether the connection stays, whatever frames the response."""
    out.request(**says)
    framing = b"" if prepared is A_OF_2 else CHUNKED
    assert out.fields(prepared) == framing + persistence
    assert out.output._keep_alive is (persistence != CLOSE)


def test_how_much_is_skipped() -> None:
    """H-8."""
    assert SKIPPED_BODY == 1_000_000


def test_a_connection_that_ends_does_not_stay_for_a_body(out: Output) -> None:
    """H-2."""
    out.request(LengthBody(1), keep_alive=False)
    assert out.output._may_stay(end=False) is False


def test_an_output_that_nothing_has_been_written_to(out: Output) -> None:
    """H-6, H-8, H-10: lets everything be written, may stay, and is closed in the ordinary way."""
    assert out.output.gate.closed is False
    assert out.output._time() == out.loop.time()
    out.output._body = LengthBody(1)
    assert out.output._may_stay(end=True) is True
    out.output._cut()
    assert out.transport.is_closing()
    assert not out.transport.aborted
    assert out.transport.writes == []


def test_fields_are_prepared_for_their_status(out: Output) -> None:
    """H-3."""
    assert out.output.prepare(204, [(b"content-length", b"2"), (b"a", b"b")]) == A


@pytest.mark.parametrize("body", [LengthBody(SKIPPED_BODY + 1), WholeBody(0)])
def test_an_unread_body_matters_at_the_end_only(out: Output, body: Body) -> None:
    """H-8: until then, the application may read it."""
    out.request(body)
    assert out.fields(end=False) == b""
    assert out.output._may_stay(end=False) is True
    assert out.output._may_stay(end=True) is False


def test_a_body_that_was_asked_for_comes(out: Output) -> None:
    """H-5: after a 100, and no other interim response."""
    out.request(LengthBody(1), may_not_come=True)
    out.output.inform(103, [])
    assert out.output._may_stay(end=True) is False
    out.output.inform(100, [])
    assert out.output._may_stay(end=True) is True
    assert out.transport.writes == [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]


@pytest.mark.parametrize(
    ("status", "says", "framing", "content"),
    [
        (200, {}, CHUNKED, b"2\r\nok\r\n0\r\n\r\n"),
        (200, {"is_head": True}, CHUNKED, b"ok"),
        (200, {"old": True}, CLOSE, b"ok"),
        (200, {"old": True, "is_head": True}, CLOSE, b"ok"),
        (204, {}, b"", b"ok"),
        (304, {}, b"", b"ok"),
        (304, {"old": True, "says_keep_alive": True}, KEEP_ALIVE, b"ok"),
    ],
)
def test_a_response_without_a_length(
    out: Output, status: int, says: dict[str, Any], framing: bytes, content: bytes
) -> None:
    """H-3: chunks, or the end of the connection for HTTP/1.0; the cycle leaves out what is not allowed."""
    out.request(**says)
    assert out.fields(A, status=status) == framing
    assert out.content == content


def test_what_the_application_says_of_the_connection(out: Output) -> None:
    """H-2: its close is obeyed, and sent once."""
    closing = encode_fields([(b"connection", b"close"), (b"content-length", b"2")])
    assert out.fields(closing) == CLOSE
    assert out.output._keep_alive is False


def test_what_the_application_says_of_the_server(out: Output) -> None:
    """H-1."""
    out.output.respond(200, encode_fields([(b"server", b"x"), (b"content-length", b"0")]), b"", True)
    assert out.transport.writes == [b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 0\r\n\r\n"]


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_response_of_a_length_after_one_in_chunks(out: Output, keep_alive: bool) -> None:
    """H-3: each has its own framing."""
    out.fields(A)
    out.request(keep_alive=keep_alive)
    out.fields()
    out.output.send(b"rest", True)
    assert out.transport.writes[-1] == b"rest"


def test_a_large_body_is_not_copied_behind_its_head(out: Output) -> None:
    """H-1: a smaller one is, so that it costs one write."""
    out.output.respond(200, A_OF_2, b"x" * (LARGE_BODY - 1), True)
    assert len(out.transport.writes) == 1
    out.output.respond(200, A_OF_2, b"x" * LARGE_BODY, True)
    assert out.transport.writes[1:] == [out.transport.writes[0][: 1 - LARGE_BODY], b"x" * LARGE_BODY]


@pytest.mark.parametrize(
    ("extra", "sizes"), [({}, [2 * TLS_PIECE + 1]), ({"ssl_object": 1}, [TLS_PIECE, TLS_PIECE, 1])]
)
def test_a_large_body_is_encrypted_piece_by_piece(out: Output, extra: dict[str, Any], sizes: list[int]) -> None:
    """So that it never lies in memory as a whole a second time; cleartext goes out as it is."""
    transport = out.output.transport = MemoryTransport(asyncio.Protocol(), out.loop, extra=extra)
    body = bytes(range(256)) * (2 * TLS_PIECE // 256) + b"x"
    out.output.respond(200, A_OF_2, body, False)
    out.output.send(body, True)
    assert [len(data) for data in transport.writes[1:]] == 2 * sizes
    assert transport.written.endswith(2 * body)


def test_what_is_sent_in_one_turn_goes_out_in_one_write(out: Output) -> None:
    """H-6: at the end of the turn or the response, or when there is much."""
    out.fields(A_OF_2, b"", end=False)
    del out.transport.writes[:]
    out.output.send(b"a", False)
    out.output.send(b"b", False)
    assert out.transport.writes == []
    out.loop.settle()
    assert out.transport.writes == [b"ab"]
    out.output.send(b"c", False)
    out.loop.settle()
    assert out.transport.writes == [b"ab", b"c"]
    del out.transport.writes[1]
    out.output.send(b"c", False)
    out.output.send(b"d", True)
    assert out.transport.writes == [b"ab", b"cd"]
    out.output.send(b"e", False)
    out.output.send(b"f" * (LARGE_BODY - 2), False)
    assert len(out.transport.writes) == 2
    out.output.send(b"g", False)
    assert len(out.transport.writes[2]) == LARGE_BODY
    out.output.send(b"h" * (LARGE_BODY - 1), False)
    assert len(out.transport.writes) == 3


def test_how_much_is_held_back_in_one_turn(out: Output) -> None:
    """H-6: from the first part on."""
    out.output.send(b"a" * (LARGE_BODY - 1), False)
    assert out.transport.writes == []
    out.output.send(b"b", False)
    assert [len(data) for data in out.transport.writes] == [LARGE_BODY]


@pytest.mark.parametrize("end", [False, True])
def test_a_large_part(out: Output, end: bool) -> None:
    """H-6: it goes out as it is, after what was sent before."""
    large = b"x" * LARGE_BODY
    out.fields(A, b"", end=False)
    out.output.send(b"a", False)
    out.output.send(large, end)
    assert out.transport.writes[1:] == [
        b"1\r\na\r\n",
        b"10000\r\n",
        large,
        b"\r\n0\r\n\r\n" if end else b"\r\n",
    ]
    out.fields(A_OF_2, b"", end=False)
    out.output.send(large, end)
    assert out.transport.writes[-1] == large


def test_nothing_is_sent_to_a_client_that_has_gone(out: Output) -> None:
    """H-16: the cycle is told, even before the loop has noticed."""
    out.fields(A, b"", end=False)
    out.transport.close()
    out.output.send(b"a", False)
    assert out.output.lost
    out.output._flush()
    assert out.transport.late == b""


@pytest.mark.parametrize("wants_trailers", [None, False, True])
@pytest.mark.parametrize("prepared", [A, A_OF_2])
def test_trailers(out: Output, prepared: Any, wants_trailers: bool | None) -> None:
    """H-14: all at the end, and only where the framing allows them."""
    if wants_trailers is not None:
        out.request(wants_trailers=wants_trailers)
    for _ in range(2):
        out.fields(prepared, b"", end=False)
        del out.transport.writes[:]
        out.output.send(b"a", False)
        out.output.send_trailers([(b"x", b"y")], False)
        assert out.transport.writes == []
        out.output.send_trailers([(b"z", b"")], True)
        fields = b"x: y\r\nz: \r\n" if wants_trailers else b""
        end = [b"1\r\na\r\n", b"0\r\n" + fields + b"\r\n"] if prepared is A else [b"a"]
        assert out.transport.writes == end


@pytest.mark.parametrize("prepared", [A, A_OF_2])
def test_a_part_of_a_file(out: Output, prepared: Any, tmp_path: Path) -> None:
    """H-14: as one chunk if there are chunks, after what was sent before."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789abcdefghijk")
    out.fields(prepared, b"", end=False)
    before = len(out.transport.written)

    async def in_one_turn(file: BinaryIO) -> None:
        out.output.send(b"a", False)
        await out.output.send_file(file, 2, 17)

    with path.open("rb") as file:
        out.loop.run_until_complete(in_one_turn(file))
    expected = b"1\r\na\r\n11\r\n23456789abcdefghi\r\n" if prepared is A else b"a23456789abcdefghi"
    assert out.transport.written[before:] == expected


def test_an_old_client_is_told_nothing_in_between(out: Output) -> None:
    """H-5: RFC 9110 section 15.2."""
    out.request(old=True)
    out.output.inform(103, [(b"link", b"x")])
    assert out.transport.writes == []


def test_a_switch(out: Output) -> None:
    """H-13."""
    out.output.respond_switching([(b"upgrade", b"x")])
    head = b"HTTP/1.1 101 Switching Protocols\r\nserver: esg\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    assert out.transport.writes == [head]


@pytest.mark.parametrize("old", [False, True])
def test_a_response_that_is_cut(out: Output, old: bool) -> None:
    """H-10: with a reset if the end of the connection would be the end of the body."""
    out.request(old=old)
    out.fields(A, b"", end=False)
    out.output.send(b"a", False)
    out.output._cut()
    assert out.transport.writes[-1] == (b"a" if old else b"1\r\na\r\n")
    assert out.transport.is_closing()
    assert out.transport.aborted is old
    out.output._cut()
    assert out.transport.late == b""


def test_a_response_whose_client_has_gone_is_not_cut(out: Output) -> None:
    """H-16."""
    out.fields(A, b"", end=False)
    out.output.send(b"a", False)
    out.transport.close()
    out.output._cut()
    assert out.transport.late == b""
