"""Nothing of a stream or connection that is over waits for the garbage collector (rule H-20)."""

import gc
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.misbehaviour.case import body, sends, start
from tests.support.behaviour.kinds import hello, in_parts, reads
from tests.support.behaviour.over_streams import HTTP2, connect, each_version, request, websocket_request
from tests.support.http.asking import by_path
from tests.support.http2.driven import Client as H2Client
from tests.support.ws.frames import close, text
from tests.support.ws.memory import Recorder, WebSocketServer

if TYPE_CHECKING:
    from tests.support.behaviour.over_streams import Client

UNFINISHED = b"\x01\x14\0\0\xd1"
"""The beginning of a HEADERS frame of HTTP/3. In HTTP/2, no other frame may come before its end."""

OURS = ("H2Connection", "H3Connection", "Engine", "RequestInput", "RequestStream", "Cycle", "Tunnel")

HTTP = by_path(root=hello, parts=in_parts, large=sends(start(), body(bytes(300_000))), reads=reads)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await (HTTP if scope["type"] == "http" else Recorder())(scope, receive, send)


def alive() -> Counter[str]:
    kinds = [type(one) for one in gc.get_objects()]
    return Counter(kind.__name__ for kind in kinds if kind.__name__ in OURS and kind.__module__.startswith("esg_http."))


def talk(client: "Client", how: str) -> None:
    """One stream of each kind, ended in this way."""
    for path in (b"/", b"/parts", b"/large"):
        client.fetch(request(client, path))
    client.fetch(request(client, b"/reads", b"POST"), b"12345")
    upload = client.ask(request(client, b"/reads", b"POST"), b"1", end=False)
    cancelled = [upload, client.ask(websocket_request(client), end=False)]
    client.turn()
    websocket = client.ask(websocket_request(client), end=False)
    client.add(websocket, text("hello") + close(1000), end=False)
    if not isinstance(client, H2Client):
        client.send(400, UNFINISHED)
    client.turn()
    if how == "lost":
        return
    client.add(websocket, b"", end=True)
    for number in cancelled if isinstance(client, H2Client) else [*cancelled, 400]:
        client.cancel(number)
    client.turn()


@pytest.mark.needs("reference counting")
@pytest.mark.parametrize("how", ["ended", "lost"])
@each_version
def test_h20_nothing_waits_for_the_collector(version: str, how: str) -> None:
    gc.collect()
    before = alive()
    with WebSocketServer(app) as server:
        client = connect(server, version)
        gc.disable()
        try:
            talk(client, how)
            left = alive() - before
            assert left["RequestStream"] == (0 if how == "ended" else 3)
            assert left["RequestInput"] == (0 if how == "ended" or version == HTTP2 else 4)
            client.vanish()
            server.loop.settle()
            del client
            server.transports.clear()
            assert alive() - before == Counter()
        finally:
            gc.enable()
