"""Flow control: clients that read slowly, in part, or not at all (rules 2-2, 2-3, H-17)."""

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_http.h2.coding.codes import CANCEL
from esg_http.h2.coding.frames import frame
from esg_http.h2.connection import MOST_UNREAD
from tests.support.http.memory import MemoryServer
from tests.support.http2.driven import Client, request

PART = bytes(16384)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """As many parts of 16 KiB as the path says."""
    parts = int(scope["path"][1:])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"y" * 500)]})
    for _ in range(parts):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b"end"})


def parts(number: int, *more: tuple[bytes, bytes], method: bytes = b"GET") -> list[tuple[bytes, bytes]]:
    return request(b"/%d" % number, method, *more)


def test_2_2_a_large_response_does_not_hold_up_a_small_one() -> None:
    """Even if both want the same window, and neither has a priority."""
    with MemoryServer(app) as server:
        client = Client(server)
        large = client.ask(parts(100))
        client.turn(credit=False)
        small = client.ask(parts(0))
        client.turn(credit=False)
        assert not client.answers[small].complete
        client.h2.increment_flow_control_window(2 * len(PART))
        client.turn(credit=False)
        assert client.answers[small].complete
        assert not client.answers[large].complete


def test_h17_a_response_that_waits_for_its_turn_is_not_late() -> None:
    """The client reads slowly, one response after the other, as it requested."""
    with MemoryServer(app, timeout_write=3.0) as server:
        client = Client(server, window=2**20)
        urgent = client.ask(parts(20, (b"priority", b"u=1")))
        patient = client.ask(parts(5, (b"priority", b"u=5")))
        client.turn(credit=False)
        for _ in range(30):
            server.loop.advance(2.0)
            client.h2.increment_flow_control_window(len(PART))
            client.turn(credit=False)
        assert [client.answers[number].reset for number in (urgent, patient)] == [None, None]
        assert client.answers[patient].complete


def test_h17_a_client_that_opens_no_window_of_the_connection_is_late() -> None:
    with MemoryServer(app, timeout_write=3.0) as server:
        client = Client(server, window=2**20)
        numbers = [client.ask(parts(20)) for _ in range(2)]
        client.turn(credit=False)
        server.loop.advance(2.7)
        assert server.context.cycles
        server.loop.advance(1.8)
        client.turn(credit=False)
        assert [client.answers[number].reset for number in numbers] == [CANCEL, CANCEL]
        assert not server.context.cycles


@pytest.mark.parametrize("window", ["stream", "connection"])
def test_h17_a_window_of_a_byte_now_and_then_keeps_no_response_alive(window: str) -> None:
    """timeout-write-rate: no matter which of the two windows is the narrow one."""
    with MemoryServer(app, timeout_write=8.0, timeout_write_rate=100) as server:
        client = Client(server, window=65_535 if window == "stream" else 2**20)
        if window == "stream":
            client.h2.increment_flow_control_window(2**20)
        number = client.ask(parts(20))
        client.turn(credit=False)
        for _ in range(9):  # the first check counts what the windows had room for
            server.loop.advance(1.0)
            client.h2.increment_flow_control_window(1, number if window == "stream" else None)
            client.turn(credit=False)
        assert client.answers[number].reset is None
        server.loop.advance(2.0)
        client.turn(credit=False)
        assert client.answers[number].reset == CANCEL
        assert not server.context.cycles


def test_2_3_nothing_is_read_from_a_client_that_does_not_read() -> None:
    """Heads have no flow control, and would pile up without end."""
    block = b"\x02\x04HEAD\x86\x04\x02/0\x01\x03a.t"
    with MemoryServer(app) as server:
        transport = Client(server).transport
        transport.stall()
        asked = 0
        while transport.is_reading() and asked < 5000:
            transport.feed(b"".join(frame(1, 5, 2 * number + 1, block) for number in range(asked, asked + 50)))
            server.loop.settle()
            asked += 50
        assert transport.get_write_buffer_size() < 2 * MOST_UNREAD
        assert asked < 5000
        transport.read()
        assert transport.is_reading()
        assert not server.context.cycles


def test_h17_a_client_that_does_not_read_at_all_is_cut_off() -> None:
    with MemoryServer(app, timeout_write=3.0) as server:
        client = Client(server, window=2**20)
        client.h2.increment_flow_control_window(2**20)
        client.ask(parts(60))
        client.transport.stall()
        client.transport.feed(client.h2.data_to_send())
        server.loop.advance(4.0)
        assert client.transport.aborted
        assert not server.context.cycles


@pytest.mark.parametrize("priority", [b"u=3", b"u=3, i"])
def test_2_2_a_response_that_waits_can_be_cancelled_and_the_others_go_on(priority: bytes) -> None:
    """Whether it waits in order or shares."""
    with MemoryServer(app) as server:
        client = Client(server)
        numbers = [client.ask(parts(100, (b"priority", priority))) for _ in range(3)]
        client.turn(credit=False)
        client.h2.reset_stream(numbers[1])
        client.h2.increment_flow_control_window(2**24)
        for number in (numbers[0], numbers[2]):
            client.h2.increment_flow_control_window(2**21, number)
        client.turn(credit=False)
        whole = [client.answers[number].complete for number in numbers]
        assert (whole, len(client.answers[numbers[0]].body)) == ([True, False, True], 100 * len(PART) + 3)
