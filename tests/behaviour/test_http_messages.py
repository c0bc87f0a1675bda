"""Responses as they are on the wire (rules H-1 to H-4)."""

import re
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import KINDS, Kind, hello, in_parts
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.client import Incomplete
from tests.support.http.memory import DATE, MemoryServer
from tests.support.installed import PARSER, PARSERS

HEAD = head(b"HEAD / HTTP/1.1", b"Host: t")
OLD = head(b"GET / HTTP/1.0")

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
each_parser = pytest.mark.parametrize("parser", PARSERS)


def with_headers(*headers: tuple[bytes, bytes]) -> Any:
    return sends(start(headers=list(headers)), body(b"hello"))


def values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


# H-1: server, date, names in lower case, the same bytes with either parser.


@each_kind
@each_parser
def test_every_response_says_who_and_when(kind: Kind, parser: str) -> None:
    """H-1."""
    response = kind.response(parser)
    assert values(response.headers, b"server") == [b"esg"]
    [date] = values(response.headers, b"date")
    assert parsedate_to_datetime(date.decode()).utcoffset() is not None
    assert re.fullmatch(rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)


@each_kind
@pytest.mark.parametrize("switched", [{"server_header"}, {"date_header"}, {"server_header", "date_header"}])
def test_server_and_date_can_be_switched_off(kind: Kind, switched: set[str]) -> None:
    """H-1."""
    response = kind.response(PARSER, **dict.fromkeys(switched, False))
    assert bool(response.get(b"server")) == ("server_header" not in switched)
    assert bool(response.get(b"date")) == ("date_header" not in switched)


@each_kind
def test_the_bytes_do_not_depend_on_the_parser(kind: Kind) -> None:
    """H-1."""
    assert DATE.sub(b"", kind.written(PARSER)) == DATE.sub(b"", kind.written("h11"))


@each_kind
def test_default_headers_are_on_every_response(kind: Kind) -> None:
    """H-1: one of ESG's own is replaced."""
    response = kind.response(PARSER, header=("X-Site: a", "Server: other"))
    assert values(response.headers, b"x-site") == [b"a"]
    assert values(response.headers, b"server") == [b"other"]


@each_parser
@pytest.mark.parametrize("name", [b"server", b"Server", b"date", b"DATE"])
def test_the_application_s_own_takes_the_place_of_esg_s(name: bytes, parser: str) -> None:
    """H-1: never two, even beside the application's own connection fields."""
    for more in ([], length(b"5"), [(b"connection", b"close")]):
        with MemoryServer(with_headers((name, b"mine"), *more), parser) as server:
            response = ask(server, server.connect(), get())
        assert values(response.headers, name.lower()) == [b"mine"]
        other = b"date" if name.lower() == b"server" else b"server"
        assert len(values(response.headers, other)) == 1


def test_the_application_s_own_takes_the_place_of_a_configured_one() -> None:
    """H-1."""
    with MemoryServer(with_headers((b"server", b"mine")), header=("server: configured",)) as server:
        assert values(ask(server, server.connect(), get()).headers, b"server") == [b"mine"]


@each_parser
def test_names_are_sent_in_lower_case_and_values_as_they_are(parser: str) -> None:
    """H-1."""
    with MemoryServer(with_headers((b"X-UPPER", b"VaLuE"), (b"eTag", b'"A"')), parser) as server:
        response = ask(server, server.connect(), get())
    assert values(response.headers, b"x-upper") == [b"VaLuE"]
    assert values(response.headers, b"etag") == [b'"A"']


def test_repeated_headers_of_the_application_keep_their_order() -> None:
    """H-1: only ESG's own fields are kept single."""
    with MemoryServer(with_headers((b"set-cookie", b"a"), (b"vary", b"x"), (b"set-cookie", b"b"))) as server:
        headers = ask(server, server.connect(), get()).headers
    assert [field for field in headers if field[0] in (b"set-cookie", b"vary")] == [
        (b"set-cookie", b"a"),
        (b"vary", b"x"),
        (b"set-cookie", b"b"),
    ]


# H-2: which side ends the connection, and how it announces that.


@each_kind
@each_parser
def test_close_is_said_once_and_only_when_it_is_meant(kind: Kind, parser: str) -> None:
    """H-2: a response that says `close` ends the connection, and no other does."""
    with MemoryServer(kind.app, parser, **kind.options) as server:
        other, transport = server.connect(), server.connect()
        other.feed(kind.beside)
        server.loop.settle()
        transport.feed(kind.data)
        server.loop.advance(kind.seconds)
        method = kind.data.partition(b" ")[0].decode("latin-1")
        said = [response.get(b"connection") for response in answers(transport, method)]
        assert said[-1] in (b"close", b"keep-alive", None)
        assert (said[-1] == b"close") == ended(transport)


CLOSE = (b"close", b"Close", b"close, x", b"x,close", b"keep-alive, close", b"x, CLOSE ,y")


@each_parser
@pytest.mark.parametrize("option", CLOSE)
def test_a_client_that_says_close_is_closed(option: bytes, parser: str) -> None:
    """H-2."""
    with MemoryServer(hello, parser) as server:
        transport = server.connect()
        response = ask(server, transport, get(b"Connection: " + option))
        assert values(response.headers, b"connection") == [b"close"]
        assert ended(transport)


@pytest.mark.parametrize("option", CLOSE)
def test_an_application_that_says_close_closes(option: bytes) -> None:
    """H-2: once, after the application's own fields, with nothing added."""
    for more in ([], length(b"5")):
        with MemoryServer(with_headers((b"Connection", option), *more)) as server:
            transport = server.connect()
            response = ask(server, transport, get(b"Connection: keep-alive"))
            assert (response.body, values(response.headers, b"connection")) == (b"hello", [b"close"])
            assert ended(transport)


@pytest.mark.parametrize("option", [b"keep-alive", b"x", b"upgrade", b"closed", b""])
def test_nothing_else_that_an_application_says_about_the_connection_is_sent(option: bytes) -> None:
    """H-2: the connection belongs to the server."""
    with MemoryServer(with_headers((b"connection", option), (b"keep-alive", b"timeout=9"))) as server:
        transport = server.connect()
        response = ask(server, transport, get())
        assert values(response.headers, b"connection") == values(response.headers, b"keep-alive") == []
        assert not ended(transport)


@each_parser
@pytest.mark.parametrize("option", [b"keep-alive", b"Keep-Alive", b"x, keep-alive"])
def test_a_client_that_says_keep_alive_hears_it(option: bytes, parser: str) -> None:
    """H-2."""
    for app in (hello, in_parts, sends(start(204), body())):
        with MemoryServer(app, parser) as server:
            transport = server.connect()
            for _ in range(2):
                response = ask(server, transport, get(b"Connection: " + option))
                assert values(response.headers, b"connection") == [b"keep-alive"]
            assert values(ask(server, transport, get()).headers, b"connection") == []
            assert not ended(transport)


def test_keep_alive_is_not_said_by_who_closes() -> None:
    """H-2."""
    keeps = get(b"Connection: keep-alive")
    with MemoryServer(hello, limit_keepalive_requests=1) as server:
        assert ask(server, server.connect(), keeps).get(b"connection") == b"close"
    with MemoryServer(hello) as server:
        transport = server.connect()
        server.context.announce_closing()
        assert ask(server, transport, keeps).get(b"connection") == b"close"


@each_parser
def test_what_follows_a_close_is_not_executed(parser: str) -> None:
    """H-2."""
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await hello(scope, receive, send)

    with MemoryServer(app, parser) as server:
        transport = server.connect()
        transport.feed(get(b"Connection: close", target=b"/1") + get(target=b"/2"))
        server.loop.settle()
        assert calls == ["/1"]
        assert len(answers(transport)) == 1


@each_parser
@pytest.mark.parametrize("lines", [(), (b"Connection: keep-alive",), (b"Connection: close",)])
def test_http_1_0_has_one_request(lines: tuple[bytes, ...], parser: str) -> None:
    """H-2: no chunked coding, `close` and the end, whatever the client asks for."""
    for app in (hello, in_parts):
        with MemoryServer(app, parser) as server:
            transport = server.connect()
            transport.feed(head(b"GET / HTTP/1.0", *lines) + OLD)
            server.loop.settle()
            [response] = answers(transport)
            assert response.body == b"hello"
            assert response.get(b"transfer-encoding") is None
            assert response.get(b"connection") == b"close"
            assert ended(transport)


def test_requests_follow_each_other_on_one_connection() -> None:
    """H-2."""
    with MemoryServer(hello) as server:
        transport = server.connect()
        for _ in range(5):
            assert ask(server, transport, get()).body == b"hello"
        assert len(server.context.connections) == 1
        assert transport.writes == [transport.writes[0]] * 5


# H-3: framing.


def test_a_length_is_kept_and_nothing_is_chunked() -> None:
    """H-3."""
    with MemoryServer(hello) as server:
        response = ask(server, server.connect(), get())
    assert (response.get(b"content-length"), response.get(b"transfer-encoding")) == (b"5", None)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 300_000])
def test_without_a_length_the_body_is_chunked(size: int) -> None:
    """H-3: any number of parts of any size; empty ones are not the end."""
    parts = (body(more_body=True), body(b"a" * size, more_body=True), body(more_body=True), body(b"b" * size))
    with MemoryServer(sends(start(), *parts)) as server:
        response = ask(server, server.connect(), get())
    assert response.body == b"a" * size + b"b" * size
    assert (response.get(b"content-length"), response.get(b"transfer-encoding")) == (None, b"chunked")


@pytest.mark.parametrize("size", [0, 1, 65536])
def test_without_a_length_the_end_ends_http_1_0(size: int) -> None:
    """H-3."""
    parts = (body(b"a" * size, more_body=True), body(b"b" * size))
    with MemoryServer(sends(start(), *parts)) as server:
        transport = server.connect()
        response = ask(server, transport, OLD)
        assert (response.body, response.ends_with_connection) == (b"a" * size + b"b" * size, True)
        assert ended(transport)


@pytest.mark.parametrize("coding", [b"chunked", b"gzip", b"identity", b"gzip, chunked"])
def test_the_coding_is_the_server_s(coding: bytes) -> None:
    """H-3: with `transfer-encoding` from the application, its length is ignored and the body chunked once."""
    for lengths in ([], length(b"3"), length(b"1000")):
        with MemoryServer(with_headers((b"Transfer-Encoding", coding), *lengths)) as server:
            transport = server.connect()
            response = ask(server, transport, get())
            assert response.body == b"hello"
            assert values(response.headers, b"transfer-encoding") == [b"chunked"]
            assert response.get(b"content-length") is None
            assert ask(server, server.connect(), OLD).body == b"hello"
            assert not ended(transport)


@each_parser
@pytest.mark.parametrize("app", [hello, in_parts, sends(start(headers=length(b"5")), body())])
def test_head_has_the_headers_of_get_and_no_body(app: Any, parser: str) -> None:
    """H-3: whether or not the application sends one."""
    with MemoryServer(app, parser) as server:
        transport = server.connect()
        answered = ask(server, transport, HEAD)
        assert not ended(transport)
        transport.feed(get())
        server.loop.settle()
        try:
            [got] = answers(transport)
        except Incomplete:
            return
    assert [name for name, _ in answered.headers] == [name for name, _ in got.headers]
    assert answered.get(b"content-length") == got.get(b"content-length")


def test_head_over_http_1_0() -> None:
    """H-3."""
    with MemoryServer(in_parts) as server:
        transport = server.connect()
        response = ask(server, transport, head(b"HEAD / HTTP/1.0"))
        assert (response.body, response.get(b"connection")) == (b"", b"close")
        assert ended(transport)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("lengths", [[], length(b"0"), length(b"5")])
@pytest.mark.parametrize("content", [b"", b"hello"])
def test_no_content_and_not_modified_carry_none(status: int, lengths: Headers, content: bytes) -> None:
    """H-3: a 204 has no length either (RFC 9110 section 8.6), a 304 may have that of the 200."""
    if status == 304 and lengths == length(b"0"):
        content = b""
    with MemoryServer(sends(start(status, lengths), body(content))) as server:
        transport = server.connect()
        response = ask(server, transport, get())
        assert response.get(b"transfer-encoding") is None
        assert response.get(b"content-length") == (lengths[0][1] if status == 304 and lengths else None)
        assert not ended(transport)
        assert ask(server, transport, get()).status == status


# H-4: one write.


@pytest.mark.parametrize("app", [hello, sends(start(), body(b"hello")), sends(start(204), body())])
@pytest.mark.parametrize("data", [get(), HEAD, OLD, get(b"Connection: close"), get(b"Connection: keep-alive")])
def test_a_response_in_one_part_is_one_write(app: Any, data: bytes) -> None:
    """H-4."""
    with MemoryServer(app) as server:
        transport = server.connect()
        ask(server, transport, data)
        assert len(transport.writes) == 1


def test_the_head_goes_out_with_the_first_part_even_if_it_is_empty() -> None:
    """H-4: a client can see that an event stream has begun before its first event."""
    with MemoryServer(sends(start(), body(more_body=True), body(b"later"))) as server:
        transport = server.connect()
        assert ask(server, transport, get()).body == b"later"
        assert transport.writes[0].endswith(b"\r\n\r\n")
        assert len(transport.writes) == 2


def test_a_failure_between_start_and_body_is_a_500() -> None:
    """H-4, H-10: the held head is forgotten, with everything it said about the connection."""

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"connection", b"close"), (b"x-secret", b"1"), (b"content-length", b"3")]))
        raise ValueError("broken")

    with MemoryServer(by_path(root=hello, fails=fails)) as server:
        transport = server.connect()
        response = ask(server, transport, get(target=b"/fails"))
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert response.get(b"x-secret") is None
        assert response.get(b"connection") is None
        assert ask(server, transport, get()).body == b"hello"


@each_parser
def test_a_500_keeps_the_connection_if_framing_allows(parser: str) -> None:
    """H-10."""
    app = by_path(root=hello, fails=sends())
    with MemoryServer(app, parser) as server:
        transport = server.connect()
        assert (
            ask(server, transport, head(b"POST /fails HTTP/1.1", b"Host: t", b"Content-Length: 1") + b"x").status == 500
        )
        assert ask(server, transport, get()).body == b"hello"
        upload = head(b"POST /fails HTTP/1.1", b"Host: t", b"Transfer-Encoding: chunked")
        assert ask(server, transport, upload).get(b"connection") == b"close"
        assert ended(transport)


def test_a_request_with_a_body_and_without() -> None:
    """H-3: the framing of the request does not leak into that of the response."""
    with MemoryServer(in_parts) as server:
        transport = server.connect()
        for data in (post(b"Content-Length: 2", body=b"ab"), get(), OLD):
            assert ask(server, transport, data).body == b"hello"
