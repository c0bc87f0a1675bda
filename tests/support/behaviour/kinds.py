"""Every kind of HTTP/1.1 response, for the rules that apply to all of them (H-1, H-2, R-1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esg_core.asgi import Application, Receive, Scope, Send
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.asking import read_body
from tests.support.http.client import Response, read_responses
from tests.support.http.memory import MemoryServer

hello = sends(start(headers=[(b"content-type", b"text/plain"), *length(b"5")]), body(b"hello"))
in_parts = sends(start(), body(b"hel", more_body=True), body(b"lo"))
a_file = sends(start(), {"type": "http.response.pathsend", "path": __file__})


async def reads(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole request before it answers."""
    try:
        await read_body(receive)
    except ConnectionError:
        return
    await hello(scope, receive, send)


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    """Raises an error that only its traceback keeps alive."""
    raise ValueError("broken")


async def fails_after_start(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    raise ValueError("broken")


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Returns without a response while the client is there."""
    await receive()
    await receive()


@dataclass(frozen=True)
class Kind:
    """A request and the status of the response to it.

    `seconds` pass before it comes. `beside` is sent first, on another connection. `by_server`: the response is the
    server's own, not the application's.
    """

    id: str
    status: int
    data: bytes = get()
    app: Application = hello
    seconds: float = 0
    beside: bytes = b""
    by_server: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def written(self, parser: str, **options: Any) -> bytes:
        """The bytes that a server with these additional options writes."""
        with MemoryServer(self.app, parser, **{**self.options, **options}) as server:
            other, transport = server.connect(), server.connect()
            other.feed(self.beside)
            server.loop.settle()
            transport.feed(self.data)
            server.loop.advance(self.seconds)
            return bytes(transport.written)

    def response(self, parser: str, **options: Any) -> Response:
        """The final response of a server with these additional options."""
        method = self.data.partition(b" ")[0].decode("latin-1")
        written = self.written(parser, **options)
        [response] = [response for response in read_responses(written, iter([method])) if response.status >= 200]
        assert response.status == self.status
        return response


def by_server(kind: str, status: int, data: bytes = get(), app: Application = reads, **more: Any) -> Kind:
    return Kind(kind, status, data, app, by_server=True, **more)


KINDS = (
    Kind("length", 200),
    Kind("chunked", 200, app=in_parts),
    Kind("empty", 200, app=sends(start(), body())),
    Kind("length-0", 200, app=sends(start(headers=length(b"0")), body())),
    Kind("unknown-status", 299, app=sends(start(299), body())),
    Kind("not-found", 404, app=sends(start(404), body(b"no"))),
    Kind("unavailable", 503, app=sends(start(503), body(b"later"))),
    Kind("no-content", 204, app=sends(start(204), body())),
    Kind("not-modified", 304, app=sends(start(304), body())),
    Kind("head", 200, head(b"HEAD / HTTP/1.1", b"Host: t")),
    Kind("head-chunked", 200, head(b"HEAD / HTTP/1.1", b"Host: t"), in_parts),
    Kind("http-1.0", 200, head(b"GET / HTTP/1.0")),
    Kind("http-1.0-in-parts", 200, head(b"GET / HTTP/1.0"), in_parts),
    Kind("client-closes", 200, get(b"Connection: close")),
    Kind("client-keeps", 200, get(b"Connection: keep-alive")),
    Kind("application-closes", 200, app=sends(start(headers=[(b"connection", b"close")]), body(b"x"))),
    Kind("upload", 200, post(b"Content-Length: 5", body=b"hello"), reads),
    Kind("upload-unread", 200, post(b"Content-Length: 5", body=b"h")),
    Kind("upload-unread-large", 200, post(b"Content-Length: 5000000", body=b"h")),
    Kind("continue", 200, post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"), reads),
    Kind("file", 200, app=a_file),
    Kind(
        "trailers",
        200,
        get(b"TE: trailers"),
        sends(start(trailers=True), body(b"x"), {"type": "http.response.trailers"}),
    ),
    by_server("fails", 500, app=fails),
    by_server("fails-on-head", 500, head(b"HEAD / HTTP/1.1", b"Host: t"), fails),
    by_server("fails-on-http-1.0", 500, head(b"GET / HTTP/1.0"), fails),
    by_server("fails-after-start", 500, app=fails_after_start),
    by_server("no-response", 500, app=sends()),
    by_server("bad-header", 500, app=sends(start(headers=[(b"x", b"a\r\nb")]))),
    by_server("bad-request", 400, head(b"GET / HTTP/1.1")),
    by_server("bad-line", 400, b"\0\r\n"),
    by_server("bad-chunk", 400, chunked(b"x\r\n")),
    by_server("bad-chunk-later", 400, chunked(b"1\r\nx\r\nx\r\n")),
    by_server("late-head", 408, b"GET / HTTP/1.1\r\n", seconds=16),
    by_server("late-body", 408, post(b"Content-Length: 5", body=b"h"), seconds=301),
    by_server("large-body", 413, post(b"Content-Length: 11"), options={"limit_request_body": 10}),
    by_server("large-chunks", 413, chunked(b"5\r\nhello\r\n6\r\nhello!\r\n"), options={"limit_request_body": 10}),
    by_server("long-line", 414, get(target=b"/" + b"a" * 17000)),
    by_server("large-head", 431, get(b"a: " + b"b" * 66000)),
    by_server("many-fields", 431, get(*[b"a: b"] * 128)),
    by_server("connect", 501, head(b"CONNECT t:1 HTTP/1.1", b"Host: t:1")),
    by_server("coding", 501, post(b"Transfer-Encoding: gzip, chunked")),
    by_server("version", 505, head(b"GET / HTTP/3.0", b"Host: t")),
    by_server("too-many", 503, app=waits, beside=get(), options={"limit_concurrency": 1}),
    by_server("healthy", 200, get(target=b"/__esg_health__"), options={"health": True}),
    by_server("not-ready", 503, get(target=b"/__esg_ready__"), options={"health": True}),
    by_server("health-posted", 405, head(b"POST /__esg_health__ HTTP/1.1", b"Host: t"), options={"health": True}),
)
