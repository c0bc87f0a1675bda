"""Large bodies in both directions without holding them in memory.

Run it with:  esg examples.upload:app --limit-request-body 1073741824
Try it with:  curl --data-binary @FILE http://127.0.0.1:8000/          (size and digest of what was sent)
              curl --data-binary @FILE http://127.0.0.1:8000/echo      (the same bytes back, while they arrive)
"""

import hashlib
import json
from collections.abc import AsyncIterator

from esg_core.asgi import Receive, Scope, Send


async def body(receive: Receive) -> AsyncIterator[bytes]:
    """The parts of the request's body as they arrive. Raises ConnectionError if the client goes away meanwhile."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away before its upload was complete")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def digest(receive: Receive, send: Send) -> None:
    """Answer with the size and the SHA-256 of the body."""
    size, sha256 = 0, hashlib.sha256()
    async for part in body(receive):
        size += len(part)
        sha256.update(part)
    answer = json.dumps({"size": size, "sha256": sha256.hexdigest()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})


async def echo(receive: Receive, send: Send) -> None:
    """Send each part back as soon as it has come; `send()` waits while the client does not read."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for part in body(receive):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Digest, or echo on the path `/echo`."""
    assert scope["type"] == "http"
    await (echo if scope["path"] == "/echo" else digest)(receive, send)
