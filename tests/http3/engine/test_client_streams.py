"""What the client's streams cost it, and how their windows are given back (rules Q-3, H-7 and H-22)."""

from typing import Any

import pytest

from esg_http.multiplexed.costs import FRAME
from esg_http.multiplexed.priority import Priority
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.applications import Held, hello
from tests.support.http3 import wire
from tests.support.http3.driven import Client
from tests.support.http3.wire import control, data, frame, headers, request, varint

POST = headers(request(b"/", b"POST"))


def useless(client: Client) -> int:
    """How much of what honest clients rarely send was charged."""
    allowance = client.user._engine.account._useless
    return allowance._limit - allowance._left


@pytest.mark.parametrize(
    ("stream", "sent", "charged"),
    [
        (2, frame(0x21, bytes(80)), 1),
        (2, frame(0x21, bytes(80))[:-16], 0),
        (2, frame(0x21, bytes(80))[:-17], 1),
        (2, frame(wire.PRIORITY_UPDATE, b"\0" + bytes(70)), 1),
        (2, frame(wire.GOAWAY, b"\0"), 1),
        (6, varint(0x21) + b"x", 1),
        (6, b"\x40", 1),
        (6, varint(wire.ENCODER), 0),
    ],
    ids=range(8),
)
def test_what_is_charged_as_useless(stream: int, sent: bytes, charged: int) -> None:
    """Q-3; and whatever it is, its bytes count as read."""
    with MemoryServer(hello) as server:
        client = Client(server)
        assert useless(client) == 0
        client.send(stream, sent)
        assert useless(client) == charged
        assert client.quic.read[2] + client.quic.read[6] == len(control()) + len(sent)


def test_a_stream_without_a_type_is_forgotten_when_it_is_reset() -> None:
    """Q-3; what comes for it after that means nothing, even if its first bytes come after its reset."""
    with MemoryServer(hello) as server:
        client = Client(server)
        client.send(6, b"\x40")
        client.user.stream_reset(6, 0)
        client.user.stream_reset(10, 0)
        assert useless(client) == 3
        assert client.user._receiving._unidirectional._untyped == {}
        client.send(6, varint(wire.CONTROL))
        client.send(10, varint(wire.CONTROL))
        assert client.fetch().body == b"hello"


@pytest.mark.parametrize(
    ("stream", "sent", "says"),
    [
        (6, varint(wire.PUSH), "a client must not push (RFC 9114 section 6.2.2)"),
        (2, control(frame(wire.GOAWAY, b"\0")), "the first frame is not SETTINGS (RFC 9114 section 6.2.1)"),
    ],
)
def test_the_log_says_what_is_wrong(stream: int, sent: bytes, says: str) -> None:
    with MemoryServer(hello) as server:
        Client(server, opening=b"").send(stream, sent)
        [said] = server.log.trouble
        assert said.endswith(f": {says}")


def test_frames_on_the_control_stream_take_room_by_their_size() -> None:
    """H-22."""
    with MemoryServer(hello) as server:
        client = Client(server)
        account = client.user._engine.account
        client.send(2, frame(0x21))
        before = account.room
        client.send(2, frame(0x21, bytes(80)))
        assert before - account.room == FRAME + 10


@pytest.mark.parametrize("app", [hello, Recorder()], ids=["not read", "read"])
@pytest.mark.parametrize("ends", [True, False])
def test_the_bytes_of_a_request_count_as_read_in_the_end(app: Any, ends: bool) -> None:
    """H-7: once, whether the application reads them, or ends without; heads of frames only if the stream goes on."""
    with MemoryServer(app) as server:
        client = Client(server)
        sent = POST + data(b"abc") + data(b"de")
        client.send(0, sent, end=ends)
        client.turn()
        assert client.quic.read[0] == (len(b"abcde") if ends else len(sent))
        client.vanish()


def test_bytes_that_were_read_before_the_end_do_not_count_again() -> None:
    """H-7."""
    with MemoryServer(Recorder()) as server:
        client = Client(server)
        client.send(0, POST + data(b"abc"))
        client.turn()
        client.send(0, data(b"de"), end=True)
        client.turn()
        assert client.answer(0).body == b"5 bytes"
        assert client.quic.stops == {}, "nothing more could come"
        assert client.quic.read[0] == len(POST + data(b"abc")) + len(b"de")


@pytest.mark.parametrize("step", ["before the stream", "before its head", "before its response"])
def test_a_priority_on_the_control_stream_holds(step: str) -> None:
    """Q-4, RFC 9218 section 7.2: whenever it comes."""
    app = Held()
    update = frame(wire.PRIORITY_UPDATE, b"\0u=1, i")
    with MemoryServer(app) as server:
        client = Client(server)
        if step == "before its head":
            client.send(0, POST[:3])
        elif step == "before its response":
            client.send(0, POST)
        client.send(2, update)
        client.send(0, {"before its head": POST[3:], "before the stream": POST}.get(step, b""))
        client.turn()
        assert client.user._engine.streams.live[0].priority == Priority(1, incremental=True)
        app.end()
