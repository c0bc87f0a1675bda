"""An application that starts processes: it leaves orphans, and reports the exit codes of its own children."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from tests.behaviour.apps import lifecycle
from tests.behaviour.apps.lifecycle import respond

SHELL = ("sh", "-c")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifecycle.lifespan(receive, send)
    else:
        await ROUTES[scope["path"]](scope, send, lifecycle.query(scope))


def leave_an_orphan() -> bytes:
    """Start a process whose parent ends at once and that itself ends soon; returns its ID."""
    return subprocess.check_output([*SHELL, "sleep 0.1 >&- 2>&- & echo $!"]).strip()


def state_of(pid: str) -> bytes:
    """The letter of proc_pid_stat(5) for the state of a process; empty if it has gone."""
    try:
        text = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return b""
    return text.rpartition(")")[2].strip()[:1].encode()


def start_children() -> list[int]:
    """Start a child, and fork another one; both end, and their exit codes are not collected."""
    child = subprocess.Popen([*SHELL, "exit 7"])
    forked = os.fork()
    if forked == 0:
        os._exit(8)
    CHILDREN[:] = [child.wait, lambda: os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1])]
    return [child.pid, forked]


async def orphan(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send, leave_an_orphan())


async def state(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    await respond(send, state_of(asked["pid"]))


async def start(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send, "{} {}".format(*start_children()).encode())


async def codes(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """How these children have ended, and two more that the event loop waits for."""
    by_the_loop = [await asyncio.create_subprocess_exec(*SHELL, f"exit {code}") for code in (9, 10)]
    found = [*(wait() for wait in CHILDREN), *[await one.wait() for one in by_the_loop]]
    await respond(send, " ".join(map(str, found)).encode())


async def process(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send, f"{os.getpid()} {os.getppid()}".encode())


async def die(scope: Scope, send: Send, _: dict[str, str]) -> None:
    os.kill(os.getpid(), 9)


CHILDREN: list[Callable[[], int]] = []

ROUTES: dict[str, Any] = {
    **lifecycle.ROUTES,
    "/codes": codes,
    "/die": die,
    "/orphan": orphan,
    "/process": process,
    "/start": start,
    "/state": state,
}
