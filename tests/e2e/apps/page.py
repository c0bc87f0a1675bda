"""A page of 30 scripts and images, each of which reports over which connection it came."""

import json

from esg_core.asgi import Receive, Scope, Send

PARTS = 30
PAGE = "<!doctype html><title>parts</title><script>const parts = [];</script>" + "".join(
    [f'<script src="/part/{number}" async></script>' for number in range(PARTS)]
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/part/N` is a script that records its request; its 20 KB are more than a frame."""
    assert scope["type"] == "http"
    kind, body = b"text/html", PAGE.encode()
    if scope["path"].startswith("/part/"):
        seen = {"path": scope["path"], "client": scope["client"], "version": scope["http_version"]}
        kind, body = b"text/javascript", f"parts.push({json.dumps(seen)}); //{'x' * 20000}".encode()
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
