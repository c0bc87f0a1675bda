"""Who asks: ids of requests (A-10), limits for WebSockets and per client (A-11); what is not announced (H-27)."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest

import esg
import esg_http
from esg_core.access import AccessLog
from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.figures.tally import Tally
from esg_core.lifecycle.stats import stats
from esg_core.logs import JSONFormatter, RequestIdFilter
from esg_core.request_ids import new_id
from tests.http.corpus.case import get
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import KINDS, Kind, fails, hello
from tests.support.behaviour.over_streams import HTTP2, HTTP3, connect, each_version, request, websocket_request
from tests.support.figures.counting import Meter, counted_by
from tests.support.http.asking import ask, ended
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.installed import PARSER, PARSERS
from tests.support.ws.frames import close
from tests.support.ws.memory import CODECS, REQUEST, WebSocketServer
from tests.support.ws.memory import Recorder as WebSocketRecorder

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = b"0af7651916cd43dd8448eb211c80319c"
TRUSTED: dict[str, Any] = {"forwarded_allow_ips": ("127.0.0.1",)}
NOBODY: dict[str, Any] = {"forwarded_allow_ips": ()}

UNREADABLE = {"bad-request", "bad-line", "late-head", "large-body", "long-line", "large-head", "many-fields", "connect"}
UNREADABLE |= {"coding", "version", "bad-chunk", "bad-chunk-later", "large-chunks"}
"""Kinds of responses to input that is refused before it becomes a request."""


class Seen:
    """An application that keeps what it knows of the id of each request."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.variables: list[str | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.variables.append(await asyncio.create_task(_variable()))
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
        else:
            await hello(scope, receive, send)

    @property
    def ids(self) -> list[str]:
        """The ids of all calls; fails if what tells of them disagrees."""
        ids = [scope["extensions"]["esg.request_id"]["id"] for scope in self.scopes]
        assert ids == self.variables
        fields = [
            [value.decode() for name, value in scope["headers"] if name == b"x-request-id"] for scope in self.scopes
        ]
        assert fields == [[one] for one in ids]
        return ids


async def _variable() -> str | None:
    return esg.request_id.get()


def by_h1(server: MemoryServer, *fields: tuple[bytes, bytes]) -> Headers:
    """The fields of the answer to a request with these fields."""
    return ask(server, server.connect(), get(*(b"%b: %b" % field for field in fields))).headers


def by_streams(version: str, server: MemoryServer, *fields: tuple[bytes, bytes]) -> Headers:
    client = connect(server, version)
    return client.fetch(request(client, b"/", b"GET", *fields)).fields


def by_websocket(server: MemoryServer, *fields: tuple[bytes, bytes]) -> Headers:
    assert isinstance(server, WebSocketServer)
    head = server.open(*(b"%b: %b\r\n" % field for field in fields)).head
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])]


def by_tunnel(version: str, server: MemoryServer, *fields: tuple[bytes, bytes]) -> Headers:
    client = connect(server, version)
    stream = client.ask(websocket_request(client, *fields), end=False)
    client.turn()
    assert client.answers[stream].status == 200
    return client.answers[stream].fields


OF_AIOQUIC = pytest.mark.needs("aioquic")
REQUESTS = [
    pytest.param(by_h1, id="h1"),
    pytest.param(partial(by_streams, HTTP2), id="h2"),
    pytest.param(partial(by_streams, HTTP3), id="h3", marks=OF_AIOQUIC),
]
WEBSOCKETS = [
    pytest.param(by_websocket, id="h1-websocket"),
    pytest.param(partial(by_tunnel, HTTP2), id="h2-websocket"),
    pytest.param(partial(by_tunnel, HTTP3), id="h3-websocket", marks=OF_AIOQUIC),
]
each_way = pytest.mark.parametrize("ask_by", [*REQUESTS, *WEBSOCKETS])
AskBy = Callable[..., Headers]


def id_in(headers: Headers) -> str:
    [identity] = [value.decode() for name, value in headers if name == b"x-request-id"]
    return identity


# ids.


@pytest.mark.parametrize("parser", PARSERS)
@each_way
def test_a10_a_request_has_an_id_of_its_own_everywhere(ask_by: AskBy, parser: str) -> None:
    app = Seen()
    with WebSocketServer(app, parser=parser, request_id=True, **NOBODY) as server:
        sent = [id_in(ask_by(server)) for _ in range(2)]
    assert app.ids == sent
    assert len(set(sent)) == 2
    assert all(UUID7.fullmatch(one) for one in sent)


@each_way
def test_a10_that_of_a_trusted_proxy_is_kept_and_that_of_others_replaced(ask_by: AskBy) -> None:
    given = (b"x-request-id", b"abc.1~+/=:@_-Z")
    for trust, is_kept in ((TRUSTED, True), (NOBODY, False)):
        app = Seen()
        with WebSocketServer(app, request_id=True, **trust) as server:
            assert (id_in(ask_by(server, given)) == "abc.1~+/=:@_-Z") == is_kept
        assert len(app.ids) == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([(b"traceparent", b"00-" + TRACE + b"-b7ad6b7169203331-01")], TRACE),
        ([(b"x-request-id", b"mine"), (b"traceparent", b"00-" + TRACE + b"-b7ad6b7169203331-01")], b"mine"),
        ([(b"x-request-id", b"a b"), (b"traceparent", b"00-" + TRACE + b"-b7ad6b7169203331-01")], TRACE),
        ([(b"x-request-id", b"a" * 128)], b"a" * 128),
        ([(b"x-request-id", b"a" * 129)], None),
        ([(b"x-request-id", b"")], None),
        ([(b"x-request-id", b'a"b')], None),
        ([(b"x-request-id", "\u00e4".encode("latin-1"))], None),
        ([(b"x-request-id", b"one"), (b"x-request-id", b"two")], None),
        ([(b"traceparent", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01")], None),
        ([(b"traceparent", b"00-" + TRACE)], None),
    ],
)
@pytest.mark.parametrize("ask_by", REQUESTS)
def test_a10_what_is_invalid_is_replaced(ask_by: AskBy, fields: Headers, expected: bytes | None) -> None:
    app = Seen()
    with MemoryServer(app, request_id=True, **TRUSTED) as server:
        identity = id_in(ask_by(server, *fields))
    assert app.ids == [identity]
    assert identity.encode() == expected if expected else UUID7.fullmatch(identity)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_a10_every_response_to_a_request_sends_it_back(kind: Kind) -> None:
    """Also the server's own, whatever has gone wrong; what never became a request has none."""
    response = kind.response(PARSER, request_id=True)
    assert (response.get(b"x-request-id") is None) == (kind.id in UNREADABLE)


def test_a10_an_application_or_hook_may_send_another() -> None:
    own = sends(start(headers=[(b"X-Request-ID", b"own"), *length(b"0")]), body())
    with MemoryServer(own, request_id=True) as server:
        assert id_in(by_h1(server)) == "own"

    def hook(scope: Scope | None, status: int, headers: Headers) -> tuple[int, Headers]:
        return status, [(name, b"hook" if name == b"x-request-id" else value) for name, value in headers]

    with MemoryServer(hello, request_id=True, on_response=hook) as server:
        assert id_in(by_h1(server)) == "hook"


@pytest.mark.parametrize("extensions", [None, {}, {"esg.request_id": None}, {"esg.request_id": {"id": "a\r\nb: c"}}])
def test_a10_an_application_that_spoils_its_scope_is_still_answered(extensions: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = extensions
        await hello(scope, receive, send)

    with MemoryServer(app, request_id=True) as server:
        headers = dict(by_h1(server))
    assert headers[b"content-length"] == b"5"
    assert b"x-request-id" not in headers


def test_a10_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    """In the access log, and by the filter in all records of the call, the server's own included."""
    caplog.handler.addFilter(RequestIdFilter())
    try:
        with MemoryServer(fails, request_id=True) as server, caplog.at_level(logging.INFO):
            server.context.access = AccessLog.create(server.context.config, server.loop)
            identity = id_in(by_h1(server))
            logging.getLogger("elsewhere").warning("no request")
    finally:
        caplog.handler.filters.clear()
    told = {record.name: record.__dict__["request_id"] for record in caplog.records}
    assert told == {"esg.access": identity, "esg.error": identity, "elsewhere": "-"}
    assert f'"request_id": "{identity}"' in JSONFormatter().format(caplog.records[0])


def test_a10_ids_are_valid_unique_and_in_order() -> None:
    made = [new_id() for _ in range(1000)]
    assert all(UUID7.fullmatch(one) for one in made)
    assert len(set(made)) == 1000
    assert [one[:13] for one in made] == sorted(one[:13] for one in made)


def test_a10_off_nothing_is_added() -> None:
    app = Recorder()
    with MemoryServer(app, **TRUSTED) as server:
        headers = dict(by_h1(server, (b"x-request-id", b"abc")))
    assert b"x-request-id" not in headers
    assert "esg.request_id" not in app.calls[0].scope["extensions"]
    assert esg.request_id.get() is None


# limits.


class OneByOne:
    """A connection of HTTP/1.1, which asks with these fields."""

    def __init__(self, server: MemoryServer, host: str, *fields: tuple[bytes, bytes]) -> None:
        self._server = server
        self._lines = [b"%b: %b" % field for field in fields]
        self._transport = server.connect(peername=(host, 5000))

    def __call__(self, path: bytes = b"/") -> tuple[int, dict[bytes, bytes]]:
        """Status and fields of an answer."""
        response = ask(self._server, self._transport, get(*self._lines, target=path))
        return response.status, dict(response.headers)

    def vanish(self) -> None:
        self._transport.reset()

    @property
    def has_ended(self) -> bool:
        return ended(self._transport)


class ByStreams:
    """As `OneByOne`, with streams."""

    def __init__(self, version: str, server: MemoryServer, host: str, *fields: tuple[bytes, bytes]) -> None:
        self._client = connect(server, version, host)
        self._fields = fields

    def __call__(self, path: bytes = b"/") -> tuple[int, dict[bytes, bytes]]:
        answer = self._client.fetch(request(self._client, path, b"GET", *self._fields))
        return answer.status, answer.headers

    def vanish(self) -> None:
        self._client.vanish()

    @property
    def has_ended(self) -> bool:
        self._client.turn()
        return self._client.is_over


OPENINGS = [
    pytest.param(OneByOne, id="h1"),
    pytest.param(partial(ByStreams, HTTP2), id="h2"),
    pytest.param(partial(ByStreams, HTTP3), id="h3", marks=OF_AIOQUIC),
]


@pytest.mark.parametrize("opens", OPENINGS)
def test_a11_a_client_has_so_many_connections(opens: Any) -> None:
    with MemoryServer(hello, limit_connections_per_client=2, **NOBODY) as server:
        server.context.tally = tally = Tally(Meter(), server.context)
        first, second, third = (opens(server, "192.0.2.1") for _ in range(3))
        other = opens(server, "192.0.2.2")
        assert [asks()[0] for asks in (first, second, other)] == [200, 200, 200]
        for asks in (third, opens(server, "192.0.2.1")):
            status, fields = asks()
            assert (status, fields[b"retry-after"]) == (429, b"1")
        first.vanish()
        server.loop.settle()
        assert opens(server, "192.0.2.1")()[0] == 200, "what is refused no longer counts"
        server.loop.advance(2)
        assert third.has_ended
        refused = counted_by(tally).nonzero("esg_http_requests_refused")
        assert len(server.log.texts(logging.WARNING)) == 1
    assert refused == {("client",): 2}
    clients: Any = server.context.clients
    assert (clients._open, clients._hosts, clients._beyond, clients._carried) == ({}, {}, set(), {})


@pytest.mark.needs("aioquic")
@pytest.mark.parametrize("number", range(3))
def test_a11_connections_of_all_versions_count_together(number: int) -> None:
    ways: list[Any] = [OneByOne, partial(ByStreams, HTTP2), partial(ByStreams, HTTP3)]
    with MemoryServer(hello, limit_connections_per_client=2, **NOBODY) as server:
        first, second, third = (way(server, "192.0.2.1") for way in ways[number:] + ways[:number])
        assert [asks()[0] for asks in (third, first, second)] == [429, 200, 200]


@pytest.mark.parametrize("opens", OPENINGS)
def test_a11_a_connection_is_served_once_there_is_room(opens: Any) -> None:
    with MemoryServer(hello, limit_connections_per_client=1, **NOBODY) as server:
        first, second = opens(server, "2001:db8::1"), opens(server, "2001:db8::1")
        first.vanish()
        server.loop.settle()
        assert second()[0] == 200


@pytest.mark.parametrize("opens", OPENINGS)
def test_a11_a_client_of_ipv6_is_a_network(opens: Any) -> None:
    with MemoryServer(hello, limit_connections_per_client=1, **NOBODY) as server:
        ways = [opens(server, host) for host in ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1")]
        assert [asks()[0] for asks in ways] == [200, 429, 200]


@pytest.mark.parametrize("opens", OPENINGS)
def test_a11_health_and_unix_sockets_are_exempt(opens: Any) -> None:
    with MemoryServer(hello, limit_connections_per_client=1, health=True, **NOBODY) as server:
        opens(server, "192.0.2.1")
        assert opens(server, "192.0.2.1")(b"/__esg_health__")[0] == 200
        for _ in range(2):
            assert ask(server, server.connect(peername=""), get()).status == 200


class Held:
    """An application whose requests last until `release()`."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            future = asyncio.get_running_loop().create_future()
            self.waiting.append(future)
            await future
        await hello(scope, receive, send)

    def release(self, server: MemoryServer) -> None:
        for future in self.waiting:
            future.set_result(None)
        server.loop.settle()


def forwarded(host: str) -> tuple[bytes, bytes]:
    return b"x-forwarded-for", host.encode()


@pytest.mark.parametrize("opens", OPENINGS)
def test_a11_behind_a_proxy_the_connections_that_carry_requests_of_the_client_count(opens: Any) -> None:
    app = Held()
    with MemoryServer(app, limit_connections_per_client=1, **TRUSTED) as server:
        held = server.connect()
        held.feed(get(b"x-forwarded-for: 192.0.2.1", target=b"/held"))
        server.loop.settle()
        status, fields = opens(server, "127.0.0.1", forwarded("192.0.2.1"))()
        assert (status, b"connection" in fields) == (429, False)
        assert opens(server, "127.0.0.1", forwarded("192.0.2.2"))()[0] == 200
        assert [opens(server, "127.0.0.1")()[0] for _ in range(3)] == [200] * 3
        app.release(server)
        assert opens(server, "127.0.0.1", forwarded("192.0.2.1"))()[0] == 200
    clients: Any = server.context.clients
    assert (clients._open, clients._carried) == ({}, {})


def test_a11_requests_that_wait_in_line_count_for_the_client_behind_the_proxy() -> None:
    """A-6: otherwise one client could fill the line; a client that leaves it, or is refused there, counts no longer."""
    app = Held()
    options: dict[str, Any] = {
        "backpressure_min_limit": 1,
        "backpressure_initial_limit": 1,
        "backpressure_queue_timeout": 5.0,
    }
    with MemoryServer(app, limit_connections_per_client=2, backpressure=True, **options, **TRUSTED) as server:
        transports = [server.connect() for _ in range(4)]
        for transport, host in zip(transports, ("192.0.2.9", "2001:db8::1", "2001:db8::2", "192.0.2.1"), strict=True):
            transport.feed(get(b"x-forwarded-for: " + host.encode(), target=b"/held"))
        server.loop.settle()
        assert stats(server.context)["queued"] == 3
        assert OneByOne(server, "127.0.0.1", forwarded("2001:db8::3"))()[0] == 429
        transports[1].reset()
        server.loop.settle()
        clients: Any = server.context.clients
        assert clients._open["2001:db8::/64"] == 1
        server.loop.advance(6)
        assert transports[2].read().startswith(b"HTTP/1.1 503 ")
        assert clients._open == {"192.0.2.9": 1}
        app.release(server)
    assert (clients._open, clients._carried) == ({}, {})


@each_version
def test_a11_streams_of_one_connection_of_a_proxy_are_one_connection_of_the_client(version: str) -> None:
    app = Held()
    with MemoryServer(app, limit_connections_per_client=1, **TRUSTED) as server:
        client = connect(server, version)
        streams = [client.ask(request(client, b"/held", b"GET", forwarded("192.0.2.1"))) for _ in range(3)]
        client.turn()
        assert len(app.waiting) == 3
        app.release(server)
        client.turn()
        assert [client.answers[stream].status for stream in streams] == [200] * 3


def test_a11_a_websocket_goes_on_counting_for_its_client() -> None:
    with WebSocketServer(WebSocketRecorder(), limit_connections_per_client=1, **NOBODY) as server:
        client = server.open()
        assert ask(server, server.connect(), get()).status == 429
        client.say(close(1000))
        client.transport.reset()
        server.transports[-1].reset()
        server.loop.settle()
        assert ask(server, server.connect(), get()).status == 200


Vanish = Callable[[], None]


def websockets_by_h1(server: WebSocketServer) -> Iterator[tuple[int, Vanish]]:
    while True:
        client = server.ask(REQUEST)
        yield int(client.head.split(b" ")[1]), client.transport.reset


def websockets_by(version: str, server: WebSocketServer) -> Iterator[tuple[int, Vanish]]:
    while True:
        client = connect(server, version)
        stream = client.ask(websocket_request(client), end=False)
        client.turn()
        yield client.answers[stream].status, client.vanish


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("handshakes", "accepted"),
    [
        pytest.param(websockets_by_h1, 101, id="h1"),
        pytest.param(partial(websockets_by, HTTP2), 200, id="h2"),
        pytest.param(partial(websockets_by, HTTP3), 200, id="h3", marks=OF_AIOQUIC),
    ],
)
def test_a11_so_many_websockets_may_be_open(handshakes: Any, accepted: int, codec: str) -> None:
    with WebSocketServer(WebSocketRecorder(), codec, limit_websockets=2) as server:
        server.context.tally = tally = Tally(Meter(), server.context)
        opened = handshakes(server)
        (status, vanish), (second, _), (third, _) = (next(opened) for _ in range(3))
        assert (status, second, third) == (accepted, accepted, 503)
        assert ask(server, server.connect(), get()).status == 200
        vanish()
        server.loop.settle()
        assert [next(opened)[0] for _ in range(2)] == [accepted, 503]
        refused = counted_by(tally).nonzero("esg_http_requests_refused")
    assert refused == {("websockets",): 2}


async def denies(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/fail":
        raise ValueError("broken")
    if scope["path"] == "/deny":
        await send({"type": "websocket.close"})


def test_a11_a_handshake_that_comes_to_nothing_gives_its_place_back() -> None:
    with WebSocketServer(denies, limit_websockets=1) as server:
        for path in (b"/fail", b"/deny", b"/return", b"/deny"):
            client = server.ask(REQUEST.replace(b"/chat?room=1", path))
            assert int(client.head.split(b" ")[1]) in (403, 500)


# H-27: files.


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
@pytest.mark.parametrize("opens", OPENINGS)
def test_h27_without_pathsend_files_are_neither_announced_nor_sent(opens: Any, kind: str) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send(start())
        await send({"type": kind, "path": __file__, "file": 0})

    with MemoryServer(app, pathsend=False) as server:
        status, _ = opens(server, "127.0.0.1")()
        errors = [str(record.exc_info[1]) for record in server.log.records if record.exc_info]
    assert status == 500
    assert errors == [f"{kind} is not among the extensions: pathsend is off (H-27)"]
    assert seen[0]["extensions"].keys() - {"tls"} == {"esg.drop", "esg.shutdown", "http.response.early_hint"}


# The access log of what was sent and of what is left out, and ids in threads.


@each_way
def test_a9_fields_of_the_response_are_logged(
    ask_by: AskBy, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    form = "%({X-Request-ID}o)s %({content-length}o)s %({nothing}o)s"
    with WebSocketServer(Seen(), request_id=True, access_log_format=form) as server, caplog.at_level(logging.INFO):
        server.context.access = AccessLog.create(server.context.config, server.loop)
        identity = id_in(ask_by(server))
        [line] = [record.getMessage() for record in caplog.records if record.name == "esg.access"]
    size = "-" if "websocket" in request.node.name else "5"
    assert line == f"{identity} {size} -"


@each_way
@pytest.mark.parametrize("options", [{"access_log_exclude": ("/*",)}, {"access_log_sample": 0}], ids=str)
def test_a9_what_is_left_out_has_no_line_at_all(
    ask_by: AskBy, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Of a WebSocket, neither that it was accepted nor that it opened and closed."""
    with WebSocketServer(Seen(), **options) as server, caplog.at_level(logging.INFO):
        server.context.access = AccessLog.create(server.context.config, server.loop)
        ask_by(server)
        ask(server, server.connect(), b"nonsense\r\n\r\n")
        for transport in server.transports:
            transport.reset()
        server.loop.settle()
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("esg.error", "WARNING"),
        ("esg.access", "INFO"),
    ]


def test_a10_a_wsgi_application_has_the_id_in_its_thread() -> None:
    seen: list[tuple[str | None, str]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append((esg.request_id.get(), environ["HTTP_X_REQUEST_ID"]))
        start_response("200 OK", [])
        return [b""]

    async def serve() -> str:
        server = await esg_http.start_server(
            cast(Any, app), port=0, interface="wsgi", request_id=True, forwarded_allow_ips=()
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(get(b"connection: close"))
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            await writer.wait_closed()
        found = re.search(rb"x-request-id: (\S+)", answer)
        assert found is not None
        return found[1].decode()

    identity = asyncio.run(serve())
    assert seen == [(identity, identity)]
