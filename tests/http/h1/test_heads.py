"""How one HTTP/1.1 connection reads heads: what it remembers, what it refuses, and what becomes of them."""

from typing import Any, cast

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.h1.connection import H1Connection
from esg_http.h1.request_fields import LONGEST_REMEMBERED
from esg_http.h1.settings import REMEMBERED_BLOCK
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.http.asking import answers, ask, connected, echo, ended
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.over_tls import over_tls
from tests.support.installed import PARSERS

hello = sends(start(headers=length(b"5")), body(b"hello"))


# What is remembered.


def test_a_head_is_read_for_what_it_is_whatever_was_read_before_it() -> None:
    """H-6: the start, the fields, or both may be another request's."""
    app = Recorder()
    with MemoryServer(app) as server:
        transport = server.connect()
        wanted = [
            ("POST", path, value, content)
            for path in (b"/a", b"/b", b"/a")
            for value in (b"1", b"2", b"1")
            for content in (b"", b"", b"", b"content", b"content", b"", b"x")
        ]
        for method, path, value, content in wanted:
            fields = b"Host: t\r\nX: %b\r\n" % value + (b"Content-Length: %d\r\n" % len(content) if content else b"")
            ask(server, transport, b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method.encode(), path, fields, content))
        seen = [
            (call.method, call.scope["raw_path"], dict(call.scope["headers"])[b"x"], call.body) for call in app.calls
        ]
        assert seen == wanted


def test_a_body_of_any_length_behind_a_head_that_is_known() -> None:
    """H-6."""
    with connected(echo) as client:
        for size in range(1, 2400):
            content = b"x" * size
            client.feed(chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (size, content)))
            assert client.bodies("POST") == [content]


def test_a_body_behind_the_longest_heads_that_are_remembered() -> None:
    """H-6: a known head is not confused with one that has a body after it."""
    block = b"1.1\r\nHost: t\r\nContent-Length: 5\r\nPad: ".ljust(REMEMBERED_BLOCK - 4, b"x") + b"\r\n\r\n"
    with MemoryServer(echo) as server:
        transport = server.connect()
        for shorter in range(16):
            line = b"POST /".ljust(LONGEST_REMEMBERED - shorter, b"x")
            for content in (b"hello", b"world", b"again"):
                assert ask(server, transport, line + b" HTTP/" + block + content).body == content


@pytest.mark.parametrize("more", [0, 1])
def test_h20_what_is_remembered_of_a_head_is_bounded(more: int) -> None:
    line = b"GET /".ljust(LONGEST_REMEMBERED + more, b"x")
    block = b"1.1\r\nHost: t\r\nPad: ".ljust(REMEMBERED_BLOCK - 4 + more, b"x") + b"\r\n\r\n"
    with connected(hello) as client:
        client.feed(line + b" HTTP/" + block)
        assert client.statuses() == [200]
        connection = client.connection
        assert (list(connection._settings.starts), connection._fields is not None) == ([] if more else [line], not more)


@pytest.mark.parametrize("parser", PARSERS)
def test_connections_share_what_equal_fields_mean(parser: str) -> None:
    """H-20: and no application changes what the next request is given."""
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((list(scope["headers"]), sorted(scope["extensions"])))
        scope["headers"].clear()
        scope["extensions"].clear()
        await hello(scope, receive, send)

    with MemoryServer(app, parser=parser) as server:
        connections = []
        for _ in range(2):
            transport = server.connect()
            for fields in (b"X: 1\r\n", b"X: 1\r\n", b"X: 2\r\n"):
                assert ask(server, transport, b"GET / HTTP/1.1\r\nHost: t\r\n%b\r\n" % fields).status == 200
            connections.append(cast(H1Connection, transport.get_protocol()))
        first, second = connections
        assert first._fields is second._fields is not None
        assert first._peer.extensions is second._peer.extensions
    host, extensions = (b"host", b"t"), seen[0][1]
    assert "http.response.pathsend" in extensions
    assert seen == [([host, (b"x", value)], extensions) for value in (b"1", b"1", b"2")] * 2


def test_an_unfinished_start_is_not_remembered() -> None:
    with connected(hello) as client:
        client.feed(b"GET /un", b"finished HTTP/1.1\r\nHost: t\r\n\r\n")
        assert client.statuses() == [200]
        assert list(client.connection._settings.starts) == [b"GET /unfinished"]


# Limits.


@pytest.mark.parametrize("size", [2_300, 8_000, 16_384])
def test_rfc_9112_3_a_request_line_of_8000_bytes_is_served(size: int) -> None:
    """One as long as the default of limit-request-line is refused too."""
    with connected(hello) as client:
        for _ in range(2):
            client.feed(b"GET /".ljust(size - 9, b"x") + b" HTTP/1.1\r\nHost: t\r\n\r\n")
            assert client.statuses() == [200]


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_rfc_9112_2_2_an_empty_line_before_a_request_is_skipped(cut: int) -> None:
    app = Recorder()
    with connected(app) as client:
        data = b"\r\n" + get()
        client.feed(*((data[:cut], data[cut:]) if cut else (data,)))
        assert client.statuses() == [200]
        assert [call.method for call in app.calls] == ["GET"]


@pytest.mark.parametrize("cut", [0, 10, 50], ids=["whole", "in its line", "in its fields"])
@pytest.mark.parametrize(
    ("line", "size", "count", "status"),
    [(40, 60, 3, 200), (41, 60, 3, 414), (40, 61, 3, 431), (40, 60, 4, 431), (3000, 60, 3, 414), (40, 3000, 3, 431)],
)
def test_h11_a_head_may_be_as_large_as_its_limits(line: int, size: int, count: int, status: int, cut: int) -> None:
    """The request line without its CRLF; all field lines with theirs, without the empty line."""
    data = b"GET /".ljust(line - 9, b"x") + b" HTTP/1.1\r\n"
    data += b"Host: t\r\n" + b"X:\r\n" * (count - 2) + b"Y: ".ljust(size - 9 - 4 * (count - 2) - 2, b"y") + b"\r\n\r\n"
    limits: dict[str, Any] = {"limit_request_line": 40, "limit_request_headers": 3, "limit_request_header_size": 60}
    with connected(hello, **limits) as client:
        client.feed(*((data[:cut], data[cut:]) if cut else (data,)))
        assert client.statuses() == [status]
        assert ended(client.transport) == (status != 200)


@pytest.mark.parametrize(("size", "status"), [(5, 200), (6, 413)])
@pytest.mark.parametrize("kind", ["length", "chunked", "chunks"])
def test_a_body_may_be_as_large_as_its_limit(size: int, status: int, kind: str) -> None:
    """limit-request-body applies to each request separately."""
    content = b"x" * size
    data = {
        "length": post(b"Content-Length: %d" % size, body=content),
        "chunked": chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (size, content)),
        "chunks": chunked(b"1\r\nx\r\n" * size + b"0\r\n\r\n"),
    }[kind]
    with connected(echo, limit_request_body=5) as client:
        client.feed(chunked(b"5\r\nfirst\r\n0\r\n\r\n"), data)
        assert client.statuses("POST", "POST") == [200, status]


@pytest.mark.parametrize(("limit", "kept"), [(1, 0), (2, 1), (3, 2)])
def test_a_connection_has_as_many_requests_as_its_limit(limit: int, kept: int) -> None:
    """limit-keepalive-requests: the last response announces the end."""
    with connected(hello, limit_keepalive_requests=limit) as client:
        client.feed(*[get()] * limit)
        said = [response.get(b"connection") for response in answers(client.transport)]
        assert said == [None] * kept + [b"close"]
        assert ended(client.transport)


def test_a_client_may_end_a_connection_before_its_limit() -> None:
    with connected(hello, limit_keepalive_requests=9) as client:
        client.feed(get(b"Connection: close"))
        assert [response.get(b"connection") for response in answers(client.transport)] == [b"close"]
        assert ended(client.transport)


# What becomes of a request.


def scope_of(data: bytes, **options: Any) -> Scope:
    app = Recorder()
    with connected(app, **options) as client:
        client.feed(data)
        [call] = app.calls
        return call.scope


def test_http_1_0_has_no_interim_responses() -> None:
    """RFC 9110 section 15.2."""
    old, new = scope_of(head(b"GET / HTTP/1.0", b"TE: trailers")), scope_of(get())
    assert (old["http_version"], new["http_version"]) == ("1.0", "1.1")
    assert "http.response.early_hint" in new["extensions"]
    assert "http.response.early_hint" not in old["extensions"]


@pytest.mark.parametrize(("version", "coding"), [(b"1.1", b"chunked"), (b"1.0", None)])
def test_rfc_9112_6_1_http_1_0_has_no_transfer_coding(version: bytes, coding: bytes | None) -> None:
    with connected(sends(start(), body(b"hel", more_body=True), body(b"lo"))) as client:
        client.feed(head(b"GET / HTTP/" + version, b"Host: t"))
        [response] = answers(client.transport)
        assert (response.get(b"transfer-encoding"), response.body) == (coding, b"hello")


@pytest.mark.parametrize("asked", [True, False])
def test_trailers_are_offered_on_request(asked: bool) -> None:
    """RFC 9110 section 6.5.1; forwarded fields only mark the request as special."""
    scope = scope_of(get(b"TE: trailers" if asked else b"X-Forwarded-For: 1.2.3.4"))
    assert scope["extensions"].get("http.response.trailers") == ({} if asked else None)


@pytest.mark.parametrize(("trusted", "client"), [("127.0.0.1", "192.0.2.1"), ("192.0.2.9", "127.0.0.1")])
def test_h19_only_a_trusted_proxy_is_believed(trusted: str, client: str) -> None:
    scope = scope_of(get(b"X-Forwarded-For: 192.0.2.1"), forwarded_allow_ips=trusted)
    assert scope["client"][0] == client


def test_a_trusted_proxy_need_not_forward() -> None:
    scope = scope_of(get(b"TE: trailers"), forwarded_allow_ips="127.0.0.1")
    assert scope["client"] == ("127.0.0.1", 50000)


def test_the_state_is_a_copy_for_each_request() -> None:
    states: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        states.append(dict(scope["state"]))
        scope["state"]["own"] = True
        await hello(scope, receive, send)

    with connected(app) as client:
        client.server.context.state["shared"] = 1
        client.feed(get(), get())
        assert states == [{"shared": 1}] * 2


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        (b"GET http://t/a%20b?c=d HTTP/1.1", "/a b", b"c=d"),
        (b"GET /a%20b?c=d HTTP/1.1", "/a b", b"c=d"),
        (b"GET http://t HTTP/1.1", "/", b""),
        (b"OPTIONS * HTTP/1.1", "*", b""),
    ],
)
def test_the_forms_of_a_target(line: bytes, path: str, query: bytes) -> None:
    """RFC 9112 section 3.2."""
    for _ in range(2):
        scope = scope_of(head(line, b"Host: t"))
        assert (scope["path"], scope["query_string"]) == (path, query)


def test_only_the_response_to_head_has_no_body() -> None:
    """RFC 9110 section 9.3.2."""
    with connected(hello) as client:
        client.feed(head(b"HEAD / HTTP/1.1", b"Host: t"), get())
        assert client.bodies("HEAD", "GET") == [b"", b"hello"]


@pytest.mark.parametrize("expects", [True, False])
@pytest.mark.parametrize("sent", [b"", b"x"])
def test_h8_a_body_that_may_not_come_is_not_waited_for(expects: bool, sent: bytes) -> None:
    """RFC 9110 section 10.1.1: a client that waits for 100 and does not get it need not send its body."""
    with connected(hello) as client:
        lines = [b"Content-Length: 5", *([b"Expect: 100-continue"] if expects else [])]
        client.feed(post(*lines, body=sent))
        assert client.statuses("POST") == [200]
        assert ended(client.transport) == (expects and not sent)


@pytest.mark.parametrize("sent", [b"", b"hel", b"hello"])
def test_h5_continue_is_said_once_the_body_is_waited_for(sent: bytes) -> None:
    with connected(echo) as client:
        client.feed(post(b"Content-Length: 5", b"Expect: 100-continue", body=sent))
        assert client.transport.read().startswith(b"HTTP/1.1 100 " if len(sent) < 5 else b"HTTP/1.1 200 ")


# HTTP/2 in cleartext.

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("cut", [0, 1, 10, 17, 20])
def test_rfc_9113_3_3_a_connection_may_begin_with_the_preface_of_http_2(cut: int) -> None:
    with connected(hello, http2=True) as client:
        data = PREFACE + SETTINGS
        client.feed(*((data[:cut], data[cut:]) if cut else (data,)))
        written = client.transport.read()
        assert written[3] == 4, "the server's SETTINGS"
        assert SETTINGS[:4] + b"\x01" in written, "and an acknowledgement"
        assert client.server.context.connections == {client.connection}


@pytest.mark.parametrize(
    ("before", "tls", "http2"),
    [(get(), False, True), (b"", False, False), (b"", True, True)],
    ids=["behind a request", "not served", "over TLS without ALPN"],
)
def test_rfc_9113_3_3_anywhere_else_it_is_a_request_of_another_version(before: bytes, tls: bool, http2: bool) -> None:
    with connected(hello, over_tls() if tls else None, http2=http2) as client:
        if before:
            client.feed(before)
        client.feed(PREFACE[:10], PREFACE[10:] + SETTINGS)
        assert client.statuses() == [*([200] if before else []), 505]


def test_a_request_is_no_preface() -> None:
    with connected(hello, http2=True) as client:
        client.feed(b"GET ", get()[4:])
        assert client.statuses() == [200]
