"""An application that has children which hold every descriptor of its process, and ends connections in many ways."""

import asyncio
import os
import signal
import stat
import subprocess
from pathlib import Path

from esg_core.asgi import Receive, Scope, Send

LONGEST = 120
"""Seconds after which a child ends by itself, should the test not have ended it."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    elif scope["path"] == "/fork":
        await answer(send, b"%d" % fork())
    elif scope["path"] == "/start":
        await answer(send, b"%d" % start())
    elif scope["path"] == "/fail":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise RuntimeError("the application has failed")
    elif scope["path"] == "/wait":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await asyncio.sleep(60)
    elif scope["path"] == "/large":
        await answer(send, bytes(30_000_000))
    else:
        await answer(send, b"hello")


async def answer(send: Send, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def fork() -> int:
    """A child of this process, with all it has; the output is nobody's, so that its end can be seen."""
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        while True:
            signal.pause()
    return child


def start() -> int:
    """Another program, which inherits all sockets."""
    sockets = [int(path.name) for path in Path("/proc/self/fd").iterdir() if _is_socket(int(path.name))]
    command = ("sleep", str(LONGEST))
    started = subprocess.Popen(command, pass_fds=sockets, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started.returncode = 0  # nobody waits for it
    return started.pid


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:  # the directory that was just read
        return False
