"""An application that does to its process, by path, what no application should."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from esg_core.asgi import Receive, Scope, Send

LEFT: set[Any] = set()
"""Keeps tasks that are left behind from being collected."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await fork_in_a_websocket(receive, send)
    else:
        await ROUTES[scope["path"]](send)


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    if os.environ.get("FORK_IN_LIFESPAN") and os.fork() == 0:
        sys.exit(0)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("shutdown", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def respond(send: Send, body: bytes = b"hello") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


# Processes.


async def fork_in_a_websocket(receive: Receive, send: Send) -> None:
    """Children that exit or return while the connection is open."""
    await receive()
    await send({"type": "websocket.accept"})
    for exits in (True, False):
        child = os.fork()
        if child == 0:
            if exits:
                sys.exit(7)
            return
        await send({"type": "websocket.send", "text": str(await _exit_code(child))})


async def fork_answers(send: Send) -> None:
    """A child that goes on as if it were its parent, and so would answer a second time."""
    child = os.fork()
    await respond(send, b"%d" % (await _exit_code(child) if child else 0))


async def fork_after_the_response(send: Send) -> None:
    """A child, forked in background work, that just returns."""
    await respond(send)
    child = os.fork()
    if child:
        print(f"the child ended with {await _exit_code(child)}", flush=True)


async def fork_leaves(send: Send) -> None:
    """A child that ends as forked children should."""
    child = os.fork()
    if child == 0:
        os._exit(3)
    await respond(send, b"%d" % await _exit_code(child))


async def fork_exits(send: Send) -> None:
    """A child that ends as programs do, inside the event loop of its parent."""
    child = os.fork()
    if child == 0:
        sys.exit(7)
    await respond(send, b"%d" % await _exit_code(child))


async def fork_raises(send: Send) -> None:
    child = os.fork()
    if child == 0:
        raise RuntimeError("the child has failed")
    await respond(send, b"%d" % await _exit_code(child))


async def fork_returns(send: Send) -> None:
    """A child that forgets to end."""
    child = os.fork()
    if child:
        await respond(send, b"%d" % await _exit_code(child))


async def _exit_code(child: int) -> int:
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    return os.waitstatus_to_exitcode(status)


async def run_program(send: Send) -> None:
    """Programs that are run in both ways; the second one waits for the loop to stop watching children."""
    first = await asyncio.to_thread(subprocess.run, ["echo", "one"], stdout=subprocess.PIPE, check=True)
    second = await asyncio.create_subprocess_exec("echo", "two", stdout=subprocess.PIPE)
    said, _ = await second.communicate()
    await respond(send, (first.stdout + said).replace(b"\n", b" "))


async def leave(send: Send) -> None:
    os._exit(9)


# The event loop.


async def stop_loop(send: Send) -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.2)
    await respond(send)


async def close_loop(send: Send) -> None:
    asyncio.get_running_loop().close()


async def leak_tasks(send: Send) -> None:
    """Tasks that are never awaited, among them one that fails."""
    LEFT.update(asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(100))
    asyncio.ensure_future(_fail()).set_name("lost")
    await respond(send)


async def _fail() -> None:
    raise RuntimeError("this is never awaited")


async def fail_in_a_callback(send: Send) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(sys.exit, 5)
    await asyncio.sleep(0.2)
    await respond(send)


async def exit_in_a_task(send: Send) -> None:
    async def exits() -> None:
        sys.exit(5)

    LEFT.add(asyncio.ensure_future(exits()))
    await asyncio.sleep(0.2)
    await respond(send)


async def interrupt_itself(send: Send) -> None:
    raise KeyboardInterrupt


# The process.


async def replace_stdout(send: Send) -> None:
    sys.stdout = io.StringIO()
    await respond(send)


async def change_directory(send: Send) -> None:
    os.chdir("/")
    await respond(send)


async def ignore_signals(send: Send) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    await respond(send)


async def recurse(send: Send) -> None:
    await recurse(send)


async def group(send: Send) -> None:
    raise BaseExceptionGroup("several", [KeyboardInterrupt(), SystemExit(4), ValueError("inner")])


async def hello(send: Send) -> None:
    await respond(send)


ROUTES: dict[str, Callable[[Send], Awaitable[None]]] = {
    "/": hello,
    "/change-directory": change_directory,
    "/close-loop": close_loop,
    "/exit-in-a-task": exit_in_a_task,
    "/fail-in-a-callback": fail_in_a_callback,
    "/fork-after-the-response": fork_after_the_response,
    "/fork-answers": fork_answers,
    "/fork-exits": fork_exits,
    "/fork-leaves": fork_leaves,
    "/fork-raises": fork_raises,
    "/fork-returns": fork_returns,
    "/group": group,
    "/ignore-signals": ignore_signals,
    "/interrupt-itself": interrupt_itself,
    "/leak-tasks": leak_tasks,
    "/leave": leave,
    "/recurse": recurse,
    "/replace-stdout": replace_stdout,
    "/run-program": run_program,
    "/stop-loop": stop_loop,
}
