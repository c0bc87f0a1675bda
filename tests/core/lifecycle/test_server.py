"""`Server` inside a running loop: starting, stopping from everywhere, failing, and what it leaves behind."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import esg
from esg_core.asgi import Receive, Scope, Send
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.server import Server
from esg_core.options.config import Config
from tests.support.core.loops import run_in, until
from tests.support.logging_state import untouched_logging

TINY = "tests.support.core.tiny:protocol"


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with untouched_logging(), caplog.at_level(logging.INFO):
        yield caplog


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    await receive()
    scope["state"]["answer"] = b"hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def never_starts(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(60)


def config(application: Any = app, **options: Any) -> Config:
    return Config(application, http=TINY, **{"port": 0, **options})


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Server]:
    """A server that has started; it must end cleanly."""
    server = Server(config(**options))
    task = asyncio.create_task(server.serve())
    await server.started
    try:
        yield server
    finally:
        server.shutdown()
        await task


async def ask(server: Server) -> bytes:
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        writer.write(b"ping\n")
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


def test_u2_serve_in_a_running_loop(loop: str) -> None:
    """`started` is truthy and can be awaited; the port is the real one; the state reaches the connections."""

    async def main() -> None:
        server = Server(config())
        assert not server.started
        task = asyncio.create_task(server.serve())
        await server.started
        assert server.started
        port = server.sockets[0].getsockname()[1]
        assert port > 0
        assert server.urls == [f"http://127.0.0.1:{port}"]
        assert server.context.ready
        assert await ask(server) == b"ping hello\n"
        server.shutdown()
        await server.stopped
        await task
        assert not server.forced
        assert not server.context.ready
        assert server.sockets == ()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    run_in(loop, main())


@pytest.mark.needs("gc.freeze")
def test_an_embedded_server_leaves_garbage_collection_to_the_program(loop: str) -> None:
    async def main() -> None:
        async with serving():
            assert gc.get_freeze_count() == 0

    gc.unfreeze()
    try:
        run_in(loop, main())
    finally:
        gc.freeze()  # as the whole run has done


def test_messages(loop: str, log: pytest.LogCaptureFixture) -> None:
    """C-1: process, packages, address, how to stop, and each step."""

    async def main() -> str:
        async with serving() as server:
            return server.urls[0]

    url = run_in(loop, main())
    assert [record.getMessage() for record in log.records] == [
        "Waiting for application startup.",
        "Application startup complete.",
        f"Started server process [{os.getpid()}] with {loop}, {TINY}, websockets",
        f"ESG running on {url} (Press CTRL+C to quit)",
        "Shutting down",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        f"Finished server process [{os.getpid()}]",
    ]


def test_several_listeners(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"

    async def main() -> None:
        async with serving(port=8000, bind=["127.0.0.1:0", "[::1]:0", f"unix:{path}"]) as server:
            urls = server.urls
            assert [url.partition(":")[0] for url in urls] == ["http", "http", "unix"]
            assert urls[1].startswith("http://[::1]:")
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b"ping\n")
            assert await reader.readline() == b"ping hello\n"
            writer.close()
            await writer.wait_closed()
        assert not path.exists()

    run_in(loop, main())


def test_u8_one_worker_is_what_a_server_is(loop: str) -> None:
    """As in uvicorn; only `esg.run()` and the command start a parent for it."""

    async def main() -> None:
        async with serving(application="tests.core.lifecycle.test_server:app", workers=1) as server:
            assert await ask(server) == b"ping hello\n"

    run_in(loop, main())


def test_sockets_of_the_caller_take_the_place_of_the_addresses(loop: str) -> None:
    async def main() -> None:
        given = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        names = [sock.getsockname() for sock in given]
        server = Server(config())
        task = asyncio.create_task(server.serve(given))
        await server.started
        assert [sock.getsockname() for sock in server.sockets] == names
        assert await ask(server) == b"ping hello\n"
        server.shutdown()
        await task
        assert [sock.fileno() for sock in given] == [-1, -1]

    run_in(loop, main())


@pytest.mark.parametrize("how", ["should_exit", "shutdown", "force_exit"])
def test_stopped_from_another_thread(loop: str, how: str) -> None:
    """Like programs that run the server in a separate thread."""
    server = Server(config(loop=loop))
    thread = threading.Thread(target=server.run)
    handler = signal.getsignal(signal.SIGINT)
    thread.start()

    asyncio.run(until(lambda: server.started))
    assert signal.getsignal(signal.SIGINT) is handler
    if how == "shutdown":
        server.shutdown()
    else:
        setattr(server, how, True)
    assert server.should_exit
    thread.join(10)
    assert not thread.is_alive()
    assert server.forced == server.force_exit == (how == "force_exit")


def test_stopped_before_it_has_begun(loop: str) -> None:
    """Nothing is started, and tasks that wait for the start are told."""

    async def main() -> None:
        server = Server(config("no_such_module:app"))  # and so not even imported
        server.should_exit = True
        await server.serve()
        assert not server.started
        assert server.stopped
        with pytest.raises(StartupError, match="stopped before it started"):
            await server.started

    run_in(loop, main())


def test_stopped_during_the_startup(loop: str) -> None:
    async def main() -> None:
        server = Server(config(never_starts))
        task = asyncio.create_task(server.serve())
        await asyncio.sleep(0.05)
        server.shutdown()
        await task
        assert not server.forced

    run_in(loop, main())


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that reach the program's own handlers."""
    numbers: list[int] = []
    former = {
        number: signal.signal(number, lambda number, _: numbers.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield numbers
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l2_a_signal_that_stops_an_embedded_server_is_raised_again(
    loop: str, number: signal.Signals, heard: list[int]
) -> None:
    """When the server has ended, and for the handlers that the program had before."""
    before = signal.getsignal(number)

    async def main() -> str:
        server = Server(config())
        task = asyncio.create_task(server.serve())
        await server.started
        os.kill(os.getpid(), number)
        assert heard == []
        await task
        return "goes on"

    assert run_in(loop, main()) == "goes on"
    assert heard == [number]
    assert signal.getsignal(number) is before


def test_l2_a_server_that_fails_raises_no_signal_again(loop: str, heard: list[int]) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        os.kill(os.getpid(), signal.SIGTERM)
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def main() -> None:
        with pytest.raises(StartupError, match="no database"):
            await Server(config(fails)).serve()

    run_in(loop, main())
    assert heard == []


def test_second_signal_cancels_what_runs(loop: str, log: pytest.LogCaptureFixture, heard: list[int]) -> None:
    """L-2: both are raised again, the last one first."""

    async def main() -> None:
        server = Server(config(shutdown_delay=60))
        task = asyncio.create_task(server.serve())
        await server.started
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: "Serving for another 60 s" in log.text)
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(5):
            await task
        assert server.forced

    run_in(loop, main())
    assert heard == [signal.SIGINT, signal.SIGTERM]


def test_cancelled_server_leaves_nothing_behind(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"

    async def main() -> None:
        server = Server(config(uds=str(path)))
        task = asyncio.create_task(server.serve())
        await server.started
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not path.exists()
        assert server.stopped

    run_in(loop, main())


def test_l4_limit_of_requests(loop: str) -> None:
    async def main() -> None:
        server = Server(config(limit_max_requests=3))
        task = asyncio.create_task(server.serve())
        await server.started
        assert [await ask(server) for _ in range(3)] == [b"ping hello\n"] * 3
        async with asyncio.timeout(5):
            await task
        assert not server.forced

    run_in(loop, main())


def test_l4_jitter_is_added_to_the_limit() -> None:
    async def limits() -> set[float]:
        found = set()
        for _ in range(50):
            async with serving(limit_max_requests=100, limit_max_requests_jitter=3) as server:
                found.add(server.context.request_limit)
        return found

    limits_seen = asyncio.run(limits())
    assert limits_seen <= {100, 101, 102, 103}
    assert len(limits_seen) > 1


# Failures.


def failure(loop: str, configuration: Config) -> BaseException:
    """How a server that cannot start fails: `serve()` and `started` report the same."""

    async def main() -> BaseException:
        server = Server(configuration)
        with pytest.raises((StartupError, UsageError)) as caught:
            await server.serve()
        with pytest.raises((StartupError, UsageError)) as told:
            await server.started
        assert told.value is caught.value
        assert server.stopped
        return caught.value

    return run_in(loop, main())


def test_failed_startup_closes_what_was_bound(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    assert "no database" in str(failure(loop, config(raises, uds=str(path))))
    assert not path.exists()


def test_application_that_is_not_there_closes_what_was_bound(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    assert "no_such_module" in str(failure(loop, config("no_such_module:app", uds=str(path))))
    assert not path.exists()


def test_port_that_was_taken_meanwhile_lets_the_application_shut_down(loop: str, log: pytest.LogCaptureFixture) -> None:
    """While it is bound but does not listen yet, it can be taken while the application starts."""
    taken = socket.socket()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        taken.listen(1)
        await app(scope, receive, send)

    with taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        assert "it is in use" in str(failure(loop, config(slow, port=taken.getsockname()[1])))
    assert "Application shutdown complete." in log.text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"http": "none_such"}, "unknown name 'none_such'"),
        ({"http": "tests.support.core.tiny:needs_what_is_not_there"}, "cannot be used: ImportError: no parser"),
        ({"ssl_certfile": "missing.pem"}, "ssl_certfile='missing.pem': no such file or directory"),
        ({"access_log_format": "%(nonsense)s"}, "unknown atom"),
        ({"on_response": "tests.support.core.tiny:nothing"}, "cannot import the hook on_response"),
        ({"on_response": "sys:path"}, "on_response: 'sys:path' is list, which cannot be called"),
    ],
)
def test_option_that_cannot_be_followed(options: dict[str, Any], text: str) -> None:
    assert text in str(failure("asyncio", Config(app, **{"http": TINY, "port": 0, **options})))


def test_unknown_loop() -> None:
    with pytest.raises(UsageError, match="loop: unknown name 'none_such'"):
        Server(config(loop="none_such")).run()


def test_run_inside_a_running_loop_says_what_to_do_instead() -> None:
    """As in a notebook."""

    async def main() -> None:
        with pytest.raises(UsageError, match=r"await esg.Server\(config\).serve\(\) in it instead"):
            Server(config()).run()

    asyncio.run(main())


def test_context_is_there_from_the_startup_on() -> None:
    with pytest.raises(RuntimeError, match="no context before it starts"):
        _ = Server(config()).context


def test_u2_names_of_the_package() -> None:
    assert (esg.Server, esg.Config) == (Server, Config)
    with pytest.raises(AttributeError, match="module 'esg' has no attribute 'Sever'"):
        getattr(esg, "Sever")  # noqa: B009  # type checkers would refuse the plain way
