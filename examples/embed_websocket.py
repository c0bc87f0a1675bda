"""An asyncio program whose HTTP port speaks WebSocket. Needs only the packages esg-core, esg-http and esg-ws.

Run it with:  python examples/embed_websocket.py 8000
Try it with:  python -m websockets ws://127.0.0.1:8000/

Installing esg-ws beside esg-http is enough: `esg_http.start_server()` finds it, as it would find a third-party
implementation, and runs the application for upgrade requests too.
"""

import asyncio
import signal
import sys

import esg_http
from esg_core.asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application: repeats messages in capitals; over HTTP, it says how to talk to it."""
    if scope["type"] == "websocket":
        await shout(receive, send)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"Talk to me by WebSocket.\n"})


async def shout(receive: Receive, send: Send) -> None:
    """One conversation, to its end."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text", "").upper()})


async def main(port: int) -> None:
    """Serve on `port` of the loopback until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    server = await esg_http.start_server(app, "127.0.0.1", port, lifespan="off", ws_ping_interval=30)
    host, port = server.sockets[0].getsockname()
    print(f"ws://{host}:{port}/ and http://{host}:{port}/", flush=True)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
