"""An asyncio program with its own HTTP port. Needs only the packages esg-core and esg-http.

Run it with:  python examples/embed_http.py 8000
Try it with:  curl http://127.0.0.1:8000/

The program owns the loop, the signals and the log; `esg_http.start_server()` touches none of them and returns what
`asyncio.start_server()` would.
"""

import asyncio
import json
import signal
import sys

import esg_http
from esg_core.asgi import Application, Receive, Scope, Send


class Thermometer:
    """The work of the program, which goes on with or without requests."""

    def __init__(self) -> None:
        self.readings = 0

    async def measure(self) -> None:
        """Take a reading ten times a second, forever."""
        while True:
            self.readings += 1
            await asyncio.sleep(0.1)


def status_page(thermometer: Thermometer) -> Application:
    """An ASGI application that reports how the work is going."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = json.dumps({"readings": thermometer.readings}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    return app


async def main(port: int) -> None:
    """Work, and answer on `port` of the loopback, until SIGINT or SIGTERM."""
    thermometer = Thermometer()
    work = asyncio.create_task(thermometer.measure())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)

    server = await esg_http.start_server(status_page(thermometer), "127.0.0.1", port)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}/", flush=True)
    async with server:
        await asyncio.wait([work])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
