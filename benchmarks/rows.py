"""The table of rows: the request, the load, and the answer that it must get.

A new row is a new entry of `ROWS`; nothing else needs to know it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.apps import BIG, HELLO, HUGE, PART, PARTS, POSTED
from benchmarks.loads import H2Load, Load, WebSocketLoad, Wrk

PEERS = ("esg", "uvicorn", "granian", "hypercorn", "gunicorn")
OF_HTTP = (*PEERS, "fastpysgi")
"""Those of requests over HTTP/1.1 without an access log, which is all that fastpysgi does."""

WITH_FLOOR = (*OF_HTTP, "floor")
OF_WSGI = ("esg", "uvicorn", "granian", "gunicorn")
"""Those that run a WSGI application in threads of one process, as many as they are told."""

WITH_DEFLATE = ("esg", "uvicorn", "hypercorn")
"""The servers that compress WebSocket messages."""


@dataclass(frozen=True, slots=True)
class Question:
    """The request that is sent before the load, and the body that answers it with status 200."""

    answer: bytes
    method: str = "GET"
    body: bytes | None = None
    path: str = "/"
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison."""

    name: str
    title: str
    app: str
    question: Question
    load: Load = field(default_factory=Wrk)
    servers: tuple[str, ...] = PEERS
    access_log: bool = False
    tls: bool = False
    wsgi: bool = False

    @property
    def websocket(self) -> bool:
        """Whether it needs WebSocket, which some servers can do without."""
        return isinstance(self.load, WebSocketLoad)

    @property
    def http2(self) -> bool:
        """Whether it needs HTTP/2, which must be switched on in some servers."""
        return isinstance(self.load, H2Load)


_HELLO = ("benchmarks.apps:hello", Question(HELLO))
_JSON = Question(b'{"name":"benchmark","number":42}')
_JSON_LINE = Question(_JSON.answer + b"\n")

_ALL = (
    Row("get", "GET, 13 bytes", *_HELLO, servers=WITH_FLOOR),
    Row("headers", "GET with 11 browser headers", *_HELLO, Wrk("browser.lua"), WITH_FLOOR),
    Row("get-10k", "GET, 10 KiB", "benchmarks.apps:big", Question(BIG), servers=WITH_FLOOR),
    Row(
        "post-10k",
        "POST, 10 KiB echoed",
        "benchmarks.apps:echo",
        Question(POSTED, "POST", POSTED),
        Wrk("post.lua"),
        WITH_FLOOR,
    ),
    Row("log", "GET, access log on", *_HELLO, access_log=True),
    Row("tls", "GET over TLS", *_HELLO, servers=WITH_FLOOR, tls=True),
    Row("tls-get-10k", "GET over TLS, 10 KiB", "benchmarks.apps:big", Question(BIG), tls=True),
    Row("tls-get-1m", "GET over TLS, 1 MiB", "benchmarks.apps:huge", Question(HUGE), tls=True),
    Row(
        "tls-post-10k",
        "POST over TLS, 10 KiB echoed",
        "benchmarks.apps:echo",
        Question(POSTED, "POST", POSTED),
        Wrk("post.lua"),
        tls=True,
    ),
    Row(
        "stream", f"Chunked stream of {PARTS} parts", "benchmarks.apps:stream", Question(PART * PARTS), servers=OF_HTTP
    ),
    Row("fastapi", "FastAPI, JSON route", "benchmarks.app_fastapi:app", _JSON, servers=OF_HTTP),
    Row("starlette", "Starlette, JSON route", "benchmarks.app_starlette:app", _JSON, servers=OF_HTTP),
    Row("flask", "Flask, JSON route", "benchmarks.app_flask:app", _JSON_LINE, servers=OF_WSGI, wsgi=True),
)

_ECHOES = {"ws-64": ("64 bytes", 64), "ws-4k": ("4 KiB", 4096), "ws-64k": ("64 KiB", 65536)}
_DEFLATE = "-deflate"


def _websocket_rows() -> Iterator[Row]:
    """Echoes of three sizes and a broadcast, each with and without compression."""
    for ending, said, servers in (("", "", PEERS), (_DEFLATE, ", compressed", WITH_DEFLATE)):
        for name, (words, size) in _ECHOES.items():
            load = WebSocketLoad(size, deflate=bool(ending))
            title = f"WebSocket, {words} echoed{said}"
            yield Row(name + ending, title, "benchmarks.apps:websocket_echo", _HELLO[1], load, servers)
        load = WebSocketLoad(64, connections=32, deflate=bool(ending), broadcast=True)
        title = f"WebSocket, 64 bytes to 32 clients{said}"
        yield Row(f"ws-broadcast{ending}", title, "benchmarks.apps:websocket_broadcast", _HELLO[1], load, servers)


def _http2_rows() -> Iterator[Row]:
    """Each request over 8 connections with 10 streams, and over one with 100."""
    big, huge = ("benchmarks.apps:big", Question(BIG)), ("benchmarks.apps:huge", Question(HUGE))
    posted = ("benchmarks.apps:echo", Question(POSTED, "POST", POSTED))
    streamed = ("benchmarks.apps:stream", Question(PART * PARTS))
    for ending, said, connections, streams in (("", "8 x 10 streams", 8, 10), ("-1", "1 x 100 streams", 1, 100)):
        plain = H2Load(connections, streams)
        browser = H2Load(connections, streams, headers="browser.headers")
        post = H2Load(connections, streams, body=POSTED)
        yield Row(f"h2-get{ending}", f"HTTP/2, GET, 13 bytes, {said}", *_HELLO, plain)
        yield Row(f"h2-headers{ending}", f"HTTP/2, GET with browser headers, {said}", *_HELLO, browser)
        yield Row(f"h2-get-10k{ending}", f"HTTP/2, GET, 10 KiB, {said}", *big, plain)
        yield Row(f"h2-get-1m{ending}", f"HTTP/2, GET, 1 MiB, {said}", *huge, plain)
        yield Row(f"h2-post-10k{ending}", f"HTTP/2, POST, 10 KiB echoed, {said}", *posted, post)
        yield Row(f"h2-stream{ending}", f"HTTP/2, stream of {PARTS} parts, {said}", *streamed, plain)


ROWS = {row.name: row for row in (*_ALL, *_http2_rows(), *_websocket_rows())}
QUICK = tuple(ROWS)[:4]
