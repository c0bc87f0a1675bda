"""Real frameworks whose handlers are late, or work for a client that has left (rules H-24 and H-25)."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.support.e2e.server import PATIENCE, Server
from tests.support.http.sockets import Client as SocketClient
from tests.support.ws.memory import REQUEST

pytestmark = pytest.mark.slow

APPS = "tests.e2e.apps.late"
NATIVE = ("--http", "httptools", "--loop", "uvloop")
PURE = ("--http", "h11", "--loop", "asyncio")

SLOW = {
    "starlette": ("starlette_app:app", NATIVE),
    "starlette-behind": ("starlette_app:behind", PURE),
    "fastapi": ("fastapi_app:app", PURE),
    "quart": ("quart_app:app", NATIVE),
    "django": ("django_app:app", NATIVE),
}


@contextmanager
def client_of(server: Server, *, http2: bool = False) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, http1=not http2, http2=http2, timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("name", SLOW)
def test_h24_a_slow_handler_is_cancelled(name: str) -> None:
    """H-24: also one that its framework runs in a task of its own; nothing is logged as an error."""
    app, stack = SLOW[name]
    with Server(f"{APPS}.{app}", "--timeout-response", "0.5", *stack) as server:
        for http2 in (False, True):
            with client_of(server, http2=http2) as client:
                assert client.get("/slow").status_code == 504
        assert server.stop() == 0, server.output
    assert server.lines.count("slow: cancelled") == 2
    assert "ERROR" not in server.output, server.output
    assert "Traceback" not in server.output, server.output


def test_h24_handlers_of_every_kind_in_a_worker() -> None:
    """H-24: those that catch the cancellation, ignore it, wait for a thread, stream, or have work afterwards."""
    with Server(f"{APPS}.starlette_app:app", "--timeout-response", "2", "--workers", "1") as server:
        with client_of(server) as client:
            response = client.get("/catches")
            assert (response.status_code, response.text) == (200, "half of it")
            assert client.get("/in_thread").status_code == 504
            assert client.get("/release").text == "released"
            server.wait_for("thread: done")
            response = client.get("/streams")
            assert (response.status_code, response.text) == (200, "firstlast")
            assert client.get("/rests").text == "soon"
            server.wait_for("background: done")
            with pytest.raises(httpx.ReadError):
                client.get("/deaf")
        said = server.wait_for(r"cut off a call that ignores its cancellation \(timeout-response\): GET /deaf: (.*)")
        assert ", called by deaf() in starlette_app.py:" in said[1]
        with client_of(server) as client:
            assert client.get("/release").text == "released"
        server.wait_for("deaf: done")
        assert server.stop() == 0, server.output


@pytest.mark.parametrize("stack", [NATIVE, PURE], ids=["native", "pure"])
def test_h25_a_call_of_a_departed_client_is_cancelled(stack: tuple[str, ...]) -> None:
    """H-25: of a request and of a WebSocket; others are served."""
    with Server(f"{APPS}.starlette_app:app", "--timeout-disconnected", "0.5", *stack) as server:
        with server.connect() as leaving:
            SocketClient(leaving).send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            server.wait_for("slow: began")
        with client_of(server) as client:
            assert client.get("/rests").text == "soon"
        server.wait_for("slow: cancelled")
        with server.connect() as leaving:
            SocketClient(leaving).send(REQUEST.replace(b"/chat?room=1", b"/socket") + b"\r\n")
            server.wait_for("socket: began")
        server.wait_for("socket: cancelled")
        assert server.stop() == 0, server.output
    assert "ERROR" not in server.output, server.output
