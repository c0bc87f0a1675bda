"""An ESG that reports its counters and what its process holds: `/stats` now, `/history` since `/watch`."""

import asyncio
import gc
import json
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

import esg_http
from benchmarks.apps import Message, Receive, Send
from benchmarks.overload.apps import answer, app

LOOK = 0.05
"""Seconds between two entries of the history."""

SEND_BUFFER = 65536
"""Bytes of a response that the kernel takes: otherwise it takes megabytes, and no response here would stay unread."""

NOTED = ("limit", "inflight", "queued", "elu")


class Observed:
    """The application of the experiments, and the questions that can be asked about its server."""

    server: esg_http.HTTPServer

    def __init__(self) -> None:
        self._history: list[dict[str, Any]] = []
        self._watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a question about the server, or leave the request to the application."""
        question = {"/stats": self._stats, "/watch": self._watch, "/history": self._end_watch}.get(scope["path"])
        if question is None:
            await app(scope, receive, send)
        else:
            await answer(send, json.dumps(question()).encode())

    def _stats(self) -> dict[str, Any]:
        gc.collect()
        return {**self.server.stats(), "tasks": len(asyncio.all_tasks()), "rss": _rss()}

    def _watch(self) -> str:
        self._history.clear()
        self._watching = asyncio.create_task(self._look())
        return "watching"

    def _end_watch(self) -> list[dict[str, Any]]:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        return self._history

    async def _look(self) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                figures = self.server.stats()
                self._history.append({"time": time.monotonic(), **{name: figures[name] for name in NOTED}})
                await asyncio.sleep(LOOK)


async def main(port: int, settings: dict[str, Any]) -> None:
    """Serve until the process is told to end."""
    observed = Observed()
    listener = socket.create_server(("127.0.0.1", port))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    observed.server = await esg_http.start_server(observed, sock=listener, lifespan="off", access_log=False, **settings)
    await observed.server.serve_forever()


def _rss() -> int:
    """Bytes of resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))
