"""The lifespan: what the application may say and when, in each mode, and what becomes of it (L-1, L-2)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from esg_core.app.lifespan import Lifespan
from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.context import Context
from esg_core.errors import ApplicationError, StartupError
from esg_core.options.config import Config
from tests.support.logging_state import untouched_logging

Mode = Literal["auto", "on", "off"]
Script = Callable[[Lifespan, Context], Awaitable[None]]

MODES: tuple[Mode, ...] = ("auto", "on")


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Any:
    """ESG's records, whatever another test has configured."""
    with untouched_logging(), caplog.at_level(logging.INFO):
        yield caplog


def run(app: Application, mode: Mode, script: Script) -> Context:
    """Run a script with the lifespan of an application; no task may be left behind."""

    async def main() -> Context:
        context = Context(Config(app), app, asyncio.get_running_loop())
        await script(Lifespan(context, mode), context)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return context

    return asyncio.run(main())


async def both(lifespan: Lifespan, context: Context) -> None:
    """Start up and shut down."""
    await lifespan.startup()
    assert await lifespan.shutdown(1)


def says(*kinds: str, **extra: str) -> Application:
    """An application that receives a message before each `lifespan.KIND` that it sends."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for kind in kinds:
            received = await receive()
            assert kind.startswith(received["type"].removeprefix("lifespan."))
            await send({"type": f"lifespan.{kind}", **extra})

    return app


@pytest.mark.parametrize("mode", MODES)
def test_startup_and_shutdown(mode: Mode, log: pytest.LogCaptureFixture) -> None:
    run(says("startup.complete", "shutdown.complete"), mode, both)
    assert [record.getMessage() for record in log.records] == [
        "Waiting for application startup.",
        "Application startup complete.",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
    ]


def test_scope_and_state() -> None:
    """ASGI lifespan 2.0: requests get what the application puts into the state."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        scope["state"]["database"] = "connected"
        await says("startup.complete", "shutdown.complete")(scope, receive, send)

    context = run(app, "on", both)
    assert (seen["type"], seen["asgi"]) == ("lifespan", {"version": "3.0", "spec_version": "2.0"})
    assert seen["extensions"] == {"lifespan.shutdown.notice": {}}
    assert context.state == {"database": "connected"}


def test_application_that_loops_over_messages() -> None:
    """And asks for another one after the last: it is cancelled."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    run(app, "on", both)


def test_application_that_does_not_ask_before_it_answers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.startup"
        assert (await receive())["type"] == "lifespan.shutdown"
        await send({"type": "lifespan.shutdown.complete"})

    run(app, "on", both)


def test_off_calls_nobody() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("called")

    run(app, "off", both)


@pytest.mark.parametrize("mode", MODES)
def test_startup_that_says_it_failed(mode: Mode) -> None:
    async def script(lifespan: Lifespan, context: Context) -> None:
        with pytest.raises(StartupError, match=r"^the application's startup failed: no database$"):
            await lifespan.startup()
        assert await lifespan.shutdown(1)

    run(says("startup.failed", message="no database"), mode, script)


def test_failed_startup_that_raises_too_is_told_once(log: pytest.LogCaptureFixture) -> None:
    """As Starlette does; its message is a whole traceback."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback:\n  line\n"})
        raise ZeroDivisionError

    async def script(lifespan: Lifespan, context: Context) -> None:
        with pytest.raises(StartupError, match=r"^the application's startup failed:   line\n") as caught:
            await lifespan.startup()
        assert caught.value.__notes__ == ["Traceback:\n  line"]

    run(app, "auto", script)
    assert [record for record in log.records if record.levelno >= logging.WARNING] == []


async def raises_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("only HTTP")


async def raises_after_receiving(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ZeroDivisionError("no database")


async def answers_as_if_it_were_a_request(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def returns(scope: Scope, receive: Receive, send: Send) -> None: ...


@pytest.mark.parametrize("app", [raises_at_once, raises_after_receiving, answers_as_if_it_were_a_request, returns])
def test_application_without_lifespan(app: Application, log: pytest.LogCaptureFixture) -> None:
    """`auto` tolerates it, and warns if it may have been a failed start-up; `on` does not tolerate it."""

    async def fails(lifespan: Lifespan, context: Context) -> None:
        with pytest.raises(StartupError, match="lifespan='off' serves it without"):
            await lifespan.startup()

    run(app, "on", fails)
    run(app, "auto", both)
    warned = [record for record in log.records if record.levelno == logging.WARNING]
    assert len(warned) == (app is raises_after_receiving)


def test_exit_in_the_startup_is_a_failure() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise SystemExit("no configuration")

    async def script(lifespan: Lifespan, context: Context) -> None:
        with pytest.raises(StartupError, match=r"called sys.exit\('no configuration'\) in its startup"):
            await lifespan.startup()

    run(app, "auto", script)


@pytest.mark.parametrize(
    ("before", "wrong", "expected"),
    [
        ([], "lifespan.shutdown.complete", "lifespan.startup.complete or .failed"),
        ([], "http.response.start", "lifespan.startup.complete or .failed"),
        (["lifespan.startup.complete"], "lifespan.startup.complete", "nothing before it has received"),
        (["lifespan.startup.complete"], "lifespan.shutdown.complete", "nothing before it has received"),
        (["lifespan.startup.failed"], "lifespan.startup.complete", "nothing more"),
    ],
)
def test_message_at_the_wrong_time_names_the_right_one(before: list[str], wrong: str, expected: str) -> None:
    errors: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for kind in before:
            await send({"type": kind})
        try:
            await send({"type": wrong})
        except ApplicationError as error:
            errors.append(str(error))

    async def script(lifespan: Lifespan, context: Context) -> None:
        try:
            await lifespan.startup()
        except StartupError:
            assert before == ["lifespan.startup.failed"]
        await lifespan.cancel()

    run(app, "auto", script)
    (error,) = errors
    assert expected in error
    assert repr(wrong) in error


def test_cancelled_startup_cancels_the_application() -> None:
    cancelled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def script(lifespan: Lifespan, context: Context) -> None:
        starting = asyncio.create_task(lifespan.startup())
        await asyncio.sleep(0.01)
        starting.cancel()
        await asyncio.wait({starting})
        assert starting.cancelled()

    run(app, "on", script)
    assert cancelled == [True]


def test_shutdown_is_bounded(log: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await says("startup.complete")(scope, receive, send)
        await receive()
        await asyncio.sleep(60)

    async def script(lifespan: Lifespan, context: Context) -> None:
        await lifespan.startup()
        assert not await lifespan.shutdown(0.05)

    run(app, "on", script)
    assert "shutdown took longer than 0.05 s" in log.text


def test_shutdown_that_says_it_failed(log: pytest.LogCaptureFixture) -> None:
    run(says("startup.complete", "shutdown.failed", message="queue not empty"), "on", both)
    assert "the application's shutdown failed: queue not empty" in log.text
    assert "Application shutdown complete" not in log.text


@pytest.mark.parametrize("mode", MODES)
def test_shutdown_that_raises(mode: Mode, log: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await says("startup.complete")(scope, receive, send)
        await receive()
        raise ZeroDivisionError("queue not empty")

    run(app, mode, both)
    assert "ZeroDivisionError: queue not empty" in log.text
    assert "esg_core" not in log.text.partition("Traceback")[2]


def test_lifespan_that_ends_while_the_server_runs(log: pytest.LogCaptureFixture) -> None:
    """Its failure is logged when it happens; there is nothing left to shut down."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await says("startup.complete")(scope, receive, send)
        raise ZeroDivisionError("lost the database")

    async def script(lifespan: Lifespan, context: Context) -> None:
        await lifespan.startup()
        await asyncio.sleep(0.01)
        assert "ZeroDivisionError: lost the database" in log.text
        assert await lifespan.shutdown(1)

    run(app, "on", script)
    assert "Waiting for application shutdown" not in log.text


@pytest.mark.parametrize("asks", [True, False])
def test_l9_the_notice_comes_with_the_drain_to_an_application_that_asks_for_it(*, asks: bool) -> None:
    """All others get the shutdown as their second message, which they may not even look at."""
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        extra = {"shutdown_notice": True} if asks else {}
        while True:
            received.append((await receive())["type"].removeprefix("lifespan."))
            if received[-1] != "shutdown.notice":
                await send({"type": f"lifespan.{received[-1]}.complete", **extra})

    async def script(lifespan: Lifespan, context: Context) -> None:
        await lifespan.startup()
        await asyncio.sleep(0)
        assert received == ["startup"]
        context.drain()
        for _ in range(5):
            await asyncio.sleep(0)
        assert received == ["startup", *["shutdown.notice"] * asks]
        assert await lifespan.shutdown(1)

    run(app, "on", script)
    assert received == ["startup", *["shutdown.notice"] * asks, "shutdown"]


def test_l9_the_notice_comes_before_the_shutdown_even_if_the_application_is_late() -> None:
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete", "shutdown_notice": True})
        await asyncio.sleep(0.01)
        received.extend([(await receive())["type"] for _ in range(2)])
        await send({"type": "lifespan.shutdown.complete"})

    async def script(lifespan: Lifespan, context: Context) -> None:
        await lifespan.startup()
        context.drain()
        assert await lifespan.shutdown(20)

    run(app, "on", script)
    assert received == ["lifespan.shutdown.notice", "lifespan.shutdown"]
