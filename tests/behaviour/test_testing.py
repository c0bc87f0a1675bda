"""U-10: applications in tests, with the clients that tests use, and with errors where the test sees them."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from websockets.asyncio.client import connect as connect_in_loop
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import esg
from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.errors import ApplicationError
from tests.behaviour.apps.endless import in_fastapi, in_litestar, in_starlette
from tests.behaviour.apps.tested import plain
from tests.support.core.loops import run_in
from tests.support.e2e.server import PATIENCE, ROOT

STREAMS: dict[str, Callable[[], Any]] = {"starlette": in_starlette, "fastapi": in_fastapi, "litestar": in_litestar}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [one for one in threading.enumerate() if one not in before and one.name == "esg-testing"] == []


# Clients.


def test_u10_a_server_in_a_thread(loop: str) -> None:
    with esg.testing.serve(plain, loop=loop) as server:
        assert httpx.get(server.url, timeout=PATIENCE).text == "hello"
        with httpx.Client(http1=False, http2=True, timeout=PATIENCE) as client:
            assert client.get(server.url).http_version == "HTTP/2"
        with connect(f"{server.ws_url}/echo") as chat:
            chat.send("hello")
            assert chat.recv(timeout=PATIENCE) == "HELLO"
        assert server.errors == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, timeout=PATIENCE)


def test_u10_a_server_in_the_loop_of_the_test(loop: str) -> None:
    async def main() -> None:
        async with esg.testing.serve(plain) as server, aiohttp.ClientSession() as client:
            async with client.get(server.url) as response:
                assert await response.text() == "hello"
            async with client.ws_connect(f"{server.ws_url}/echo") as chat:
                await chat.send_str("hello")
                assert await chat.receive_str(timeout=PATIENCE) == "HELLO"
            async with connect_in_loop(f"{server.ws_url}/echo") as other:
                await other.send("hello")
                assert await other.recv() == "HELLO"
            async with httpx.AsyncClient(timeout=PATIENCE) as third:
                assert (await third.get(server.url)).text == "hello"

    run_in(loop, main())


def test_u10_signals_are_those_of_the_program() -> None:
    async def main() -> None:
        async with esg.testing.serve(plain):
            assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
        with esg.testing.serve(plain):
            assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before

    with asyncio.Runner() as runner:
        runner.get_loop()
        before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
        runner.get_loop().run_until_complete(main())


def test_u10_the_usual_options_apply(tmp_path: Path) -> None:
    """And the usual errors."""
    path = tmp_path / "esg.sock"
    with (
        esg.testing.serve(plain, uds=path, root_path="/api") as server,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client,
    ):
        assert server.url == f"unix:{path}"
        assert client.get("http://esg/").text == "hello"
    with pytest.raises(esg.UsageError, match="port=70000: must be a whole number from 0 to 65535"):
        esg.testing.serve(plain, port=70000)
    with pytest.raises(esg.StartupError, match="there is no module 'nowhere'"), esg.testing.serve("nowhere:app"):
        pass


# Errors of the application.


def get(url: str) -> int:
    return httpx.get(url, timeout=PATIENCE).status_code


def raised(app: Application, *paths: str) -> BaseException:
    """What is raised at the end, after requests that fail."""
    with pytest.raises((Exception, ExceptionGroup)) as caught:
        ask_in_vain(app, *paths)
    return caught.value


def ask_in_vain(app: Application, *paths: str) -> None:
    with esg.testing.serve(app) as server:
        assert [get(server.url + path) for path in paths] == [500] * len(paths)


def test_u10_an_exception_of_the_application_is_raised_at_the_end() -> None:
    assert repr(raised(plain, "/fail")) == "LookupError('/fail')"


def test_u10_several_are_a_group() -> None:
    group = raised(plain, "/fail/1", "/fail/2")
    assert isinstance(group, ExceptionGroup)
    assert [repr(error) for error in group.exceptions] == ["LookupError('/fail/1')", "LookupError('/fail/2')"]


def test_u10_an_exception_of_a_websocket_counts_too() -> None:
    with (
        pytest.raises(LookupError, match="/fail"),
        esg.testing.serve(plain) as server,
        pytest.raises(InvalidStatus, match="500"),
    ):
        connect(f"{server.ws_url}/fail")


def test_u10_a_test_may_ask_for_failures() -> None:
    with esg.testing.serve(plain, raise_app_exceptions=False) as server:
        assert get(f"{server.url}/fail") == 500
        assert [repr(error) for error in server.errors] == ["LookupError('/fail')"]


def test_u10_the_error_of_the_test_comes_first() -> None:
    with pytest.raises(AssertionError) as caught, esg.testing.serve(plain) as server:
        assert get(f"{server.url}/fail") == 200
    assert "LookupError: /fail" in caught.value.__notes__[0]


def test_u10_the_twin_in_the_loop_raises_too(loop: str) -> None:
    async def main() -> None:
        with pytest.raises(LookupError, match="/fail"):
            async with esg.testing.serve(plain) as server, httpx.AsyncClient(timeout=PATIENCE) as client:
                assert (await client.get(f"{server.url}/fail")).status_code == 500

    run_in(loop, main())


async def answers_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"


def test_u10_an_application_that_does_not_answer_has_failed() -> None:
    error = raised(answers_nothing, "/")
    assert isinstance(error, ApplicationError)
    assert str(error) == "the application returned without a response (H-10): GET /"


def with_lifespan(lifespan: Callable[[Receive, Send], Awaitable[None]]) -> Application:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)

    return app


async def fails_to_start(receive: Receive, send: Send) -> None:
    """As Starlette does."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    raise LookupError("no database")


async def breaks_in_its_startup(receive: Receive, send: Send) -> None:
    await receive()
    raise LookupError("no database")


async def fails_to_stop(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "no database"})
    raise LookupError("no database")


async def breaks_in_its_shutdown(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise LookupError("no database")


def test_u10_a_failed_startup_is_raised_at_once(loop: str) -> None:
    app = with_lifespan(fails_to_start)
    with pytest.raises(esg.StartupError, match="no database") as caught, esg.testing.serve(app, loop=loop):
        raise AssertionError("it has started")
    assert isinstance(caught.value.__cause__, LookupError)

    async def main() -> None:
        with pytest.raises(esg.StartupError, match="no database") as caught:
            async with esg.testing.serve(app):
                raise AssertionError("it has started")
        assert isinstance(caught.value.__cause__, LookupError)

    run_in(loop, main())


@pytest.mark.parametrize("lifespan", [breaks_in_its_startup, fails_to_stop, breaks_in_its_shutdown])
def test_u10_other_failures_of_the_lifespan_are_raised_at_the_end(
    lifespan: Callable[[Receive, Send], Awaitable[None]],
) -> None:
    has_run = False
    with pytest.raises(LookupError, match="no database"), esg.testing.serve(with_lifespan(lifespan)):
        has_run = True
    assert has_run


# Streams that never end.


@pytest.mark.parametrize("framework", STREAMS)
def test_u10_a_client_leaves_a_stream_that_never_ends(framework: str) -> None:
    """That is no error."""
    with esg.testing.serve(STREAMS[framework]()) as server:
        with httpx.stream("GET", f"{server.url}/events", timeout=PATIENCE) as response:
            assert next(response.iter_lines()).endswith("event")
        assert response.status_code == 200


@pytest.mark.parametrize("framework", STREAMS)
def test_u10_a_stream_that_is_open_at_the_end_is_ended(framework: str, loop: str) -> None:
    """In the time for running responses, and not by the client."""
    started = time.monotonic()
    with contextlib.ExitStack() as clients, esg.testing.serve(STREAMS[framework](), loop=loop) as server:
        response = clients.enter_context(httpx.stream("GET", f"{server.url}/events", timeout=PATIENCE))
        assert next(response.iter_lines()).endswith("event")
    assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("framework", STREAMS)
def test_u10_the_same_in_the_loop_of_the_test(framework: str, loop: str) -> None:
    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            aiohttp.ClientSession() as client,
            contextlib.AsyncExitStack() as responses,
            esg.testing.serve(STREAMS[framework](), timeout_graceful_shutdown=0.2) as server,
        ):
            response = await responses.enter_async_context(client.get(f"{server.url}/events"))
            assert b"event" in await response.content.readline()

    run_in(loop, main())


def test_u10_a_test_may_stop_the_server_itself() -> None:
    """To see what clients get when a deployment goes on."""
    stopped: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event\n", "more_body": True})
        await scope["extensions"]["esg.shutdown"]["wait"]()
        stopped.append("in time")
        await send({"type": "http.response.body", "body": b"bye\n"})

    with (
        esg.testing.serve(app, timeout_graceful_shutdown=PATIENCE) as server,
        httpx.stream("GET", server.url, timeout=PATIENCE) as response,
    ):
        lines = response.iter_lines()
        assert next(lines) == "event"
        server.shutdown()
        assert list(lines) == ["bye"]
    assert stopped == ["in time"]


def test_u10_an_application_that_blocks_its_thread_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test goes on, and learns where it hangs."""
    monkeypatch.setattr("esg.testing.MARGIN", 0.1)
    monkeypatch.setattr("esg.testing.SHUTDOWN_LIMIT", 0.1)
    is_over, blocks = threading.Event(), threading.Event()

    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            blocks.set()
            is_over.wait(PATIENCE)

    def block(clients: contextlib.ExitStack) -> None:
        with esg.testing.serve(stuck, timeout_graceful_shutdown=0.1, raise_app_exceptions=False) as server:
            client = clients.enter_context(socket.create_connection(place(server.url), PATIENCE))
            client.sendall(b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n")
            assert blocks.wait(PATIENCE)

    with contextlib.ExitStack() as clients:
        try:
            with pytest.raises(TimeoutError, match="its thread is left behind") as caught:
                block(clients)
        finally:
            is_over.set()
    assert ", in stuck" in caught.value.__notes__[0]
    for thread in [one for one in threading.enumerate() if one.name == "esg-testing"]:
        thread.join(PATIENCE)


def place(url: str) -> tuple[str, int]:
    host, port = url.rpartition("/")[2].split(":")
    return host, int(port)


# Pytest.

SUITE = """\
import httpx
from tests.behaviour.apps.tested import plain


def test_right(esg_server):
    first, second = esg_server(plain), esg_server(plain, raise_app_exceptions=False)
    assert first.url != second.url
    assert httpx.get(first.url).text == "hello"
    assert httpx.get(second.url + "/fail").status_code == 500


def test_wrong(esg_server):
    assert httpx.get(esg_server(plain).url + "/fail").status_code == 500
"""


def test_u10_the_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the application is one of the test that has asked for the server."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = (sys.executable, "-m", "pytest", "-q", "-p", "esg.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=6 * PATIENCE)
    assert "2 passed, 1 error in" in done.stdout, done.stdout + done.stderr
    assert "ERROR test_suite.py::test_wrong - LookupError: /fail" in done.stdout


LIGHT = """\
import sys
import esg.pytest_plugin
assert not any(name.startswith("esg_core") for name in sys.modules)
sys.modules["pytest"] = None
import esg
assert callable(esg.testing.serve)
"""


def test_u10_pytest_starts_as_fast_as_before_and_is_not_needed() -> None:
    """The plugin imports no server, and the module no pytest."""
    subprocess.run([sys.executable, "-c", LIGHT], check=True, timeout=3 * PATIENCE)
