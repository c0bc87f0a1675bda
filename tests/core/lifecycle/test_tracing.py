"""What the level trace shows, and that nothing is in the way at other levels (rule R-4)."""

import asyncio
import logging
from typing import Any

import pytest

from esg_core.asgi import Message, Receive, Scope, Send
from esg_core.context import Context
from esg_core.lifecycle.assembly import context_for
from esg_core.lifecycle.tracing import TracedApplication, TracedConnections, shown
from esg_core.logs import TRACE
from esg_core.options.config import Config
from tests.support.core.loops import run_in

LONG = b"0123456789abcdef0123456789abcdef"


async def app(scope: Scope, receive: Receive, send: Send) -> None: ...


def made() -> Context:
    async def make() -> Context:
        return context_for(Config(app))

    return run_in("asyncio", make())


def test_without_trace_the_application_is_called_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "esg.asgi"):
        context = made()
    assert context.app is app
    assert type(context.connections) is set


def test_with_trace_it_is_called_through_a_layer(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(TRACE, "esg.asgi"):
        context = made()
    assert type(context.app) is TracedApplication
    assert type(context.connections) is TracedConnections


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"type": "lifespan.startup"}, "lifespan.startup"),
        (
            {"type": "http.request", "body": b"hello", "more_body": False},
            "http.request body=<5 bytes b'hello'> more_body=False",
        ),
        ({"type": "http.response.body", "body": b""}, "http.response.body body=<0 bytes>"),
        ({"type": "http.response.body", "body": LONG}, f"http.response.body body=<32 bytes {LONG!r}>"),
        (
            {"type": "http.response.body", "body": bytearray(LONG + b"x")},
            f"http.response.body body=<33 bytes {LONG!r}...>",
        ),
        ({"type": "http.response.body", "body": memoryview(b"a\r\n")}, r"http.response.body body=<3 bytes b'a\r\n'>"),
        (
            {"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"secret"), [b"x-a", b"b"]]},
            "http.response.start status=200 headers=<set-cookie x-a>",
        ),
        ({"type": "http.response.start", "headers": [("a", "b")]}, "http.response.start headers=[('a', 'b')]"),
        ({"type": "http.response.start", "headers": [3]}, "http.response.start headers=[3]"),
        (
            {"type": "websocket.receive", "text": "na\u00efve\n", "bytes": None},
            r"websocket.receive text=<6 characters 'naïve\n'> bytes=None",
        ),
        ({"type": "websocket.close", "code": 1000, "reason": "bye"}, "websocket.close code=1000 reason='bye'"),
        (
            {"type": "http.response.pathsend", "path": "/" * 33},
            f"http.response.pathsend path=<33 characters '{'/' * 32}'...>",
        ),
        ({"type": "a\nb", "x\x1by": 1}, r"a\nb x\x1by=1"),
        ({}, "None"),
        ("no message", "'no message'"),
    ],
)
def test_a_message_is_one_readable_line(message: Any, line: str) -> None:
    assert shown(message) == line


def test_header_fields_that_can_be_read_once_are_left_to_the_server() -> None:
    headers = iter([(b"a", b"b")])
    assert "headers=<tuple_iterator" in shown({"type": "http.response.start", "headers": headers}).replace(
        "list", "tuple"
    )
    assert list(headers) == [(b"a", b"b")]


def test_an_application_fails_and_returns_as_without_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> Any:
        if (await receive())["type"] == "http.disconnect":
            raise LookupError("lost")
        await send({"type": "x"})
        return "something"

    async def call(kind: str) -> Any:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": kind}

        async def send(message: Message) -> None:
            sent.append(message)

        traced = TracedApplication(fails, logging.getLogger("esg.asgi"))
        return await traced({"type": "lifespan"}, receive, send), sent

    with caplog.at_level(TRACE, "esg.asgi"):
        assert asyncio.run(call("http.request")) == ("something", [{"type": "x"}])
        with pytest.raises(LookupError, match="lost"):
            asyncio.run(call("http.disconnect"))
    assert caplog.messages == [
        "ASGI [1] started lifespan",
        "ASGI [1] receive http.request",
        "ASGI [1] send x",
        "ASGI [1] completed",
        "ASGI [1] started lifespan",
        "ASGI [1] receive http.disconnect",
        "ASGI [1] raised LookupError",
    ]
