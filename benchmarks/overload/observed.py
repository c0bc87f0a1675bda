"""An ESG that tells at `/stats` what it counts, and what its process holds."""

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import uvloop

import esg_http
from benchmarks.apps import Message, Receive, Send
from benchmarks.overload.apps import app

DEADLINE = 3
"""Seconds for heads, bodies and writing: short ones, so that an experiment is."""


LIMITED: dict[str, Any] = {
    "backpressure": True,
    "backpressure_max_limit": 50,
    "backpressure_queue_timeout": 0.5,
}


async def main(port: int, settings: dict[str, Any]) -> None:
    """Serve until the process is told to end."""
    server: esg_http.HTTPServer

    async def with_figures(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] != "/stats":
            await app(scope, receive, send)
            return
        gc.collect()
        body = json.dumps({**server.stats(), "tasks": len(asyncio.all_tasks()), "rss": _rss()}).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    server = await esg_http.start_server(
        with_figures,
        port=port,
        lifespan="off",
        access_log=False,
        timeout_request_headers=DEADLINE,
        timeout_request=DEADLINE,
        timeout_write=DEADLINE,
        timeout_keep_alive=DEADLINE,
        **settings,
    )
    await server.serve_forever()


def _rss() -> int:
    """Bytes of resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), LIMITED if "limited" in sys.argv else {}))
