"""What an application may do when the client of its WebSocket has gone (S-2, S-4, H-21)."""

import asyncio
import logging
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.unheard import GRACE, REFUSALS
from tests.support.ws.memory import WebSocketServer, accepting

DISCONNECT = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


class WebSocketDisconnect(Exception):
    """As frameworks have one."""


def test_s2_an_accept_that_comes_too_late_is_taken() -> None:
    """And what comes with it; then the application gets the disconnect, and no more messages are accepted."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        seen.append((await receive())["type"])
        await asyncio.sleep(1)
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "welcome"})
        began = loop.time()
        seen.append(await receive())
        try:
            while True:
                await send({"type": "websocket.send", "text": "more"})
        except OSError:
            seen.append(round(loop.time() - began, 1))
        await send({"type": "websocket.close"})

    with WebSocketServer(app) as server:
        client = server.ask()
        client.transport.reset()
        client.wait(3)
        assert seen == ["websocket.connect", DISCONNECT, GRACE]
        assert server.log.trouble == []
        assert not server.context.cycles


@pytest.mark.parametrize("message", ["websocket.close", "websocket.http.response.start"])
def test_s2_a_refusal_that_comes_too_late_is_taken(message: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(1)
        await send({"type": message, "status": 403})

    with WebSocketServer(app) as server:
        server.ask().transport.reset()
        server.loop.advance(3)
        assert server.log.trouble == []
        assert not server.context.cycles


def test_s4_an_application_that_ignores_the_error_is_cancelled() -> None:
    """H-21: the loop never spins, and the application ends."""
    refused = 0

    async def conversation(receive: Receive, send: Send) -> None:
        nonlocal refused
        assert await receive() == DISCONNECT
        while True:
            try:
                await send({"type": "websocket.send", "text": "tick"})
            except OSError:
                refused += 1

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.transport.reset()
        client.wait(3)
        assert not server.context.cycles
        assert refused == REFUSALS
    assert [record for record in server.log.records if record.levelno > logging.DEBUG] == []


def test_s4_a_listener_stops_the_sender_before_it_is_refused() -> None:
    """As in frameworks that run both side by side."""
    ends: list[str] = []

    async def conversation(receive: Receive, send: Send) -> None:
        async def tick() -> None:
            try:
                await asyncio.sleep(1)
                client.transport.reset()
                while True:
                    await send({"type": "websocket.send", "text": "tick"})
            except BaseException as error:
                ends.append(type(error).__name__)
                raise

        async def listen() -> None:
            while (await receive())["type"] != "websocket.disconnect":
                pass

        tasks = {asyncio.ensure_future(tick()), asyncio.ensure_future(listen())}
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.wait(2)
    assert ends == ["CancelledError"]


@pytest.mark.parametrize("error", [WebSocketDisconnect, asyncio.CancelledError, ValueError])
def test_s4_what_ends_a_call_whose_client_has_gone(error: type[BaseException]) -> None:
    """Being told is not a failure; every other error is logged."""

    async def conversation(receive: Receive, send: Send) -> None:
        assert await receive() == DISCONNECT
        raise error

    with WebSocketServer(accepting(conversation)) as server:
        server.open().transport.reset()
        server.loop.settle()
        assert not server.context.cycles
    levels = [record.levelname for record in server.log.records if record.levelno > logging.DEBUG]
    assert levels == (["ERROR"] if error is ValueError else [])
