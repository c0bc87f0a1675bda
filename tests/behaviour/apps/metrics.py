"""An application that counts with prometheus_client, as its documentation says for several processes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from esg_core.asgi import Receive, Scope, Send
from tests.behaviour.apps import lifecycle

HITS = Counter("hits", "Hits.", ["kind"])
TOOK = Histogram("took", "Seconds.", buckets=(1, 2, 4))
ALIVE = Gauge("alive", "Processes that serve.", multiprocess_mode="livesum")


def hit() -> bytes:
    HITS.labels("plain").inc()
    TOOK.observe(1.5)
    return b""


def metrics() -> bytes:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


def own() -> bytes:
    """What an application exposes that knows nothing of other processes."""
    return generate_latest(REGISTRY)


def directory() -> bytes:
    path = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    names = sorted(file.name for file in Path(path).iterdir()) if path else []
    mode = Path(path).parent.stat().st_mode & 0o777 if path else None
    return json.dumps({"path": path, "names": names, "mode": mode}).encode()


ROUTES: dict[str, Callable[[], bytes]] = {"/hit": hit, "/metrics": metrics, "/own": own, "/directory": directory}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        ALIVE.set(1)
        await lifecycle.lifespan(receive, send)
        return
    try:
        status, body = 200, ROUTES[scope["path"]]()
    except Exception as error:  # noqa: BLE001 - as a framework does
        status, body = 500, repr(error).encode()
    headers = [(b"pid", b"%d" % os.getpid()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
