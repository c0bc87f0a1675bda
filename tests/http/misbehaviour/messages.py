"""Messages in the wrong order, of the wrong types, and bodies of the wrong length."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from tests.http.misbehaviour.case import (
    ANSWERED,
    CUT,
    ENDED,
    SERVED,
    Misbehaviour,
    body,
    length,
    sends,
    start,
)


def wrong_order() -> Iterator[Misbehaviour]:
    part = body(b"part", more_body=True)
    whole = (start(), body(b"whole"))
    for name, messages, outcome, logged in (
        ("body-first", (body(b"x"),), ANSWERED, "http.response.start"),
        ("start-twice", (start(), start()), ANSWERED, "http.response.body"),
        ("start-after-part", (start(), part, start()), CUT, "http.response.body"),
        ("body-after-end", (*whole, body(b"more")), SERVED, "the response is complete"),
        ("start-after-end", (*whole, start()), SERVED, "the response is complete"),
        ("trailers-first", ({"type": "http.response.trailers", "headers": []},), ANSWERED, "http.response.start"),
        ("trailers-not-announced", (*whole, {"type": "http.response.trailers"}), SERVED, "the response is complete"),
        ("trailers-never-sent", (start(trailers=True), body(b"x")), CUT, "before its response was complete"),
        ("body-instead-of-trailers", (start(trailers=True), *whole[1:] * 2), CUT, "http.response.trailers"),
        (
            "early-hint-late",
            (start(), part, {"type": "http.response.early_hint", "links": []}),
            CUT,
            "http.response.body",
        ),
        ("pathsend-first", ({"type": "http.response.pathsend", "path": __file__},), ANSWERED, "http.response.start"),
        ("push", ({"type": "http.response.push", "path": "/", "headers": []},), ANSWERED, "http.response.push"),
        ("websocket-message", ({"type": "websocket.send", "text": "x"},), ANSWERED, "websocket.send"),
        ("lifespan-message", ({"type": "lifespan.startup.complete"},), ANSWERED, "lifespan.startup.complete"),
        ("unknown-type", ({"type": "http.response.nothing"},), ANSWERED, "http.response.nothing"),
        ("unknown-type-after-start", (start(), {"type": "nothing"}), ANSWERED, "http.response.body"),
        ("no-type", ({"status": 200},), ANSWERED, "http.response.start"),
        ("type-is-none", ({"type": None},), ANSWERED, "http.response.start"),
        ("type-is-bytes", ({"type": b"http.response.start"},), ANSWERED, "http.response.start"),
        ("type-is-a-list", ({"type": ["http.response.start"]},), ANSWERED, "http.response.start"),
        ("message-is-none", (None,), ANSWERED, "ASGI"),
        ("message-is-text", ("http.response.start",), ANSWERED, "ASGI"),
        ("message-is-a-list", ([("type", "http.response.start")],), ANSWERED, "ASGI"),
    ):
        yield Misbehaviour(f"order/{name}", sends(*messages), outcome, logged)


def wrong_status() -> Iterator[Misbehaviour]:
    for name, status in {
        "none": None,
        "text": "200",
        "bytes": b"200",
        "float": 200.0,
        "bool": True,
        "list": [200],
        "zero": 0,
        "negative": -200,
        "99": 99,
        "100": 100,
        "101": 101,
        "103": 103,
        "199": 199,
        "1000": 1000,
        "huge": 10**10,
    }.items():
        yield Misbehaviour(f"status/{name}", sends(start(status), body(b"x")), ANSWERED, "status")
    missing = sends({"type": "http.response.start", "headers": []}, body(b"x"))
    yield Misbehaviour("status/missing", missing, ANSWERED, "status")
    for status in (299, 418, 599, 999, HTTPStatus.OK):
        yield Misbehaviour(
            f"status/{int(status)}-is-fine", sends(start(status), body()), SERVED, "", status=int(status)
        )


def wrong_bodies() -> Iterator[Misbehaviour]:
    contents: dict[str, Any] = {
        "text": "hello",
        "none": None,
        "int": 5,
        "list": [104, 105],
        "list-of-bytes": [b"hello"],
        "dict": {},
        "generator": (part for part in [b"x"]),
    }
    for name, content in contents.items():
        yield Misbehaviour(f"body/{name}", sends(start(), body(content)), ANSWERED, "body must be bytes")
        app = sends(start(), body(b"part", more_body=True), body(content))
        yield Misbehaviour(f"body/{name}-after-part", app, CUT, "body must be bytes")
    for name, fine in {"bytearray": bytearray(b"hello"), "memoryview": memoryview(b"hello")}.items():
        yield Misbehaviour(f"body/{name}-is-fine", sends(start(), body(fine)), SERVED, "", body=b"hello")
    yield Misbehaviour("body/missing-is-fine", sends(start(), {"type": "http.response.body"}), SERVED, "", body=b"")


def wrong_lengths() -> Iterator[Misbehaviour]:
    five = start(headers=length(b"5"))
    for name, messages, outcome, logged in (
        ("longer", (five, body(b"hello!")), ENDED, "longer"),
        ("longer-in-parts", (five, body(b"hel", more_body=True), body(b"lo!")), ENDED, "longer"),
        ("longer-after-the-end", (five, body(b"hello", more_body=True), body(b"!")), ENDED, "longer"),
        ("longer-than-nothing", (start(headers=length(b"0")), body(b"!")), ENDED, "longer"),
        ("shorter", (five, body(b"hell")), CUT, "shorter"),
        ("shorter-in-parts", (five, body(b"he", more_body=True), body(b"ll")), CUT, "shorter"),
        ("shorter-than-nothing", (five, body()), CUT, "shorter"),
        ("shorter-and-returns", (five, body(b"hell", more_body=True)), CUT, "before its response was complete"),
    ):
        whole = b"" if name == "longer-than-nothing" else b"hello"
        expected = whole if outcome == ENDED else None
        yield Misbehaviour(f"length/{name}", sends(*messages), outcome, logged, body=expected)


def without_body() -> Iterator[Misbehaviour]:
    """Responses without a body, from an application that sends one nevertheless (rule H-3)."""
    hello = body(b"hello")
    parts = (body(b"hel", more_body=True), body(b"lo"))
    five = length(b"5")
    for name, app, method, status in (
        ("head", sends(start(), hello), "HEAD", 200),
        ("head-and-length", sends(start(headers=five), hello), "HEAD", 200),
        ("head-and-length-no-body", sends(start(headers=five), body()), "HEAD", 200),
        ("head-in-parts", sends(start(), *parts), "HEAD", 200),
        ("204", sends(start(204), hello), "GET", 204),
        ("204-and-length", sends(start(204, five), hello), "GET", 204),
        ("204-and-length-0", sends(start(204, length(b"0")), body()), "GET", 204),
        ("204-in-parts", sends(start(204), *parts), "GET", 204),
        ("204-and-chunked", sends(start(204, [(b"transfer-encoding", b"chunked")]), hello), "GET", 204),
        ("304", sends(start(304), hello), "GET", 304),
        ("304-and-length", sends(start(304, five), body()), "GET", 304),
        ("304-and-length-and-body", sends(start(304, five), hello), "GET", 304),
    ):
        yield Misbehaviour(f"bodyless/{name}", app, SERVED, "", method=method, status=status, body=b"")


def extensions() -> Iterator[Misbehaviour]:
    def hint(links: Any) -> dict[str, Any]:
        return {"type": "http.response.early_hint", "links": links}

    for name, links in {
        "none": None,
        "int": 5,
        "text": "</a>",
        "list-of-text": ["</a>"],
        "list-of-none": [None],
        "line-end": [b"</a>\r\nx: y"],
    }.items():
        yield Misbehaviour(f"early-hint/{name}", sends(hint(links), start(), body()), ANSWERED, "links|link|header")
    for name, path in {"none": None, "int": 0, "bytes-in-list": [b"/"], "nul": "a\0b"}.items():
        app = sends(start(), {"type": "http.response.pathsend", "path": path})
        yield Misbehaviour(f"pathsend/{name}", app, ANSWERED, "path|ValueError")
    lost = sends(start(), {"type": "http.response.pathsend", "path": "/no/such/file"})
    yield Misbehaviour("pathsend/no-such-file", lost, ANSWERED, "FileNotFoundError")
    folder = sends(start(), {"type": "http.response.pathsend", "path": "/"})
    yield Misbehaviour("pathsend/directory", folder, ANSWERED, "IsADirectoryError")
    after = sends(start(), {"type": "http.response.pathsend", "path": __file__}, body(b"more"))
    yield Misbehaviour("pathsend/body-after", after, SERVED, "the response is complete")
    short = sends(start(headers=length(b"1")), {"type": "http.response.pathsend", "path": __file__})
    yield Misbehaviour("pathsend/longer-than-length", short, CUT, "longer")
    for name, file in {"none": None, "text": "file", "closed": -1}.items():
        app = sends(start(), {"type": "http.response.zerocopysend", "file": file})
        yield Misbehaviour(f"zerocopysend/{name}", app, ANSWERED, "file|OSError")
    for name, headers in {
        "none": None,
        "text": [("x", "y")],
        "line-end": [(b"x", b"y\r\nz: a")],
        "pair-of-one": [(b"x",)],
    }.items():
        trailers = {"type": "http.response.trailers", "headers": headers}
        app = sends(start(trailers=True), body(b"x"), trailers)
        yield Misbehaviour(f"trailers/{name}", app, CUT, "header")


def cases() -> Iterator[Misbehaviour]:
    yield from wrong_order()
    yield from wrong_status()
    yield from wrong_bodies()
    yield from wrong_lengths()
    yield from without_body()
    yield from extensions()
