"""What HTTP/2 requests become for an application, and its responses for clients: nothing is split, joined or let in.

The conformance cases check that malformed requests are refused; here, that none of them reaches an application, and
what it sees of the others.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from tests.http2.conformance import CASES
from tests.http2.conformance.case import Case
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2 import wire
from tests.support.http2.driven import Client
from tests.support.http2.raw import Raw
from tests.support.http2.wire import GET, METHOD, PATH, SCHEME

MALFORMED = [case for case in CASES if case.section.startswith(("8.", "RFC 8441")) and 1 in case.outcome.resets]


def complete(app: Recorder) -> list[Scope]:
    return [seen.scope for seen in app.calls if seen.complete]


def test_2_1_no_malformed_request_is_handed_on() -> None:
    """RFC 9113 section 8.1.1: not even in part, unless it becomes malformed only after its head."""
    reached = []
    for case in MALFORMED:
        app = Recorder()
        with MemoryServer(app) as server:
            client = Raw(server)
            client.send(b"".join(case.steps))
        if complete(app) or (app.calls and not breaks_late(case)):
            reached.append(case.id)
    assert reached == []


def breaks_late(case: Case) -> bool:
    """Whether its first header section is right and complete, and the error is in content or trailers."""
    return case.steps[0].startswith((wire.post(), wire.post(1, (b"content-length", b"5"))))


def scopes(*sent: Iterable[tuple[bytes, bytes]] | bytes) -> list[Scope]:
    """What an application sees of requests, which are given as fields or frames."""
    app = Recorder()
    with MemoryServer(app) as server:
        client = Raw(server)
        for number, request in zip(range(1, 99, 2), sent, strict=False):
            client.send(request if isinstance(request, bytes) else wire.headers(number, request))
    return complete(app)


def test_8_3_1_host_is_the_authority() -> None:
    for host in ([], [(b"host", b"A.test:80")]):
        (scope,) = scopes([*GET, (b"accept", b"*/*"), *host])
        assert scope["headers"] == [(b"host", b"a.test"), (b"accept", b"*/*")]


def test_8_2_3_crumbs_of_cookies_are_joined() -> None:
    """In order, as in one HTTP/1.1 field."""
    (scope,) = scopes([*GET, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2; c=3"), (b"cookie", b"")])
    assert [value for name, value in scope["headers"] if name == b"cookie"] == [b"a=1; b=2; c=3; "]


def test_8_3_no_pseudo_header_field_is_left() -> None:
    (scope,) = scopes([*GET, (b"x", b":method: GET")])
    assert [name for name, _ in scope["headers"]] == [b"host", b"x"]
    assert scope["headers"][1] == (b"x", b":method: GET")


def test_6_5_1_trailers_do_not_join_the_headers() -> None:
    """RFC 9110 section 6.5.1: not even fields that an application would trust."""
    trailers = [(b"authorization", b"secret"), (b"content-length", b"9"), (b"host", b"b.test"), (b"cookie", b"a=b")]
    (scope,) = scopes(wire.post() + wire.data(1, b"x") + wire.headers(1, trailers))
    assert scope["headers"] == [(b"host", b"a.test")]


def test_8_3_1_targets_are_taken_as_they_are() -> None:
    """What looks like another request or another form of target is only a path."""
    paths = [
        b"//a.test/x",
        b"/a%20HTTP/1.1%0d%0ax:%20y",
        b"/?a=/b%23c",
        b"/%00",
        b"/..%2f../",
        b"/%zz",
        b"/a;b=c,d@e:f!$'()*+",
    ]
    seen = scopes(*[[METHOD, SCHEME, (b":path", path), GET[3]] for path in paths])
    assert [b"?".join(filter(None, (scope["raw_path"], scope["query_string"]))) for scope in seen] == paths


def test_applications_cannot_change_what_is_remembered() -> None:
    """Requests that look the same on the wire get separate scopes."""
    seen: list[Headers] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(list(scope["headers"]))
        scope["headers"].append((b"x-evil", b"1"))
        scope["extensions"]["evil"] = scope["state"]["evil"] = {}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        client = Raw(server)
        for number in (1, 3, 5):
            client.send(wire.headers(number))
    assert seen == [[(b"host", b"a.test")]] * 3


def test_a_request_head_is_not_remembered_for_another_scheme_or_limit() -> None:
    """Nor does what one connection has remembered mean anything on another."""
    indexed = wire.raw_headers(1, wire.block([METHOD, SCHEME, PATH]) + wire.literal(b":authority", b"a.test", how=0x40))
    with MemoryServer(Recorder()) as server:
        first, second = Raw(server), Raw(server)
        first.send(indexed)
        reference = wire.raw_headers(1, wire.block([METHOD, SCHEME, PATH]) + b"\xbe")
        second.send(reference)
        assert second.code == wire.Code.COMPRESSION_ERROR
        assert first.code is None


EVIL: list[tuple[bytes, Any]] = [
    (b"x", b"a\r\nx-evil: 1"),
    (b"x", b"a\nx-evil: 1"),
    (b"x", b"a\r\n\r\nbody"),
    (b"x", b"a\0b"),
    (b"x", b"a\rb"),
    (b"x\r\nx-evil", b"1"),
    (b"x: y\r\nx-evil", b"1"),
    (b":status", b"500"),
    (b":path", b"/"),
    (b"x y", b"1"),
    (b"", b"1"),
    (b"x\0", b"1"),
    (b"\xe9", b"1"),
    (b"content-length", b"1\r\nx-evil: 1"),
]


@pytest.mark.parametrize("field", EVIL)
@pytest.mark.parametrize("where", ["head", "hint", "trailers"])
def test_h10_responses_are_not_split(field: tuple[bytes, bytes], where: str) -> None:
    """Invalid names and values never leave the server."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if where == "hint":
            await send({"type": "http.response.early_hint", "links": [field[1] if field[0] == b"x" else b"\r\n: x"]})
        head: Headers = [field] if where == "head" else []
        await send({"type": "http.response.start", "status": 200, "headers": head, "trailers": where == "trailers"})
        await send({"type": "http.response.body", "body": b"x"})
        await send({"type": "http.response.trailers", "headers": [field]})

    with MemoryServer(app) as server:
        client = Client(server)
        answer = client.fetch([*GET, (b"te", b"trailers")])
        is_left_out = where == "trailers" and field[0] == b"content-length"  # as from all trailers
        assert answer.status == (200 if where == "trailers" else 500)
        assert answer.complete != (where == "trailers" and not is_left_out)
        assert not {b"x-evil", b"x", b":path"} & (answer.headers.keys() | dict(answer.trailers).keys())
        assert answer.hints == []
        assert b"x-evil" not in client.transport.written
        assert client.goaways == []
