"""A real browser without a window: Chromium, controlled through its DevTools protocol."""

import json
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.support.e2e.programs import find
from tests.support.e2e.server import PATIENCE

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)


class Page:
    """One tab. `events` are those that the browser has told of, once their domain is enabled."""

    def __init__(self, connection: ClientConnection) -> None:
        self.events: list[dict[str, Any]] = []
        self._connection = connection
        self._count = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the DevTools protocol."""
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv(timeout=PATIENCE))).get("id") != self._count:
            self.events.append(answer)
        result: dict[str, Any] = answer["result"]
        return result

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The first truthy value of a JavaScript expression."""
        end = time.monotonic() + PATIENCE
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"{expression} is still {value!r}"
            time.sleep(0.02)
        return value


class Browser:
    """A new browser with a fresh profile in `directory`; `flags` are for Chromium, in addition to `FLAGS`."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self._stack = ExitStack()
        self._note = directory / "DevToolsActivePort"
        command = [find("chromium") or "chromium", *FLAGS, *flags, f"--user-data-dir={directory}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)

    def open(self, url: str) -> Page:
        """A new tab with this page."""
        made = httpx.put(f"http://127.0.0.1:{self._port()}/json/new?{url}", timeout=PATIENCE, trust_env=False).json()
        unbounded = connect(made["webSocketDebuggerUrl"], max_size=None, max_queue=None, compression=None)
        return Page(self._stack.enter_context(unbounded))  # full queues of events that no test reads delay its close

    def _port(self) -> int:
        """The address on which it listens, which it writes to a file."""
        end = time.monotonic() + PATIENCE
        while not (self._note.exists() and self._note.read_text(encoding="ascii").strip()):
            assert time.monotonic() < end, "the browser does not listen"
            assert self._process.poll() is None, "the browser has ended"
            time.sleep(0.02)
        return int(self._note.read_text(encoding="ascii").split()[0])
