"""ASGI 2 and WSGI applications behind the interface of ASGI 3."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from esg_core.app.asgi2 import ASGI2Adapter
from esg_core.app.wsgi import wsgi_adapter
from esg_core.asgi import Application, Message, Receive, Scope, Send
from esg_core.errors import UsageError

HTTP_SCOPE: Scope = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/app/a b",
    "raw_path": b"/app/a%20b",
    "query_string": b"x=1",
    "root_path": "/app",
    "headers": [(b"host", b"example.com"), (b"content-length", b"4"), (b"x-two", b"a"), (b"x-two", b"b")],
    "client": ("198.51.100.7", 1234),
    "server": ("example.com", 443),
}


def call(app: Application, scope: Scope, *received: Message) -> list[Message]:
    """Call an application once and return what it sent."""
    waiting = list(received)
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def main() -> None:
        await app(scope, receive, send)

    asyncio.run(main())
    return sent


# ASGI 2


def test_an_asgi2_application_gets_scope_first_and_the_channels_after() -> None:
    class Echo:
        def __init__(self, scope: Scope) -> None:
            self.scope = scope

        async def __call__(self, receive: Receive, send: Send) -> None:
            await send({"type": self.scope["type"], "echo": await receive()})

    assert call(ASGI2Adapter(Echo), {"type": "http"}, {"type": "in"}) == [{"type": "http", "echo": {"type": "in"}}]


@pytest.mark.parametrize("when", ["made", "called"])
def test_errors_of_an_asgi2_application_come_through(when: str) -> None:
    def app(scope: Scope) -> Callable[[Receive, Send], Any]:
        if when == "made":
            raise LookupError(when)
        return instance

    async def instance(receive: Receive, send: Send) -> None:
        raise LookupError(when)

    with pytest.raises(LookupError, match=when):
        call(ASGI2Adapter(app), {"type": "http"})


# WSGI


def test_a_wsgi_application_is_served_in_a_thread() -> None:
    environs: list[dict[str, Any]] = []
    threads: list[threading.Thread] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environs.append(environ)
        threads.append(threading.current_thread())
        body = environ["wsgi.input"].read(4)
        start_response("201 Created", [("Content-Type", "text/plain"), ("X-A", "b")])
        return [b"got ", body]

    sent = call(wsgi_adapter(app), HTTP_SCOPE, {"type": "http.request", "body": b"spam", "more_body": False})
    assert sent[0]["status"] == 201
    assert sent[0]["headers"] == [(b"content-type", b"text/plain"), (b"x-a", b"b")]
    assert b"".join(message["body"] for message in sent[1:]) == b"got spam"
    assert threads[0] is not threading.main_thread()
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/app",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "x=1",
        "REMOTE_ADDR": "198.51.100.7",
        "SERVER_NAME": "example.com",
        "SERVER_PORT": "443",
        "HTTP_HOST": "example.com",
        "HTTP_X_TWO": "a,b",
        "CONTENT_LENGTH": "4",
        "wsgi.url_scheme": "https",
    }
    assert {name: environs[0][name] for name in wanted} == wanted


def test_a_wsgi_application_has_a_lifespan_that_does_nothing() -> None:
    """Rule L-1: `lifespan=on` works with WSGI too."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise AssertionError

    sent = call(wsgi_adapter(app), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_without_a2wsgi_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "a2wsgi", None)
    with pytest.raises(UsageError) as caught:
        wsgi_adapter(lambda environ, start_response: [])
    assert "pip install a2wsgi" in str(caught.value)
    assert "pip install a2wsgi" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a2wsgi_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, esg_core.app.wsgi; sys.exit('a2wsgi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
