"""WebSocket over a stream of HTTP/2 or HTTP/3, with both codecs (RFC 8441, RFC 9220; rules 2-4, Q-8)."""

import pytest

from tests.support.behaviour.over_streams import (
    HTTP2,
    HTTP3,
    connect,
    each_version,
    request,
    websocket_request,
)
from tests.support.http2.driven import Answer
from tests.support.ws.frames import CLOSE, Frame, close, read_frames, text
from tests.support.ws.memory import CODECS, Recorder, WebSocketServer

each_codec = pytest.mark.parametrize(
    ("version", "codec"), [(HTTP2, CODECS[0]), pytest.param(HTTP3, CODECS[1], marks=pytest.mark.needs("aioquic"))]
)
"""Codecs know nothing of versions, so each is tested over one."""


def frames_of(answer: Answer) -> list[Frame]:
    return list(read_frames(answer.body))


@each_codec
def test_2_4_messages_go_both_ways(version: str, codec: str) -> None:
    """Q-8."""
    app = Recorder(accept={"subprotocol": "b", "headers": [(b"x-own", b"1")]})
    with WebSocketServer(app, codec) as server:
        client = connect(server, version)
        number = client.ask(websocket_request(client, (b"sec-websocket-protocol", b"a, b")), end=False)
        client.turn()
        for part in (text("hello"), text("a" * 300)[:100], text("a" * 300)[100:]):
            client.add(number, part, end=False)
        answer = client.answers[number]
        assert [frame.payload for frame in frames_of(answer)] == [b"hello", b"a" * 300]
        assert (answer.headers[b"sec-websocket-protocol"], answer.headers[b"x-own"]) == (b"b", b"1")
        assert not answer.headers.keys() & {b"upgrade", b"connection", b"sec-websocket-accept"}
        assert client.fetch(request(client)).body == b"plain", "the other streams go on"
        client.add(number, close(1000, b"bye"), end=True)
        answer = client.answers[number]
        assert [frame.code for frame in frames_of(answer) if frame.opcode == CLOSE] == [1000]
        assert (answer.complete, answer.reset) == (True, None)
        server.loop.settle()
        assert app.ends == [(1000, "bye")]
    scope = app.scopes[0]
    assert (scope["http_version"], scope["scheme"]) == (("2", "ws") if version == HTTP2 else ("3", "wss"))
    assert (scope["type"], scope["path"], scope["query_string"]) == ("websocket", "/chat", b"room=1")
    assert scope["subprotocols"] == ["a", "b"]
    assert "method" not in scope


@each_codec
def test_2_4_frames_that_come_before_the_accept_are_the_first_messages(version: str, codec: str) -> None:
    """Q-8."""
    with WebSocketServer(Recorder(), codec) as server:
        client = connect(server, version)
        number = client.ask(websocket_request(client), end=False)
        client.add(number, text("early"), end=False)
        assert [frame.payload for frame in frames_of(client.answers[number])] == [b"early"]


@each_codec
def test_s4_a_client_that_cancels_is_gone(version: str, codec: str) -> None:
    """Q-8."""
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = connect(server, version)
        number = client.ask(websocket_request(client), end=False)
        client.turn()
        assert client.answers[number].status == 200
        client.cancel(number)
        client.turn()
        assert [code for code, _ in app.ends] == [1006]
        assert client.fetch(request(client)).body == b"plain"


@pytest.mark.parametrize(
    ("changed", "status"),
    [((b":protocol", b"connect-udp"), 501), ((b"sec-websocket-version", b"12"), 426)],
    ids=["protocol", "version"],
)
@each_version
def test_2_4_what_is_no_handshake_is_answered(version: str, changed: tuple[bytes, bytes], status: int) -> None:
    """Q-8."""
    app = Recorder()
    with WebSocketServer(app) as server:
        client = connect(server, version)
        fields = [changed if field[0] == changed[0] else field for field in websocket_request(client)]
        number = client.ask(fields, end=False)
        client.turn()
        assert client.answers[number].status == status
        assert app.scopes == []
