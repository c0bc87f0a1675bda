"""WebSocket over a stream of an HTTP/3 connection, with both codecs (RFC 9220, rule Q-8)."""

import pytest

from esg_http.h3.coding.codes import H3_NO_ERROR, H3_REQUEST_CANCELLED
from tests.support.http2.driven import Answer
from tests.support.http3 import wire
from tests.support.http3.driven import Client
from tests.support.http3.wire import GET, data, request
from tests.support.ws.frames import CLOSE, Frame, close, read_frames, text
from tests.support.ws.memory import CODECS, Recorder, WebSocketServer

CONNECT = request(b"/chat?room=1", b"CONNECT", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))


def frames_of(answer: Answer) -> list[Frame]:
    return list(read_frames(answer.body))


def opened(client: Client, *more: tuple[bytes, bytes]) -> int:
    """A stream on which the handshake is done."""
    number = client.ask([*CONNECT, *more], end=False)
    client.turn()
    assert client.answer(number).status == 200
    return number


def say(client: Client, number: int, *parts: bytes, end: bool = False) -> Answer:
    client.send(number, b"".join(map(data, parts)), end=end)
    client.turn()
    return client.answer(number)


@pytest.mark.parametrize("codec", CODECS)
def test_q8_messages_go_both_ways(codec: str) -> None:
    app = Recorder(accept={"subprotocol": "b", "headers": [(b"x-own", b"1")]})
    with WebSocketServer(app, codec) as server:
        client = Client(server)
        assert wire.varint(8) + wire.varint(1) in client.control[0].payload
        number = opened(client, (b"sec-websocket-protocol", b"a, b"))
        answer = say(client, number, text("hello"), text("a" * 300)[:100], text("a" * 300)[100:])
        assert [frame.payload for frame in frames_of(answer)] == [b"hello", b"a" * 300]
        assert (answer.headers[b"sec-websocket-protocol"], answer.headers[b"x-own"]) == (b"b", b"1")
        assert not answer.headers.keys() & {b"upgrade", b"connection", b"sec-websocket-accept"}
        assert client.fetch(GET).body == b"plain", "the other streams go on"
        answer = say(client, number, close(1000, b"bye"), end=True)
        assert [frame.code for frame in frames_of(answer) if frame.opcode == CLOSE] == [1000]
        assert (answer.complete, answer.reset) == (True, None)
        server.loop.settle()
        assert app.ends == [(1000, "bye")]
    scope = app.scopes[0]
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "3", "wss")
    assert (scope["path"], scope["query_string"], scope["subprotocols"]) == ("/chat", b"room=1", ["a", "b"])
    assert "method" not in scope


def test_q8_frames_that_come_before_the_accept_are_the_first_messages() -> None:
    app = Recorder()
    with WebSocketServer(app) as server:
        client = Client(server)
        number = client.ask(CONNECT, end=False)
        answer = say(client, number, text("early"))
        assert [frame.payload for frame in frames_of(answer)] == [b"early"]


def test_q8_a_client_that_cancels_breaks_the_websocket() -> None:
    app = Recorder()
    with WebSocketServer(app) as server:
        client = Client(server)
        number = opened(client)
        client.cancel(number, H3_REQUEST_CANCELLED)
        client.turn()
        assert [message["code"] for message in app.disconnects] == [1006]
        assert client.fetch(GET).body == b"plain"


def test_q8_a_client_that_does_not_end_its_side_is_not_waited_for() -> None:
    """The server's last bytes arrive whatever becomes of the client's side."""
    app = Recorder()
    with WebSocketServer(app) as server:
        client = Client(server)
        number = opened(client)
        answer = say(client, number, close(1000))
        assert [frame.code for frame in frames_of(answer)] == [1000]
        server.loop.advance(1.6)
        assert client.answer(number).complete
        assert client.answer(number).reset is None
        assert client.quic.stops[number] == H3_NO_ERROR


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([(b":method", b"GET"), *CONNECT[1:4], (b"upgrade", b"websocket")], None),
        ([*CONNECT[:5], (b"sec-websocket-version", b"12")], 426),
    ],
)
def test_q8_what_is_no_handshake(fields: list[tuple[bytes, bytes]], status: int | None) -> None:
    with WebSocketServer(Recorder()) as server:
        answer = Client(server).fetch(fields)
        assert (answer.status or None) == status
        assert b"upgrade" not in answer.headers
