"""Real frameworks whose clients leave, or whose handlers are late, over HTTP/3: as over the other versions.

Each framework has one server here; what differs between versions is tested by `test_leaving` and `test_late_calls`.
"""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.e2e.leaving import Case, complaints, missing
from tests.support.e2e.leaving_http3 import H3Leaver, H3SocketLeaver
from tests.support.e2e.server import PATIENCE, Server
from tests.support.http3.sockets import H3SocketClient

pytestmark = pytest.mark.slow

UVLOOP, ASYNCIO = ("--loop", "uvloop"), ("--loop", "asyncio")
OPTIONS = ("--http3", "--log-level", "debug", "--timeout-graceful-shutdown", "2")

PHASES = ("late", "held", "idle", "tokens", "stuck", "flood")

STREAMS = {
    "starlette": (UVLOOP, ("ended", "background"), PHASES),
    "fastapi": (ASYNCIO, ("ended", "background", "closed"), PHASES),
    "litestar": (UVLOOP, ("ended", "background"), PHASES),
    "quart": (ASYNCIO, ("ended", "torn down"), PHASES),
    "django": (UVLOOP, ("ended",), PHASES[:-1]),
}
"""The loop, the lines that the end of each stream prints, and where clients leave."""

SOCKETS = {"starlette": ("ended",), "fastapi": ("ended", "closed"), "litestar": ("ended",), "quart": ("ended",)}
"""The same for WebSockets."""


def enter(stack: ExitStack, leaver: H3Leaver) -> H3Leaver:
    stack.callback(leaver.close)
    return leaver


@pytest.mark.parametrize("name", STREAMS)
def test_h16_streams_and_websockets_end_when_their_clients_leave(name: str, certificate: Path) -> None:
    """H-16, H-21, S-4, L-2: whether the client ends its connection or cancels the request."""
    loop, says, phases = STREAMS[name]
    streams = [Case("3", phase, way) for phase in phases for way in ("close", "cancel")]
    ways = ("close", "cancel", "goodbye")
    sockets = [Case("3", phase, way, number=1) for phase in ("late", "echo", "ticks") for way in ways]

    def wanted(case: Case) -> tuple[str, ...]:
        if case in sockets:
            return SOCKETS[name]
        return tuple(line for line in says if line != "ended" or case.phase != "late")  # it may not even have begun

    options = (*OPTIONS, *loop, "--ssl-certfile", str(certificate))
    with Server(f"tests.e2e.apps.leaving.{name}_app:app", *options) as server:
        with ExitStack() as stack:
            leavers = [enter(stack, H3Leaver(server, case)) for case in streams]
            if name in SOCKETS:
                leavers += [enter(stack, H3SocketLeaver(server, case)) for case in sockets]
            for leaver in leavers:
                leaver.arrive()
            for leaver in leavers:
                leaver.leave()
            assert missing(server, [leaver.case for leaver in leavers], wanted, PATIENCE) == []
        code = server.stop()
        assert complaints(server) == []
        assert code == 0, server.output


LATE = {"starlette": UVLOOP, "django": ASYNCIO}


@pytest.mark.parametrize("name", LATE)
def test_h24_h25_a_slow_handler_is_cancelled(name: str, certificate: Path) -> None:
    """H-24, H-25: also one that its framework runs in a task of its own; nothing is logged as an error."""
    options = ("--timeout-response", "3", "--timeout-disconnected", "0.2", "--ssl-certfile", str(certificate))
    with Server(f"tests.e2e.apps.late.{name}_app:app", "--http3", *options, *LATE[name]) as server:
        with H3SocketClient(server.port) as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            server.wait_for("slow: began")
            client.cancel()
            server.wait_for("slow: cancelled")
            seen = len(server.lines)
            assert client.send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n").response().status == 504
            server.wait_for("slow: cancelled", seen)
        assert server.stop() == 0, server.output
    assert "ERROR" not in server.output, server.output
    assert "Traceback" not in server.output, server.output
