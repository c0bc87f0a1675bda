"""An application that misbehaves in every way ASGI allows (rules H-3, H-4, H-10, H-16).

Its client is not misled, the log names the rule, and the server goes on.
"""

import asyncio
import re

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport
from tests.http.misbehaviour import MISBEHAVIOURS, Misbehaviour
from tests.http.misbehaviour.case import ANSWERED, CUT, ENDED, body, sends, start
from tests.http.misbehaviour.checks import beside, errors, final, is_well, request
from tests.support.http.client import Incomplete, read_responses
from tests.support.http.memory import MemoryServer


def check_answered(case: Misbehaviour, transport: MemoryTransport) -> None:
    response = final(bytes(transport.written), case.method)
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert (response.get(b"content-type") or b"").startswith(b"text/plain")
    assert {name for name, _ in response.headers} <= {b"server", b"date", b"content-type", b"content-length"}


def check_served(case: Misbehaviour, transport: MemoryTransport) -> None:
    response = final(bytes(transport.written), case.method)
    assert response.status == case.status
    if case.body is not None:
        assert response.body == case.body
    if response.status == 204:
        assert response.get(b"content-length") is None


def check_cut(case: Misbehaviour, transport: MemoryTransport) -> None:
    assert transport.closed
    with pytest.raises(Incomplete):
        read_responses(bytes(transport.written), iter([case.method]))


@pytest.mark.parametrize("case", MISBEHAVIOURS, ids=lambda case: case.id)
def test_outcome(case: Misbehaviour) -> None:
    """H-3, H-10."""
    with MemoryServer(beside(case.app)) as server:
        transport = server.connect()
        transport.feed(request(case.method))
        server.loop.settle()
        if case.outcome == CUT:
            check_cut(case, transport)
        elif case.outcome == ANSWERED:
            check_answered(case, transport)
        else:
            check_served(case, transport)
        assert transport.closed == (case.outcome in (CUT, ENDED))
        assert transport.closed or is_well(server, transport)
        assert is_well(server, server.connect())
    if case.logged:
        assert re.search(case.logged, errors(server.log)), errors(server.log)
    else:
        assert server.log.trouble == []


def test_a_close_delimited_response_that_fails_is_aborted() -> None:
    """H-10: over HTTP/1.0 only a reset tells the client that the response is not complete."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(start(), body(b"part", more_body=True))(scope, receive, send)
        raise ValueError("broken")

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request(version=b"1.0"))
        server.loop.settle()
        assert transport.aborted
    assert "ValueError: broken" in errors(server.log)


def test_nothing_is_written_before_the_first_body() -> None:
    """H-4."""
    states: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await asyncio.sleep(10)
        states.append(bytes(transport.written))
        await send(body(b"x"))

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.advance(11)
        assert states == [b""]
        assert len(transport.writes) == 1


@pytest.mark.parametrize("upload", [b"hello", b""], ids=["length", "none"])
def test_a_500_leaves_the_connection_usable_if_the_body_was_not_read(upload: bytes) -> None:
    """H-8, H-10."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("broken")

    with MemoryServer(beside(app)) as server:
        transport = server.connect()
        transport.feed(request("POST", b"Content-Length: %d" % len(upload)) + upload)
        server.loop.settle()
        assert final(transport.read(), "POST").status == 500
        assert is_well(server, transport)
