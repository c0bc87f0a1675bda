"""WebSocket over a stream of an HTTP/3 connection: what HTTP/2 does not have (RFC 9220, rule Q-8)."""

from esg_http.h3.coding.codes import H3_NO_ERROR
from tests.support.http3 import wire
from tests.support.http3.driven import Client
from tests.support.http3.wire import data, request
from tests.support.ws.frames import close, read_frames
from tests.support.ws.memory import Recorder, WebSocketServer

CONNECT = request(b"/chat?room=1", b"CONNECT", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))


def test_q8_websocket_is_announced() -> None:
    with WebSocketServer(Recorder()) as server:
        assert wire.varint(8) + wire.varint(1) in Client(server).control[0].payload


def test_q8_a_client_that_does_not_end_its_side_is_not_waited_for() -> None:
    """The server's last bytes arrive whatever becomes of the client's side."""
    with WebSocketServer(Recorder()) as server:
        client = Client(server)
        number = client.ask(CONNECT, end=False)
        client.turn()
        client.send(number, data(close(1000)))
        client.turn()
        assert [frame.code for frame in read_frames(client.answer(number).body)] == [1000]
        server.loop.advance(1.6)
        assert client.answer(number).complete
        assert client.answer(number).reset is None
        assert client.quic.stops[number] == H3_NO_ERROR
