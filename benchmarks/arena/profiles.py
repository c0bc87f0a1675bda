"""The table of profiles: the requests of each, their answers, and which servers cannot serve it.

HttpArena runs them with 512 connections and more on 64 cores; here a server has one core, and there are fewer.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import replace

from benchmarks.arena.data import SIZES, content, listing
from benchmarks.loads import H2Load, WebSocketLoad, Wrk
from benchmarks.rows import Question, Row

SERVERS = ("esg", "uvicorn", "granian", "hypercorn", "gunicorn", "fastpysgi")

CANNOT = {
    ("fastpysgi", "WebSocket"): "does not speak WebSocket",
    ("fastpysgi", "HTTP/2"): "does not speak HTTP/2",
}
"""Server and protocol -> why there is no figure."""

_APP = "benchmarks.arena.app:app"
_GZIP = "gzip, br"
_COUNTS = {1: 3, 5: 7, 10: 2, 15: 5, 25: 4, 40: 8, 50: 6}
"""How many items are asked for, and the factor of their totals."""

_UPLOADS = (500 << 10, 2 << 20, 10 << 20, 20 << 20)
_IN_A_PIPELINE = 16
_OF_A_CONNECTION = 10


def _request(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def _sums(*fields: str) -> tuple[bytes, ...]:
    """GET, POST with a length, and POST in chunks."""
    path = "/baseline?a=13&b=42"
    return (
        _request(path, *fields),
        _request(path, "Content-Length: 2", *fields, method="POST", body=b"20"),
        _request(path, "Transfer-Encoding: chunked", *fields, method="POST", body=b"2\r\n20\r\n0\r\n\r\n"),
    )


def _short() -> tuple[bytes, ...]:
    """The same, and each tenth ends its connection."""
    cycle = [*_sums() * _OF_A_CONNECTION]
    for at in range(_OF_A_CONNECTION - 1, len(cycle), _OF_A_CONNECTION):
        cycle[at] = _sums("Connection: close")[at % 3]
    return tuple(cycle)


def _paths(counts: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"/json/{count}?m={_COUNTS[count]}" for count in counts)


def _items(*fields: str, counts: Iterable[int] = _COUNTS) -> tuple[bytes, ...]:
    return tuple(_request(path, *fields) for path in _paths(counts))


def _question(count: int, accepted: str = "") -> Question:
    """With the answer as `app.items` makes it."""
    body = json.dumps(listing(count, _COUNTS[count])).encode()
    answer = zlib.compress(body, 1, wbits=31) if accepted else body
    return Question(answer, path=_paths([count])[0], fields={"Accept-Encoding": accepted} if accepted else {})


def _uploads() -> tuple[bytes, ...]:
    return tuple(_request("/upload", f"Content-Length: {size}", method="POST", body=bytes(size)) for size in _UPLOADS)


_SUM = Question(b"55", path="/baseline?a=13&b=42")
_SMALL = Question(b"2", path="/baseline?a=1&b=1")
_FIRST = next(iter(SIZES))
_FILE = Question(content(_FIRST), path=f"/static/{_FIRST}")
_STATIC = tuple(_request(f"/static/{name}", "Accept-Encoding: br;q=1, gzip;q=0.8") for name in SIZES)
_H2_SMALL = H2Load(8, 100, paths=(_SMALL.path,))

_ALL = (
    Row("baseline", "GET and POST, small", _APP, _SUM, Wrk(requests=_sums())),
    Row(
        "pipelined",
        f"pipelines of {_IN_A_PIPELINE} GETs",
        _APP,
        Question(b"ok", path="/pipeline"),
        Wrk(requests=(_request("/pipeline") * _IN_A_PIPELINE,)),
    ),
    Row("limited-conn", f"as baseline, {_OF_A_CONNECTION} requests a connection", _APP, _SUM, Wrk(requests=_short())),
    Row("json", "1 to 50 items as JSON", _APP, _question(50), Wrk(requests=_items())),
    Row(
        "json-comp",
        "25 to 50 items as JSON, gzip",
        _APP,
        _question(50, _GZIP),
        Wrk(requests=_items(f"Accept-Encoding: {_GZIP}", counts=(25, 40, 50))),
    ),
    Row("json-tls", "as json, over TLS", _APP, _question(50), Wrk(requests=_items()), tls=True),
    Row(
        "upload",
        "POST of 500 KiB to 20 MiB",
        _APP,
        Question(b"65536", "POST", bytes(1 << 16), "/upload"),
        Wrk(connections=8, requests=_uploads()),
    ),
    Row("static", "20 files of 3 to 300 KiB", _APP, _FILE, Wrk(requests=_STATIC)),
    Row("echo-ws", "WebSocket, 5 bytes echoed", _APP, _SUM, WebSocketLoad(5)),
    Row("baseline-h2", "HTTP/2 over TLS, 8 x 100 streams", _APP, _SMALL, _H2_SMALL, tls=True),
    Row("baseline-h2c", "HTTP/2 in cleartext, 8 x 100 streams", _APP, _SMALL, _H2_SMALL),
    Row(
        "json-h2c",
        "as json, HTTP/2 in cleartext, 8 x 32 streams",
        _APP,
        _question(50),
        H2Load(8, 32, paths=_paths(_COUNTS)),
    ),
)


def reason(server: str, row: Row) -> str:
    """Why a server cannot serve a profile; empty if it can."""
    protocol = "HTTP/2" if row.http2 else "WebSocket" if row.websocket else ""
    return CANNOT.get((server, protocol), "")


PROFILES = {row.name: replace(row, servers=tuple(each for each in SERVERS if not reason(each, row))) for row in _ALL}
