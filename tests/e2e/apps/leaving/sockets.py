"""The WebSockets that clients leave in the tests, the same for all frameworks; each reports how far it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.e2e.apps.leaving.streams import say

MUCH = "x" * 65536


@dataclass(frozen=True)
class Socket:
    """The framework's own methods for these."""

    accept: Callable[[], Awaitable[object]]
    receive: Callable[[], Awaitable[object]]
    send: Callable[[str], Awaitable[object]]


async def talk(socket: Socket, phase: str, name: str) -> None:
    """Never end by itself, nor catch what the framework raises."""
    say(name, "asked")
    try:
        if phase == "late":
            await asyncio.sleep(1)
        await socket.accept()
        await socket.send("first")
        say(name, "begun")
        while phase in ("late", "echo"):
            await socket.receive()
            await socket.send("echo")
        while phase == "ticks":
            await socket.send("tick")
            await asyncio.sleep(0.02)
        while phase == "flood":
            await socket.send(MUCH)
    finally:
        say(name, "ended")
