"""Applications, and a wait, for tests that watch how far something has got."""

import asyncio
import time
from contextlib import suppress

from esg_core.asgi import Application, Message, Receive, Scope, Send
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.asking import read_body


class Diary:
    """An application that notes when its calls begin and end, and takes as many seconds as the path says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.lines.append(f"begin {path}")
        content = await read_body(receive)
        await asyncio.sleep(float(path.rpartition("-")[2] or 0) if "-" in path else 0)
        await send(start(headers=length(b"%d" % len(path + content.decode()))))
        self.lines.append(f"end {path}")
        await send(body(path.encode() + content))


class UntilTheEnd:
    """An application that reads until its client is gone, and notes how it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.told.append("receive")
        await send_on(send, start())
        self.told.append("send")


async def send_on(send: Send, message: Message) -> None:
    """Send the same message until that is refused: when the client has gone and the grace period is over."""
    with suppress(OSError):
        while True:
            await send(message)


def large(size: int) -> Application:
    """An application that answers with that many bytes at once."""
    return sends(start(headers=length(b"%d" % size)), body(b"x" * size))


def wait_until_it_stands_still(progress: list[int]) -> None:
    """Wait until something has begun and stopped again."""
    before = -1
    while not progress or len(progress) != before:
        before = len(progress)
        time.sleep(0.1)
