"""The programs in the pages about event streams and about testing do what the pages say."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.e2e.programs import needs
from tests.support.e2e.server import PATIENCE, ROOT, Program, Server


def programs(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@needs("curl")
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize(("number", "name"), [(0, "Starlette"), (1, "FastAPI"), (2, "lifespan.shutdown.notice")])
def test_l3_streams_end_in_time(tmp_path: Path, number: int, name: str, version: str) -> None:
    """L-9 for the last one: whole, and long before the time for running responses is over."""
    program = programs("event-streams.md")[number]
    assert name in program
    (tmp_path / "streams.py").write_text(program, encoding="utf-8")
    with (
        Server("streams:app", "--timeout-graceful-shutdown", "600", cwd=tmp_path) as server,
        Program("curl", "--silent", "--no-buffer", version, f"{server.url}/events") as client,
    ):
        client.wait_for("data: ")
        server.process.send_signal(signal.SIGTERM)
        assert (client.wait(), server.wait()) == (0, 0)


SHOP = "from tests.behaviour.apps.tested import plain as app\n"


def test_u10_tests_of_the_page_pass(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text("\n\n".join(programs("testing.md")), encoding="utf-8")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = (sys.executable, "-m", "pytest", "-q", "-p", "esg.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=6 * PATIENCE
    )
    assert "5 passed in" in done.stdout, done.stdout + done.stderr
