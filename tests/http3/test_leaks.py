"""Nothing of a stream or connection that is over waits for the garbage collector (rule H-20)."""

import gc
from collections import Counter

import pytest

from esg_http.call.cycle import Cycle
from esg_http.h3.connection import H3Connection
from esg_http.h3.engine.engine import Engine
from esg_http.h3.engine.request_input import RequestInput
from esg_http.multiplexed.stream import RequestStream
from esg_http.multiplexed.tunnel import Tunnel
from tests.http2.test_leaks import app
from tests.http3.test_websocket import CONNECT
from tests.support.http3.driven import Client
from tests.support.http3.wire import data, headers, request
from tests.support.ws.frames import close, text
from tests.support.ws.memory import WebSocketServer

OURS = (H3Connection, Engine, RequestInput, RequestStream, Cycle, Tunnel)


def alive() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if issubclass(type(one), OURS))


def talk(client: Client, how: str) -> None:
    """One stream of each kind, ended in this way."""
    for path in (b"/", b"/parts", b"/large"):
        client.fetch(request(path))
    client.fetch(request(b"/reads", b"POST"), b"12345")
    cancelled = [client.ask(request(b"/reads", b"POST"), b"1", end=False), client.ask(CONNECT, end=False)]
    client.turn()
    websocket = client.ask(CONNECT, end=False)
    client.send(websocket, data(text("hello")) + data(close(1000)))
    client.send(400, headers()[:5])
    client.turn()
    if how == "lost":
        return
    client.send(websocket, b"", end=True)
    for number in (*cancelled, 400):
        client.cancel(number)
    client.turn()


@pytest.mark.parametrize("how", ["ended", "lost"])
def test_h20_nothing_waits_for_the_collector(how: str) -> None:
    gc.collect()
    before = alive()
    with WebSocketServer(app) as server:
        client = Client(server)
        gc.disable()
        try:
            talk(client, how)
            left = alive() - before
            assert left["RequestStream"] == (0 if how == "ended" else 3)
            assert left["RequestInput"] == (0 if how == "ended" else 4)
            client.quic.lose()
            server.loop.settle()
            del client
            server.transports.clear()
            assert alive() - before == Counter()
        finally:
            gc.enable()
