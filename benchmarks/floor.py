"""The floor: fixed bytes written by a bare uvloop protocol that parses nothing.

It costs what the kernel and uvloop cost; no server on this loop can cost less. It knows a request only by its
last byte, so it serves the rows of `benchmarks.apps.FIXED` and nothing else.
"""

import argparse
import asyncio
import ssl
from typing import cast

import uvloop

from benchmarks.apps import FIXED

_HEAD = b"HTTP/1.1 200 OK\r\nserver: floor\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n"


class Floor(asyncio.Protocol):
    """Writes `answer` whenever the received bytes end with `last`."""

    def __init__(self, answer: bytes, last: int) -> None:
        self.answer = answer
        self.last = last

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self.write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        if data[-1] == self.last:
            self.write(self.answer)


async def _serve(app: str, port: int, context: ssl.SSLContext | None) -> None:
    body, end = FIXED[app]
    answer = _HEAD % len(body) + body
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Floor(answer, end[0]), "127.0.0.1", port, ssl=context)
    await server.serve_forever()


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor")
    parser.add_argument("app", choices=sorted(FIXED))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certfile")
    parser.add_argument("--keyfile")
    options = parser.parse_args()
    context = None
    if options.certfile:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certfile, options.keyfile)
    uvloop.run(_serve(options.app, options.port, context))


if __name__ == "__main__":
    main()
