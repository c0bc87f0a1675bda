"""Nothing of a stream or connection that is over waits for the garbage collector (rule H-20)."""

import gc
from collections import Counter

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.call.cycle import Cycle
from esg_http.h2.coding.codes import CANCEL
from esg_http.h2.connection import H2Connection
from esg_http.multiplexed.stream import RequestStream
from esg_http.multiplexed.tunnel import Tunnel
from tests.http.misbehaviour.case import body, sends, start
from tests.support.behaviour.kinds import hello, in_parts, reads
from tests.support.http.asking import by_path
from tests.support.http2.driven import Client, request
from tests.support.http2.websocket import CONNECT
from tests.support.ws.frames import close, text
from tests.support.ws.memory import Recorder, WebSocketServer

OURS = (H2Connection, RequestStream, Cycle, Tunnel)

HTTP = by_path(root=hello, parts=in_parts, large=sends(start(), body(bytes(300_000))), reads=reads)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await (HTTP if scope["type"] == "http" else Recorder())(scope, receive, send)


def alive() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if issubclass(type(one), OURS))


def talk(client: Client, how: str) -> None:
    """One stream of each kind, ended in this way."""
    for path in (b"/", b"/parts", b"/large"):
        client.fetch(request(path))
    client.fetch(request(b"/reads", b"POST"), b"12345")
    reset = [client.ask(request(b"/reads", b"POST"), b"1", end=False), client.ask(CONNECT, end=False)]
    client.turn()
    websocket = client.ask(CONNECT, end=False)
    client.h2.send_data(websocket, text("hello") + close(1000))
    client.turn()
    if how == "lost":
        return
    client.h2.end_stream(websocket)
    for number in reset:
        client.h2.reset_stream(number, CANCEL)
    client.turn()


@pytest.mark.needs("reference counting")
@pytest.mark.parametrize("how", ["ended", "lost"])
def test_h20_nothing_waits_for_the_collector(how: str) -> None:
    gc.collect()
    before = alive()
    with WebSocketServer(app) as server:
        client = Client(server)
        gc.disable()
        try:
            talk(client, how)
            assert alive()["RequestStream"] - before["RequestStream"] == (0 if how == "ended" else 3)
            client.transport.reset()
            server.loop.settle()
            del client
            server.transports.clear()
            assert alive() - before == Counter()
        finally:
            gc.enable()
