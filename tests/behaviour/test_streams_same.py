"""HTTP/2 and HTTP/3 have the semantics of HTTP/1.1: the same rules, tested over streams (rules 2-1, Q-1)."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from esg_core.unheard import GRACE
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour import MISBEHAVIOURS, Misbehaviour
from tests.http.misbehaviour.case import ANSWERED, CUT, ENDED, body, length, sends, start
from tests.http.misbehaviour.checks import beside, errors
from tests.support.behaviour.hall import LINE, Hall
from tests.support.behaviour.kinds import KINDS, Kind, fails, hello, in_parts
from tests.support.behaviour.over_streams import (
    HTTP3,
    OF_HTTP_1,
    answer_to,
    ask,
    connect,
    each_version,
    plain,
    request,
    response_of,
)
from tests.support.behaviour.pace import send_on
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.installed import PARSER

SAME = [kind for kind in KINDS if not OF_HTTP_1.search(kind.id)]

each_kind = pytest.mark.parametrize("kind", SAME, ids=lambda kind: kind.id)


def open_streams(server: MemoryServer) -> tuple[int, int]:
    """Of HTTP/2 and of HTTP/3."""
    figures = stats(server.context)
    return figures["h2_streams"], figures["h3_streams"]


@pytest.mark.everywhere
@each_kind
@each_version
def test_2_1_the_response_is_that_of_http_1_1(version: str, kind: Kind) -> None:
    """H-1, H-3, H-10, H-11, H-18, A-8: except for the framing."""
    answer = answer_to(kind, version)
    assert answer.headers[b"date"]
    assert plain(response_of(answer)) == plain(kind.response(PARSER))


@pytest.mark.parametrize(("crumbs", "status"), [(1, 200), (130, 200), (500, 200), (20_000, 431)])
@each_version
def test_8_2_3_a_cookie_is_one_field_in_how_many_crumbs_it_may_come(version: str, crumbs: int, status: int) -> None:
    """RFC 9113 section 8.2.3: HTTP/1.1 takes the same cookie, and refuses the same one."""
    cookie = [b"%d=b" % number for number in range(crumbs)]
    app = Recorder()
    with MemoryServer(app) as server:
        client = connect(server, version)
        if status == 200:  # the library sends no more than the server has said it accepts
            fetched = client.fetch(request(client, b"/", b"GET", *[(b"cookie", crumb) for crumb in cookie]))
            assert fetched.status == 200
        transport = server.connect()
        transport.feed(get(b"Cookie: " + b"; ".join(cookie)))
        server.loop.settle()
        assert transport.read().startswith(b"HTTP/1.1 %d " % status)
    cookies = {value for call in app.calls for name, value in call.scope["headers"] if name == b"cookie"}
    assert cookies == ({b"; ".join(cookie)} if status == 200 else set())


@each_kind
@each_version
def test_r1_every_final_response_passes_the_hook_once(version: str, kind: Kind) -> None:
    seen: list[tuple[Any, int]] = []

    def hook(scope: Scope | None, status: int, headers: Headers) -> tuple[int, Headers]:
        seen.append((scope, status))
        return status, [*headers, (b"x-hook", b"1")]

    answer = answer_to(kind, version, on_response=hook)
    assert answer.headers[b"x-hook"] == b"1"
    assert [status for _, status in seen] == [kind.status]


@each_kind
@each_version
def test_h1_server_and_date_can_be_switched_off(version: str, kind: Kind) -> None:
    answer = answer_to(kind, version, server_header=False, date_header=False)
    assert not answer.headers.keys() & {b"server", b"date"}


@pytest.mark.parametrize("case", MISBEHAVIOURS, ids=lambda case: case.id)
@each_version
def test_h10_an_application_that_misbehaves(version: str, case: Misbehaviour) -> None:
    """H-3, H-10: a stream is reset where a connection of HTTP/1.1 ends, and the others go on."""
    with MemoryServer(beside(case.app)) as server:
        client = connect(server, version)
        answer = client.fetch(request(client, b"/", case.method.encode()))
        if case.outcome in (CUT, ENDED):
            assert (answer.complete, answer.reset) == (False, client.internal_error)
        elif case.outcome == ANSWERED:
            assert (answer.status, answer.body, answer.complete) == (500, b"Internal Server Error", True)
        else:
            assert (answer.status, answer.complete) == (case.status, True)
            assert case.body is None or answer.body == case.body
        assert client.fetch(request(client, b"/well")).body == b"well"
        assert client.goaways == []
    if case.logged:
        assert re.search(case.logged, errors(server.log)), errors(server.log)
    else:
        assert server.log.trouble == []


# Expectations, extensions, bodies.


@each_version
def test_h5_continue_is_said_when_the_application_asks(version: str) -> None:
    with MemoryServer(Recorder()) as server:
        client = connect(server, version)
        number = client.ask(request(client, b"/", b"POST", (b"expect", b"100-continue")), end=False)
        client.turn()
        assert client.answers[number].hints == [[(b":status", b"100")]]
        client.add(number, b"12345", end=True)
        assert client.answers[number].body == b"5 bytes"


@pytest.mark.parametrize("app", [hello, fails], ids=["answers", "fails"])
@each_version
def test_h5_continue_is_not_said_to_whom_it_is_of_no_use(version: str, app: Any) -> None:
    with MemoryServer(app) as server:
        client = connect(server, version)
        number = client.ask(request(client, b"/", b"POST", (b"expect", b"100-continue")), end=False)
        client.turn()
        assert client.answers[number].hints == []
        assert client.answers[number].complete


@each_version
def test_h13_trailers_of_a_request_are_no_headers(version: str) -> None:
    app = Recorder()
    with MemoryServer(app) as server:
        client = connect(server, version)
        number = client.ask(request(client, b"/", b"POST", (b"trailer", b"x-sum")), b"12345", end=False)
        client.add_trailers(number, [(b"x-sum", b"1")])
        assert client.answers[number].body == b"5 bytes"
    assert b"x-sum" not in dict(app.calls[0].scope["headers"])


@pytest.mark.parametrize("te", [(), ((b"te", b"trailers"),)], ids=["not-wanted", "wanted"])
@each_version
def test_h14_trailers_for_who_wants_them(version: str, te: tuple[tuple[bytes, bytes], ...]) -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1"), (b"content-length", b"5")]}
    with MemoryServer(sends(start(trailers=True), body(b"hello"), trailers)) as server:
        client = connect(server, version)
        answer = client.fetch(request(client, b"/", b"GET", *te))
    assert (answer.body, answer.complete, answer.trailers) == (b"hello", True, [(b"x-sum", b"1")] if te else [])


@each_version
def test_h14_what_is_offered(version: str) -> None:
    app = Recorder()
    with MemoryServer(app) as server:
        connect(server, version).fetch()
    assert app.calls[0].scope["extensions"].keys() == {
        "esg.drop", "esg.shutdown", "http.response.early_hint", "http.response.pathsend", "http.response.zerocopysend",
    } | ({"tls"} if version == HTTP3 else set())  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 16384, 100_000, 1_000_000])
@pytest.mark.parametrize("lengths", [True, False], ids=["length", "none"])
@each_version
def test_h14_a_file(version: str, size: int, lengths: bool, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    headers = length(b"%d" % size) if lengths else []
    with MemoryServer(sends(start(headers=headers), {"type": "http.response.pathsend", "path": str(path)})) as server:
        answer = connect(server, version).fetch()
    assert (answer.complete, answer.body == path.read_bytes()) == (True, True)


@each_version
def test_h14_parts_of_a_file(version: str, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with path.open("rb") as file:
            part = {"type": "http.response.zerocopysend", "file": file.fileno(), "count": 4}
            await sends(start(), {**part, "more_body": True}, body(b"-", more_body=True), part)(scope, receive, send)

    with MemoryServer(app) as server:
        assert connect(server, version).fetch().body == b"0123-4567"


# Which requests may run (rules ).


@each_version
def test_a3_over_the_limit_the_answer_is_503_and_the_connection_stays(version: str) -> None:
    hall = Hall()
    with MemoryServer(hall, limit_concurrent_requests=1) as server:
        client = connect(server, version)
        first = ask(client, get(target=b"/a"))
        refused = client.answers[ask(client, get(target=b"/b"))]
        assert (refused.status, refused.headers[b"retry-after"], refused.complete) == (503, b"1", True)
        hall.let_go("/a")
        client.turn()
        assert client.answers[first].body == b"done"
        third = ask(client, get(target=b"/c"))
        hall.let_go("/c")
        client.turn()
        assert client.answers[third].body == b"done"
        assert client.goaways == []


@pytest.mark.parametrize("data", [get(target=b"/b"), post(b"Content-Length: 9", body=b"h")], ids=["get", "upload"])
@each_version
def test_a6_a_stream_that_is_reset_leaves_the_line_unanswered(version: str, data: bytes) -> None:
    hall = Hall()
    with MemoryServer(hall, **LINE) as server:
        client = connect(server, version)
        ask(client, get(target=b"/a"))
        waiting = ask(client, data)
        assert stats(server.context)["queued"] == 1
        client.cancel(waiting)
        client.turn()
        assert (stats(server.context)["queued"], stats(server.context)["queue_disconnects"]) == (0, 1)
        hall.let_go("/a")
        client.turn()
        assert hall.began == ["/a"]


@each_version
def test_a6_who_waits_is_served_in_order_with_all_that_came_meanwhile(version: str) -> None:
    hall = Hall()
    with MemoryServer(hall, **LINE) as server:
        client = connect(server, version)
        numbers = [ask(client, get(target=b"/%d" % number)) for number in range(4)]
        for number in range(4):
            assert len(hall.began) == number + 1
            hall.let_go(f"/{number}")
            client.turn()
        assert [client.answers[number].body for number in numbers] == [b"done"] * 4


@each_version
def test_a6_a_drain_refuses_all_who_wait(version: str) -> None:
    hall = Hall()
    with MemoryServer(hall, **LINE) as server:
        client = connect(server, version)
        running, waiting = ask(client, get(target=b"/a")), ask(client, get(target=b"/b"))
        server.context.drain()
        client.turn()
        assert client.answers[waiting].status == 503
        hall.let_go("/a")
        client.turn()
        assert client.answers[running].body == b"done"
        assert client.is_over


@dataclass
class Ends:
    """However a stream ends, its slot comes back."""

    id: str
    app: Any
    data: bytes = field(default_factory=get)
    resets: bool = False
    seconds: float = 0


@pytest.mark.parametrize(
    "case",
    [
        Ends("whole", hello),
        Ends("parts", in_parts),
        Ends("fails", fails),
        Ends("head", hello, head(b"HEAD / HTTP/1.1", b"Host: t")),
        Ends("reset", Recorder(), post(b"Content-Length: 9", body=b"h"), resets=True),
        Ends("late", Recorder(), post(b"Content-Length: 9", body=b"h"), seconds=301),
        Ends("too-long", hello, post(b"Content-Length: 9", body=b"h")),
    ],
    ids=lambda case: case.id,
)
@each_version
def test_a2_slots_come_back(version: str, case: Ends) -> None:
    with MemoryServer(case.app, limit_concurrent_requests=1) as server:
        client = connect(server, version)
        number = ask(client, case.data)
        if case.resets:
            client.cancel(number)
        client.turn()
        server.loop.advance(case.seconds)
        assert stats(server.context)["inflight"] == 0
        assert open_streams(server) == (0, 0)


@each_version
def test_a7_streams_are_counted(version: str) -> None:
    """Each version has its own gauge."""
    expected = (0, 2) if version == HTTP3 else (2, 0)
    hall = Hall()
    with MemoryServer(hall) as server:
        client = connect(server, version)
        for path in (b"/a", b"/b"):
            ask(client, get(target=path))
        figures = stats(server.context)
        assert (figures["connections"], figures["inflight"], open_streams(server)) == (1, 2, expected)
        for stays in ("/a", "/b"):
            hall.let_go(stays)
        client.turn()
        assert open_streams(server) == (0, 0)


@each_version
def test_h21_send_raises_some_time_after_the_stream_has_gone(version: str) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"x", more_body=True))
        await receive()
        seen.append(await receive())
        await send_on(send, body(b"y"))
        seen.append(server.loop.time())

    with MemoryServer(app) as server:
        client = connect(server, version)
        number = client.ask(request(client))
        client.turn()
        client.cancel(number)
        client.turn()
        began = server.loop.time()
    assert seen == [{"type": "http.disconnect"}, pytest.approx(began + GRACE, abs=0.1)]
