"""Serves an application in a test: over real sockets, with its lifespan, and with its errors raised in the test.

    with esg.testing.serve(app) as server:          # in a thread, with an event loop of its own
        assert httpx.get(server.url).text == "hello"

    async with esg.testing.serve(app) as server:    # in the event loop of the test
        ...

Knows neither a test framework nor a client (`esg.pytest_plugin` has the fixture); leaves signals and logging alone.
"""

import asyncio
import contextlib
import math
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from esg_core.errors import ESGError
from esg_core.lifecycle.drain import SHUTDOWN_LIMIT
from esg_core.lifecycle.owner import Owner
from esg_core.lifecycle.server import Server
from esg_core.options.config import Config

if TYPE_CHECKING:
    import signal
    from typing import Unpack

    from esg_core.context import Context
    from esg_core.options.keywords import ConfigOptions

GRACE = 1.0
"""Seconds that running responses have at the end, unless `timeout_graceful_shutdown` is given."""

MARGIN = 10.0
"""Seconds that a busy machine may need beyond the longest drain."""


class RunningServer:
    """A server in a test.

    `url` has no slash at the end: `http://127.0.0.1:49152`; `ws_url` is the same for WebSockets. `errors` are the
    exceptions that the application has raised so far, except those that only say that a client has gone.
    """

    def __init__(self, server: Server, errors: list[BaseException]) -> None:
        self.url = server.urls[0]
        self.ws_url = self.url.replace("http", "ws", 1)
        self.errors = errors
        self._server = server

    def shutdown(self) -> None:
        """Begin to stop, as after SIGTERM; may be called from any thread, and does not wait for the end."""
        self._server.shutdown()


class StartServer(Protocol):
    """The type of the fixture `esg_server`: takes what `serve()` takes; the server ends with the test."""

    def __call__(
        self, app: str | Callable[..., Any], *, raise_app_exceptions: bool = True, **options: "Unpack[ConfigOptions]"
    ) -> RunningServer:
        """Start a server; raises `StartupError` or `UsageError`."""


def serve(
    app: str | Callable[..., Any], *, raise_app_exceptions: bool = True, **options: "Unpack[ConfigOptions]"
) -> "Serving":
    """Serve `app` on a free port of 127.0.0.1 for as long as a `with` or `async with` block, which gets the server.

    Takes every option of `esg.Config`; running responses have 1 second at the end, after which they are cancelled. Then
    the block raises what the application has raised in its calls and in its lifespan, several exceptions as a group; if
    the block itself has raised, that exception goes on, and gets the others as notes. `raise_app_exceptions=False`
    leaves them in `errors`.

    Raises `UsageError`, and on entry `StartupError`; at the end `TimeoutError` if a thread can never end because the
    application blocks it.
    """
    given: Any = dict(options)
    place = {} if given.keys() & {"port", "uds", "fd", "bind"} else {"port": 0}
    config = Config(app, **{"timeout_graceful_shutdown": GRACE, **place, **given})
    return Serving(config, raise_app_exceptions=raise_app_exceptions)


class InTest(Owner):
    """The owner of a server in a test: collects what the application raises, and leaves signals to the program.

    `progress` is set when the server is ready, and by others when it has ended.
    """

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.progress = threading.Event()
        self.is_ready = False

    @contextlib.contextmanager
    def handling_signals(self, on_signal: "Callable[[signal.Signals], None]") -> Iterator[None]:
        """Handle none."""
        yield

    def assembled(self, context: "Context") -> None:
        """Collect failures from now on, those of the start-up included."""
        context.on_failure = self.errors.append

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Let the test go on."""
        self.is_ready = True
        self.progress.set()


class Serving:
    """One server, for `with` or `async with`, once; made by `serve()`."""

    def __init__(self, config: Config, *, raise_app_exceptions: bool) -> None:
        self._config = config
        self._raises = raise_app_exceptions
        self._test = InTest()
        self._server = Server(config, self._test)
        self._thread = threading.Thread(target=self._run, name="esg-testing", daemon=True)
        self._failure: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    # In a thread.

    def __enter__(self) -> RunningServer:
        self._thread.start()
        try:
            self._test.progress.wait()
        except BaseException:  # the user's CTRL+C, or the time limit of a test
            self._server.force_exit = True
            raise
        if not self._test.is_ready:
            self._fail()
        return RunningServer(self._server, self._test.errors)

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join(self._patience)
        if self._thread.is_alive():
            self._failure = self._hanging()
        self._conclude(error)

    def _run(self) -> None:
        try:
            self._server.run()
        except BaseException as error:  # noqa: BLE001 - it is raised in the test
            self._failure = error
        finally:
            self._test.progress.set()

    @property
    def _patience(self) -> float | None:
        """Seconds after which a thread that has not ended never will; None if the drain may take any time."""
        drain = self._config.shutdown_delay + self._config.timeout_graceful_shutdown
        return None if drain == math.inf else drain + SHUTDOWN_LIMIT + MARGIN

    def _hanging(self) -> TimeoutError:
        error = TimeoutError(f"the application has not ended within {self._patience:g} s: its thread is left behind")
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - documented, for debuggers
        if frame is not None:
            error.add_note("It is here:\n" + "".join(traceback.format_stack(frame)))
        return error

    # In the event loop of the test.

    async def __aenter__(self) -> RunningServer:
        self._task = asyncio.create_task(self._serve())
        try:
            await self._server.started
        except ESGError:
            await self._task
            self._fail()
        except BaseException:
            self._task.cancel()
            await asyncio.wait({self._task})
            raise
        return RunningServer(self._server, self._test.errors)

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        assert self._task is not None
        self._server.shutdown()
        await self._task
        self._conclude(error)

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in the test
            self._failure = error

    # What the test gets to know.

    def _fail(self) -> NoReturn:
        """Raise the reason for which the server has not started, caused by what the application has raised."""
        failure = self._failure or RuntimeError("the server has ended before it was ready")
        if failure.__cause__ is None and self._test.errors:
            failure.__cause__ = self._test.errors[0]
        raise failure

    def _conclude(self, error: BaseException | None) -> None:
        """Raise what has gone wrong, or note it in the error that the block has raised."""
        wrong = [*(self._test.errors if self._raises else ()), *([self._failure] if self._failure is not None else ())]
        if error is not None:
            for one in wrong:
                error.add_note("The server reports too:\n" + "".join(traceback.format_exception(one)))
        elif len(wrong) == 1:
            raise wrong[0]
        elif wrong:
            raise BaseExceptionGroup("the application has raised", wrong)


__all__ = ["RunningServer", "StartServer", "serve"]
