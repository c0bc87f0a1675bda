"""Flow control on one connection, over real sockets (rules H-6, H-7, H-20)."""

import asyncio
import threading

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import hello
from tests.support.behaviour.pace import Diary, large, wait_until_it_stands_still
from tests.support.http.asking import by_path, ended, read_body
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import CLEARTEXT, LOOPS_AND_WIRES, WIRINGS, SocketServer, Wiring

MEBIBYTE = 1024 * 1024

each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)
each_path = pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)
each_cleartext = pytest.mark.parametrize("wiring", CLEARTEXT, ids=str)

LAST = get(b"Connection: close")


# H-6: pipelining.


@each_wiring
def test_pipelined_requests_are_answered_in_order_one_at_a_time(wiring: Wiring) -> None:
    """H-6."""
    app = Diary()
    with SocketServer(app, wiring) as server, server.connect() as client:
        client.send(get(target=b"/a-0.2") + get(target=b"/b-0.1") + get(target=b"/c"))
        assert [client.response().body for _ in "abc"] == [b"/a-0.2", b"/b-0.1", b"/c"]
    assert app.lines == ["begin /a-0.2", "end /a-0.2", "begin /b-0.1", "end /b-0.1", "begin /c", "end /c"]


@each_wiring
def test_a_body_and_the_next_request_in_one_segment(wiring: Wiring) -> None:
    """H-6."""
    with SocketServer(Diary(), wiring) as server, server.connect() as client:
        upload = head(b"POST /a HTTP/1.1", b"Host: t", b"Content-Length: 5")
        chunks = head(b"POST /b HTTP/1.1", b"Host: t", b"Transfer-Encoding: chunked")
        client.send(upload + b"hello" + get(target=b"/c") + chunks + b"2\r\nhi\r\n0\r\n\r\n" + get(target=b"/d"))
        assert [client.response().body for _ in range(4)] == [b"/ahello", b"/c", b"/bhi", b"/d"]


@each_wiring
def test_an_error_behind_a_request_comes_after_its_response(wiring: Wiring) -> None:
    """H-6: requests after the error are not executed."""
    app = Diary()
    with SocketServer(app, wiring) as server, server.connect() as client:
        client.send(get(target=b"/a-0.1") + get(b"bad line") + get(target=b"/c"))
        assert client.response().status == 200
        refusal = client.response()
        assert (refusal.status, refusal.get(b"connection")) == (400, b"close")
        assert client.rest() == b""
    assert app.lines == ["begin /a-0.1", "end /a-0.1"]


@each_path
def test_a_thousand_requests_of_a_client_that_does_not_read(wiring: Wiring) -> None:
    """H-6, H-20: few are executed before the client reads, and then all of them."""
    calls: list[str] = []
    answer = sends(start(headers=length(b"20000")), body(b"x" * 20000))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await answer(scope, receive, send)

    def unsent() -> int:
        [connection] = server.context.connections
        return connection.transport.get_write_buffer_size()  # type: ignore[attr-defined, no-any-return]

    with SocketServer(app, wiring) as server, server.connect(receive_buffer=4096) as client:
        writer = threading.Thread(target=client.send, args=(get() * 999 + LAST,))
        writer.start()
        server.wait_until(lambda: server.context.connections and unsent() > 65536)
        assert len(calls) < 600
        assert server.run(unsent) < MEBIBYTE
        assert client.rest().count(b"HTTP/1.1 200 OK\r\n") == 1000
        writer.join()
    assert len(calls) == 1000


def test_responses_do_not_pile_up_for_who_asks_without_reading() -> None:
    """H-20: requests that are not pipelined also wait until there is room for their responses."""
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await large(MEBIBYTE)(scope, receive, send)

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.stall()
        for _ in range(10):
            transport.feed(get())
            server.loop.advance(0.1)
        assert len(calls) == 1
        transport.read()
        server.loop.settle()
        while len(calls) < 10:
            transport.read()
            server.loop.settle()
        assert not ended(transport)


# H-7: flow control.


@each_path
def test_send_waits_for_a_client_that_does_not_read(wiring: Wiring) -> None:
    """H-7: until it reads; nothing is lost, and others are served meanwhile."""
    sent: list[int] = []
    parts, size = 256, 65536

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"%d" % (parts * size))))
        for number in range(parts):
            await send(body(b"%c" % number * size, more_body=True))
            sent.append(number)
        await send(body())

    with SocketServer(by_path(stream=stream, root=hello), wiring) as server:
        with server.connect(receive_buffer=4096) as client:
            client.send(get(b"Connection: close", target=b"/stream"))
            wait_until_it_stands_still(sent)
            assert len(sent) < parts - 16
            with server.connect() as other:
                assert other.ask(get()).body == b"hello"
            assert client.rest().endswith(b"".join(b"%c" % number * size for number in range(parts)))
        assert len(sent) == parts


@each_wiring
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_waits_for_an_application_that_does_not_read(framing: str, wiring: Wiring) -> None:
    """H-7: until it does; nothing is lost."""
    size, go_on, buffered = 16 * MEBIBYTE, threading.Event(), list[int]()
    content = bytes(range(256)) * (size // 256)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.05)
            [connection] = server.context.connections
            buffered.append(connection._cycle.buffered)  # type: ignore[attr-defined]
        received = await read_body(receive)
        await sends(start(), body(b"same" if received == content else b"other"))(scope, receive, send)

    line = b"Content-Length: %d" % size if framing == "length" else b"Transfer-Encoding: chunked"
    data = content if framing == "length" else b"%x\r\n%b\r\n0\r\n\r\n" % (size, content)
    with SocketServer(app, wiring) as server, server.connect() as client:
        writer = threading.Thread(target=client.send, args=(post(line, body=data),))
        writer.start()
        server.wait_until(lambda: len(buffered) > 5 and buffered[-1] == buffered[-2] == buffered[-3])
        assert writer.is_alive()
        go_on.set()
        assert client.response("POST").body == b"same"
        writer.join()
        assert max(buffered) <= 65536 + 256 * 1024
