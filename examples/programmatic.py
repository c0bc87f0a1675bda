"""A server that runs inside a program, as long as the program wants: for notebooks, tests and tools.

Run it with:  python examples/programmatic.py

It starts a server on a free port, sends it a request and stops it. If serving is all that a program does,
`esg.run("module:app", port=8000)` does all of it in one call.
"""

import asyncio
import urllib.request

import esg
from esg_core.asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path that was asked for."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def fetch(url: str) -> str:
    """The body of the response to a GET; blocking, as most clients are."""
    with urllib.request.urlopen(url, timeout=5) as response:
        body: bytes = response.read()
        return body.decode()


async def main() -> None:
    """Serve, send a request, stop."""
    server = esg.Server(esg.Config(app, port=0, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await server.started
    print(await asyncio.to_thread(fetch, f"{server.urls[0]}/hello"))
    server.shutdown()
    await serving


if __name__ == "__main__":
    asyncio.run(main())
