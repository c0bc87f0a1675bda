"""The smallest application: one answer to every request.

Run it with:  esg examples.hello:app
Try it with:  curl http://127.0.0.1:8000/
"""

from esg_core.asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `Hello, world!`."""
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"14")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello, world!\n"})
