"""The response hook (rule R-1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from esg_core.asgi import Headers, Scope
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import KINDS, Kind, a_file, fails, hello, in_parts
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.client import Incomplete, Response, read_responses
from tests.support.http.memory import MemoryServer
from tests.support.installed import PARSER, PARSERS

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
each_parser = pytest.mark.parametrize("parser", PARSERS)

UNREADABLE = {"bad-request", "bad-line", "late-head", "large-body", "long-line", "large-head", "many-fields", "connect"}
UNREADABLE |= {"coding", "version"}
"""Kinds of responses to input that has not become a request."""


@dataclass
class Hook:
    """Records its calls, and returns what `change` makes of the response."""

    change: Callable[[int, Headers], Any] = lambda status, headers: (status, [*headers, (b"x-hook", b"1")])
    calls: list[tuple[Scope | None, int, Headers]] = field(default_factory=list)

    def __call__(self, scope: Scope | None, status: int, headers: Headers) -> Any:
        self.calls.append((scope, status, list(headers)))
        return self.change(status, headers)

    __hash__ = object.__hash__


def values(response: Response, wanted: bytes) -> list[bytes]:
    return [value for name, value in response.headers if name == wanted]


@each_kind
@each_parser
def test_every_final_response_passes_the_hook_once(kind: Kind, parser: str) -> None:
    """R-1: before its first byte, with the request and the response to be sent; not for 1xx."""
    hook = Hook()
    response = kind.response(parser, on_response=hook)
    assert values(response, b"x-hook") == [b"1"]
    scope, status, headers = hook.calls[-1]
    assert len(hook.calls) == 1
    assert status == kind.status
    assert {name for name, _ in headers} <= {name for name, _ in response.headers}
    assert (scope is None) == (kind.id in UNREADABLE)
    if scope is not None:
        assert scope["method"] in ("GET", "HEAD", "POST")


@each_kind
def test_a_hook_that_changes_nothing_changes_nothing(kind: Kind) -> None:
    """R-1: whether it returns None or the same response, or there is no hook."""
    unchanged = kind.response(PARSER)
    for hook in (Hook(lambda status, headers: None), Hook(lambda status, headers: (status, headers))):
        response = kind.response(PARSER, on_response=hook)
        response.headers = [pair for pair in response.headers if pair[0] != b"date"]
        unchanged.headers = [pair for pair in unchanged.headers if pair[0] != b"date"]
        assert response == unchanged


@each_kind
def test_a_hook_that_raises_is_logged_and_no_more(kind: Kind) -> None:
    """R-1: the response goes out unchanged."""

    def change(status: int, headers: Headers) -> Any:
        raise KeyError("lost")

    assert kind.response(PARSER, on_response=Hook(change)).status == kind.status


def test_a_hook_that_raises_costs_neither_response_nor_connection() -> None:
    """R-1."""

    def change(status: int, headers: Headers) -> Any:
        headers.clear()
        raise KeyError("lost")

    with MemoryServer(hello, on_response=Hook(change)) as server:
        transport = server.connect()
        for _ in range(2):
            response = ask(server, transport, get())
            assert (response.status, response.get(b"content-type"), response.body) == (200, b"text/plain", b"hello")
    assert [record.exc_info is not None for record in server.log.records] == [True, True]


RESULTS: dict[str, Any] = {
    "text": "close",
    "status-only": 204,
    "three": (200, [], b""),
    "status-text": ("200", []),
    "status-low": (99, []),
    "status-interim": (103, []),
    "status-high": (1000, []),
    "headers-none": (200, None),
    "headers-flat": (200, [b"x", b"y"]),
    "headers-bytes": (200, b"xy"),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("app", [hello, in_parts, fails], ids=["whole", "parts", "fails"])
def test_a_result_that_is_none(name: str, app: Any) -> None:
    """R-1: as if the hook had raised."""
    with MemoryServer(app, on_response=Hook(lambda status, headers: RESULTS[name])) as server:
        transport = server.connect()
        for _ in range(2):
            response = ask(server, transport, get())
            assert response.status == (500 if app is fails else 200)
            assert response.body == (b"Internal Server Error" if app is fails else b"hello")
    assert sum("the response hook failed" in text for text in server.log.texts(40)) == 2


@each_parser
def test_what_a_hook_may_change(parser: str) -> None:
    """R-1: the status, and any header: added, replaced, removed."""
    new = [(b"Content-Type", b"text/html"), (b"server", b"mine"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]
    with MemoryServer(hello, parser, on_response=Hook(lambda status, headers: (418, new))) as server:
        transport = server.connect()
        response = ask(server, transport, get())
        assert response.status == 418
        assert response.body == b"hello"
        assert values(response, b"content-type") == [b"text/html"]
        assert values(response, b"server") == [b"mine"]
        assert values(response, b"set-cookie") == [b"a", b"b"]
        assert response.get(b"transfer-encoding") == b"chunked"
        assert not ended(transport)


def test_a_hook_may_close_the_connection() -> None:
    """R-1, H-2."""
    hook = Hook(lambda status, headers: (status, [*headers, (b"connection", b"close")]))
    with MemoryServer(by_path(root=hello, fails=fails), on_response=hook) as server:
        for path in (b"/", b"/fails"):
            transport = server.connect()
            assert values(ask(server, transport, get(target=path)), b"connection") == [b"close"]
            assert ended(transport)


BREAKS = {
    "crlf": (b"x", b"a\r\nset-cookie: b"),
    "lf": (b"x", b"a\nb"),
    "nul": (b"x", b"a\0b"),
    "body": (b"x", b"a\r\n\r\n<script>"),
    "name": (b"a b", b"c"),
    "name-crlf": (b"a\r\nb", b"c"),
    "text": ("x", "y"),
    "length": (b"content-length", b"none"),
}


@pytest.mark.parametrize("name", BREAKS)
@each_kind
def test_a_hook_cannot_split_a_response(kind: Kind, name: str) -> None:
    """R-1: a response of the application becomes a 500; the server's own goes out without the change."""
    hook = Hook(lambda status, headers: (status, [*headers, BREAKS[name]]))
    written = kind.written(PARSER, on_response=hook)
    method = kind.data.partition(b" ")[0].decode("latin-1")
    responses = [response for response in read_responses(written, iter([method])) if response.status >= 200]
    assert [response.status for response in responses] == [kind.status if kind.by_server else 500]
    assert responses[0].get(b"set-cookie") is None
    assert b"<script>" not in written


def test_a_hook_that_breaks_a_response_is_named_in_the_log() -> None:
    """R-1: and the connection stays open."""
    hook = Hook(lambda status, headers: (status, [(b"x", b"a\r\nb")]))
    with MemoryServer(by_path(root=hello, fails=fails), on_response=hook) as server:
        transport = server.connect()
        for path in (b"/", b"/fails", b"/"):
            assert ask(server, transport, get(target=path)).status == 500
        assert not ended(transport)
    assert "response hook" in str(server.log.records[0].exc_info)


@each_parser
def test_a_hook_that_takes_the_body_away(parser: str) -> None:
    """R-1, H-3: a status that must have no body has none on the wire."""
    for status in (204, 304):
        hook = Hook(lambda _, headers, status=status: (status, headers))  # type: ignore[misc]
        with MemoryServer(by_path(root=hello, fails=fails, parts=in_parts), parser, on_response=hook) as server:
            transport = server.connect()
            for path in (b"/", b"/fails", b"/parts", b"/"):
                response = ask(server, transport, get(target=path))
                assert (response.status, response.body) == (status, b"")
            transport.feed(get(b"bad line"))
            server.loop.settle()
            assert [response.status for response in answers(transport)] == [status]


def test_a_length_that_is_not_that_of_the_body() -> None:
    """R-1, H-3: it is as wrong from a hook as from an application."""
    hook = Hook(lambda status, headers: (status, length(b"3")))
    with MemoryServer(by_path(root=hello, fails=fails), on_response=hook) as server:
        assert ask(server, server.connect(), get(target=b"/fails")).body == b"Internal Server Error"
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        assert answers(transport)[0].body == b"hel"
        assert ended(transport)


def test_a_body_that_is_too_long_passes_the_hook_once() -> None:
    """R-1, H-3."""
    hook = Hook()
    with MemoryServer(sends(start(headers=length(b"3")), body(b"hello")), on_response=hook) as server:
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        assert answers(transport)[0].body == b"hel"
    with MemoryServer(sends(start(headers=length(b"9")), body(b"hello")), on_response=hook) as server:
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        with pytest.raises(Incomplete):
            answers(transport)
    assert len(hook.calls) == 2


def test_the_hook_sees_no_interim_response() -> None:
    """R-1: neither 100 nor 103."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a>"]})
        await receive()
        await hello(scope, receive, send)

    hook = Hook()
    with MemoryServer(app, on_response=hook) as server:
        transport = server.connect()
        transport.feed(post(b"Content-Length: 1", b"Expect: 100-continue"))
        server.loop.settle()
        transport.feed(b"x")
        server.loop.settle()
        assert [response.status for response in answers(transport, "POST")] == [103, 100, 200]
    assert [status for _, status, _ in hook.calls] == [200]


def test_the_hook_comes_before_the_first_byte_of_a_stream() -> None:
    """R-1, H-4: when the head is sent, which is with the first part of the body."""
    for app in (in_parts, a_file, sends(start(), body(more_body=True), body(b"x"))):
        hook = Hook()
        with MemoryServer(app, on_response=hook) as server:
            for data in (get(), head(b"HEAD / HTTP/1.1", b"Host: t")):
                assert values(ask(server, server.connect(), data), b"x-hook") == [b"1"]
        assert len(hook.calls) == 2
