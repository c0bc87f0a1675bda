"""A real Prometheus that scrapes one address once a second."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.behaviour.lifecycle import free_port
from tests.support.e2e.programs import find
from tests.support.e2e.server import Program

PATIENCE = 60.0

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: esg
    static_configs: [{{targets: ["{}"]}}]
"""


class Prometheus:
    """It scrapes `target` (HOST:PORT) and keeps what it reads in `directory`."""

    def __init__(self, target: str, directory: Path) -> None:
        configuration = directory / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(target), encoding="utf-8")
        self._address = f"127.0.0.1:{free_port()}"
        self._program = Program(
            find("prometheus") or "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={self._address}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._program.kill()

    def value(self, query: str, at: float | None = None) -> float | None:
        """The only value of a query now, or `at` that time; None if there is none yet."""
        asked: dict[str, Any] = {"query": query} if at is None else {"query": query, "time": at}
        try:
            answer = httpx.get(f"http://{self._address}/api/v1/query", params=asked, timeout=PATIENCE, trust_env=False)
        except httpx.ConnectError:
            assert self._program.process.poll() is None, self._program.output
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None
        found = answer.json()["data"]["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, query: str, expected: float) -> None:
        """Wait until the only value of a query is this one."""
        end = time.monotonic() + PATIENCE
        while (value := self.value(query)) != expected:
            assert time.monotonic() < end, f"{query} is still {value}"
            time.sleep(0.1)
