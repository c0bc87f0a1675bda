"""W-1: a program that PyInstaller has frozen serves like any other, also with workers, without any interpreter."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import STARTED, connect_to, processes, wait_for_workers
from tests.support.e2e.server import PATIENCE, URL, Program
from tests.support.reload.processes import is_running, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

APPLICATION = """\
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""

PROGRAM = """\
import argparse, multiprocessing, os
import application
import esg

if __name__ == "__main__":
    if "SUPPORT" in os.environ:
        multiprocessing.freeze_support()
    if "ARGUMENTS" in os.environ:
        argparse.ArgumentParser().parse_args()
    if "PAGE" in os.environ:
        from esg_admin.page import page

        raise SystemExit(page().body.decode())
    options = eval(f"dict({os.environ['OPTIONS']})")
    esg.run("application:app", port=0, access_log=False, **options)
    print("end of program", flush=True)
"""


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable, built by PyInstaller without options; built once for all processes of the tests."""
    base = tmp_path_factory.getbasetemp()
    here = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "frozen"
    here.mkdir(exist_ok=True)
    with (here / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        executable = here / "dist" / "program" / "program"
        if not executable.exists():
            freeze(here)
    return executable


def freeze(here: Path) -> None:
    (here / "application.py").write_text(APPLICATION)
    (here / "program.py").write_text(PROGRAM)
    command = (sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "program.py")
    made = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, timeout=240)
    assert made.returncode == 0, made.stderr


class Frozen(Program):
    """The program, with ESG's options and additional variables."""

    def __init__(self, executable: Path, options: str, *names: str) -> None:
        environment = {**os.environ, "OPTIONS": options, **dict.fromkeys(names, "1")}
        super().__init__(str(executable), cwd=executable.parent, env=environment)

    @property
    def there(self) -> list[int]:
        started = STARTED.findall(self.output)
        return [pid for pid in map(int, started) if is_running(pid)]

    def answer(self) -> int:
        with connect_to(int(self.wait_for(URL)[3])) as connection:
            return int(get(connection).body)

    def settle(self, former: set[int], count: int) -> set[int]:
        """Wait until that many workers run, and none of the former ones."""
        return set(wait_for_workers(lambda: self.there, former, count))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_one_process(frozen: Path, loop: str) -> None:
    with Frozen(frozen, f"loop={loop!r}") as program:
        assert program.answer() == program.pid
        program.wait_for(f"with {loop}, httptools, websockets")
        assert program.stop() == 0
        assert program.lines[-1] == "end of program"


@pytest.mark.parametrize("names", [(), ("SUPPORT",), ("SUPPORT", "ARGUMENTS")])
def test_w1_workers_serve_and_are_replaced(frozen: Path, names: tuple[str, ...]) -> None:
    """Whether the program calls `freeze_support()` itself or leaves it to `esg.run()`."""
    with Frozen(frozen, "workers=2", *names) as program:
        first = program.settle(set(), 2)
        assert program.answer() in first
        os.kill(min(first), signal.SIGKILL)
        second = program.settle({min(first)}, 2)
        program.process.send_signal(signal.SIGHUP)
        program.settle(second, 2)
        assert program.stop() == 0
        assert program.lines.count("end of program") == 1
        assert [pid for pid in processes(program) if is_running(pid)] == []


def test_w1_the_files_of_the_live_page_are_packed(frozen: Path) -> None:
    environment = {**os.environ, "PAGE": "1"}
    answer = subprocess.run([frozen], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert answer.stderr.startswith("<!doctype html>"), answer.stderr
    assert "async function follow()" in answer.stderr


def test_w1_forked_workers(frozen: Path) -> None:
    with Frozen(frozen, "workers=2, preload=True") as program:
        assert program.answer() in program.settle(set(), 2)
        assert program.stop() == 0


def test_w3_a_new_program_takes_over(frozen: Path) -> None:
    with Frozen(frozen, "workers=1") as program:
        former = program.settle(set(), 1)
        program.process.send_signal(signal.SIGUSR2)
        new = int(program.wait_for(r"The new program \[(\d+)\] is serving")[1])
        assert program.process.wait(PATIENCE) == 0
        assert program.answer() in program.settle(former, 1)
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not is_running(new))


def test_w1_a_program_that_reads_its_arguments_first_is_told_what_to_do(frozen: Path) -> None:
    """The arguments of a child are for `multiprocessing`."""
    with Frozen(frozen, "workers=2", "ARGUMENTS") as program:
        assert program.wait() == 2
        hint = "before it was ready: a frozen program must call multiprocessing.freeze_support() before it reads its"
        assert len([line for line in program.lines if hint in line]) == 1
        assert "Traceback" not in program.output


def test_w6_a_frozen_program_cannot_be_reloaded(frozen: Path) -> None:
    with Frozen(frozen, "reload=True") as program:
        assert program.wait() == 2
        (line,) = program.lines
        assert "reload: a frozen program has no files that change: run it from its source to reload it" in line
