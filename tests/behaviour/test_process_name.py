"""Names of processes (W-12), and the ids of requests in the log of real servers (A-10), in every process model."""

import re
import sys
from pathlib import Path

import pytest

from esg_core.errors import UsageError
from esg_core.lifecycle.process_name import name_process
from esg_core.options.config import Config
from tests.support.behaviour.working import LONG, processes
from tests.support.e2e.server import Program, Server
from tests.support.e2e.wire import ask
from tests.support.reload.processes import wait_until

APP = "tests.behaviour.apps.logged:app"


def titles(server: Program) -> list[str]:
    """What `ps` shows of the processes that have reported their start."""
    paths = [Path(f"/proc/{pid}/cmdline") for pid in processes(server)]
    return sorted(path.read_bytes().rstrip(b"\0").decode() for path in paths)


def asked(server: Server, path: str) -> str:
    """The id of the response to a request."""
    with server.connect() as connection:
        response = ask(connection, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    return str(response.header("x-request-id"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["shop [APP]"]),
        (["--workers", "2"], ["shop: parent [APP]", "shop: worker [APP]", "shop: worker [APP]"]),
        (["--workers", "1", "--preload"], ["shop: parent [APP]", "shop: worker [APP]"]),
    ],
    ids=["single", "workers", "preload"],
)
def test_w12_processes_have_the_name_and_their_role(options: list[str], expected: list[str]) -> None:
    with Server(APP, "--process-name", "shop", *options) as server:
        server.wait_for("http://")
        wanted = [title.replace("APP", APP) for title in expected]
        wait_until(lambda: titles(server) == wanted, LONG)
        assert server.stop() == 0


def test_w12_without_the_library_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    name_process(Config(APP), "")
    with pytest.raises(
        UsageError, match=r"^process_name needs setproctitle, which is not installed: pip install set\w+$"
    ):
        name_process(Config(APP, process_name="shop"), "worker")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("options", [["--http", "h11"], ["--workers", "2"]], ids=["single", "workers"])
def test_a10_lines_of_the_log_have_the_id(options: list[str], loop: str) -> None:
    """A-9: and what is excluded has no line."""
    with Server(APP, "--request-id", "--access-log-exclude", "/quiet*", "--loop", loop, *options) as server:
        asked(server, "/quiet/1")
        plain, failed = asked(server, "/"), asked(server, "/fail")
        server.wait_for(rf'"GET / HTTP/1.1" 200 OK \[{plain}\]')
        server.wait_for(rf'"GET /fail HTTP/1.1" 500 Internal Server Error \[{failed}\]')
        server.wait_for(rf"ERROR:    (?:\[\d+\] )?\[{failed}\] exception in the application: GET /fail")
        assert server.stop() == 0
    assert "/quiet" not in server.output
    assert re.search(r"INFO:     (?:\[\d+\] )?Started (?:server|parent) process", server.output)
