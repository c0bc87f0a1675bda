"""What an application may do after its response, without its client, and from several tasks (H-7, H-10, H-16)."""

import asyncio
from typing import Any

import pytest

from esg_core.asgi import Message, Receive, Scope, Send
from esg_core.errors import ApplicationError, ClientDisconnected
from esg_core.unheard import GRACE
from tests.http.misbehaviour.case import body, start
from tests.http.misbehaviour.checks import beside, errors, final, is_well, request, well
from tests.support.http.memory import MemoryServer

# After the end of the response, and after the client.


def test_receive_after_the_end_tells_of_a_disconnect() -> None:
    """H-7: however often it is asked."""
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await well(scope, receive, send)
        received.extend([await receive(), await receive()])

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        assert received == [{"type": "http.disconnect"}] * 2
        assert is_well(server, transport)


def test_send_after_the_client_has_gone_raises_an_os_error() -> None:
    """H-21: a streaming application stops, and nothing is logged."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(body(b"part", more_body=True))
                await asyncio.sleep(1)
        except OSError as error:
            raised.append(error)
            raise

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.advance(3)
        transport.reset()
        server.loop.advance(3)
        assert [type(error) for error in raised] == [ClientDisconnected]
        assert not server.context.cycles
    assert server.log.trouble == []


@pytest.mark.parametrize("message", [start(), body(b"x"), {"type": "http.response.early_hint", "links": []}])
def test_any_message_after_the_client_has_gone_raises_the_same(message: Message) -> None:
    """H-21."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        while len(raised) < 2:
            try:
                await send(message)
            except OSError as error:
                raised.append(error)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request("POST", b"Content-Length: 5") + b"he")
        server.loop.settle()
        transport.reset()
        server.loop.advance(2 * GRACE)
        assert [type(error) for error in raised] == [ClientDisconnected] * 2
    assert server.log.trouble == []


def test_an_error_after_the_client_has_gone_is_logged() -> None:
    """R-2: the error is the application's, and nothing else would report it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ValueError("while cleaning up")

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        transport.reset()
        server.loop.settle()
    assert "ValueError: while cleaning up" in errors(server.log)


def test_the_task_is_not_cancelled_when_the_client_goes() -> None:
    """H-16."""
    done: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(30)
        done.append(True)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        transport.reset()
        server.loop.advance(31)
        assert done == [True]
    assert server.log.trouble == []


def test_an_error_that_the_application_swallows_does_not_hide_that_there_is_no_response() -> None:
    """H-10."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(ApplicationError):
            await send(body(b"too early"))

    with MemoryServer(beside(app)) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        assert final(transport.read(), "GET").status == 500
        assert is_well(server, transport)
    assert "without a response" in errors(server.log)


def test_an_application_may_try_again_after_a_start_that_was_refused() -> None:
    """H-10: a refused message has changed nothing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(ApplicationError):
            await send(start(headers=[(b"x", b"a\r\nb")]))
        await send(start(202))
        await send(body(b"second try"))

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        response = final(transport.read(), "GET")
        assert (response.status, response.body) == (202, b"second try")
    assert server.log.trouble == []


# Several at once.


def test_two_receives_at_once_lose_nothing() -> None:
    """ASGI: a body is delivered once, and both waiters return."""
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def take() -> None:
            received.append(await receive())

        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            group.create_task(take())
            await asyncio.sleep(1)
            await well(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request("POST", b"Content-Length: 5"))
        server.loop.settle()
        transport.feed(b"hello")
        server.loop.advance(2)
        assert sorted(message["type"] for message in received) == ["http.disconnect", "http.request"]
        assert b"".join(message.get("body", b"") for message in received) == b"hello"
    assert server.log.trouble == []


def test_two_sends_at_once_keep_the_response_whole() -> None:
    """ASGI: messages go out in the order in which they were sent, even while the client does not read."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await asyncio.gather(*(send(body(b"%d" % number * 50_000, more_body=True)) for number in range(5)))
        await send(body())

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.stall()
        transport.feed(request())
        server.loop.settle()
        transport.read()
        server.loop.settle()
        assert final(bytes(transport.written), "GET").body == b"".join(b"%d" % number * 50_000 for number in range(5))
    assert server.log.trouble == []


def test_a_task_left_behind_cannot_write_into_the_next_response() -> None:
    """H-10: `receive` and `send` of a request end with its response."""
    raised: list[BaseException] = []
    received: list[Message] = []
    tasks: list[asyncio.Task[None]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def straggle() -> None:
            await asyncio.sleep(1)
            received.append(await receive())
            try:
                await send(body(b"smuggled", more_body=True))
            except ApplicationError as error:
                raised.append(error)

        tasks.append(asyncio.create_task(straggle()))
        await well(scope, receive, send)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", more_body=True))
        await asyncio.sleep(2)
        await send(body(b"second"))

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await (slow if scope["path"] == "/slow" else app)(scope, receive, send)

    with MemoryServer(dispatch) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.settle()
        assert final(transport.read(), "GET").body == b"well"
        transport.feed(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.advance(5)
        assert final(transport.read(), "GET").body == b"firstsecond"
        assert len(raised) == 1
        assert received == [{"type": "http.disconnect"}]
    assert server.log.trouble == []


def test_a_task_left_behind_by_an_application_without_response_cannot_answer() -> None:
    """H-10: the server has answered already."""
    raised: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer_late() -> None:
            await asyncio.sleep(1)
            try:
                await well(scope, receive, send)
            except ApplicationError as error:
                raised.append(error)

        tasks.append(asyncio.create_task(answer_late()))

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(request())
        server.loop.advance(3)
        assert final(bytes(transport.written), "GET").status == 500
        assert len(raised) == 1
    assert "without a response" in errors(server.log)


def test_what_an_application_does_to_its_scope_stays_there() -> None:
    """H-15: the next request gets its own scope, even if it is byte for byte the same."""
    scopes: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(
            {
                **scope,
                "state": dict(scope["state"]),
                "headers": list(scope["headers"]),
                "extensions": dict(scope["extensions"]),
            }
        )
        scope["headers"].append((b"x-user", b"root"))
        scope["extensions"]["mine"] = {}
        scope["state"]["user"] = "root"
        scope["path"] = "/changed"
        scope["added"] = True
        await well(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        for _ in range(3):
            transport.feed(request())
            server.loop.settle()
        other = server.connect()
        other.feed(request())
        server.loop.settle()
        assert len(scopes) == 4
        assert scopes == [scopes[0]] * 4
        assert server.context.state == {}


def test_what_an_application_does_to_what_it_received_stays_there() -> None:
    """ASGI: a message belongs to the application that received it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        message.clear()
        await well(scope, receive, send)
        message = await receive()
        message["type"] = "changed"
        assert (await receive())["type"] == "http.disconnect"

    with MemoryServer(app) as server:
        transport = server.connect()
        for _ in range(2):
            transport.feed(request())
            server.loop.settle()
            assert final(transport.read(), "GET").body == b"well"
    assert server.log.trouble == []
