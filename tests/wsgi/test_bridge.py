"""The bridge as an ASGI application, without a server: loops, lifespans and bounds (rules I-1, I-4)."""

import asyncio
from typing import Any

import pytest

from esg_core.app.wsgi.bridge import WSGIBridge
from esg_core.app.wsgi.files import FileWrapper
from esg_core.app.wsgi.shared import Bounds
from esg_core.asgi import Message, Scope
from esg_core.errors import ApplicationError
from esg_core.options.config import Config
from tests.support.wsgi.serving import Environ, StartResponse

REQUEST: Scope = {
    "type": "http",
    "method": "POST",
    "http_version": "1.1",
    "scheme": "http",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [],
    "client": None,
    "server": None,
}


def echo(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def bridge_with(**options: Any) -> WSGIBridge:
    return WSGIBridge(echo, Config(echo, **options))


async def ask(bridge: WSGIBridge, scope: Scope, *messages: Message) -> list[Message]:
    """What the bridge sends when it has received these."""
    received, sent = iter(messages), []

    async def receive() -> Message:
        return next(received)

    async def send(message: Message) -> None:
        sent.append(message)

    await bridge(scope, receive, send)
    assert next(received, None) is None, "all that comes is awaited"
    return sent


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_i2_a_body_is_collected_from_its_parts() -> None:
    async def bodies() -> list[bytes]:
        bridge = bridge_with()
        whole = await ask(bridge, REQUEST, part(b"whole", more=False))
        parts = await ask(bridge, REQUEST, part(b"in ", more=True), part(b"parts", more=False))
        bare = await ask(bridge, REQUEST, {"type": "http.request"})
        return [b"".join(message.get("body", b"") for message in sent) for sent in (whole, parts, bare)]

    assert asyncio.run(bodies()) == [b"whole", b"in parts", b""]


def test_i4_nothing_is_called_for_a_client_that_leaves_within_its_body() -> None:
    disconnect: Message = {"type": "http.disconnect"}
    for messages in ([disconnect], [part(b"in ", more=True), disconnect]):
        assert asyncio.run(ask(bridge_with(), REQUEST, *messages)) == []


def test_i4_the_requests_of_a_loop_share_its_threads() -> None:
    """And loops that are closed are forgotten."""
    bridge = bridge_with()

    async def serve() -> None:
        await ask(bridge, REQUEST, part(b"", more=False))
        before = dict(bridge._serving)
        await ask(bridge, REQUEST, part(b"", more=False))
        assert bridge._serving == before
        assert [loop is asyncio.get_running_loop() for loop in before] == [True]

    for _ in range(2):
        asyncio.run(serve())


def test_i1_a_lifespan_in_which_nothing_happens() -> None:
    startup, shutdown = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    sent = asyncio.run(ask(bridge_with(), {"type": "lifespan"}, startup, shutdown))
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def test_i1_there_is_no_websocket() -> None:
    with pytest.raises(ApplicationError, match="cannot serve websocket"):
        asyncio.run(ask(bridge_with(), {"type": "websocket"}))


@pytest.mark.parametrize(("memory", "buffer", "bounds"), [(5, 8, Bounds(5, 3)), (9, 8, Bounds(8, 0))])
def test_i4_what_waits_in_memory_and_what_in_a_file(memory: int, buffer: int, bounds: Bounds) -> None:
    assert bridge_with(wsgi_body_memory=memory, wsgi_response_buffer=buffer)._bounds == bounds


@pytest.mark.parametrize(("threads", "multithread"), [(1, False), (2, True)])
def test_i3_what_all_environs_have_in_common(threads: int, multithread: bool) -> None:
    environ = bridge_with(wsgi_threads=threads)._environ()
    assert environ["SERVER_SOFTWARE"] == "esg"
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.file_wrapper"] is FileWrapper
    assert [environ[f"wsgi.{name}"] for name in ("multithread", "multiprocess", "run_once", "input_terminated")] == [
        multithread,
        False,
        False,
        True,
    ]
