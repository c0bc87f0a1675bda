"""C-4: import strings in options are found in the application's directory, in every process model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import connect_to
from tests.support.e2e.server import PATIENCE, URL, Program

SCRIPT = str(Path(sys.executable).with_name("esg"))

PARTS = """
import asyncio, os
from esg_http.entry_points import h11

assert os.environ["OWN"] == "set", "env_file is read first"

def loop():
    print("own loop", flush=True)
    return asyncio.SelectorEventLoop()

def http(context):
    print("own http", flush=True)
    return h11(context)

def ws(context):
    print("own ws", flush=True)

def hook(scope, status, headers):
    return status, [*headers, (b"x-hook", b"own")]

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""

HANDLER = """
import logging

class Handler(logging.Handler):
    def emit(self, record):
        print("own handler:", record.getMessage(), flush=True)
"""

OPTIONS = {
    "loop": "own_parts:loop",
    "http": "own_parts:http",
    "ws": "own_parts:ws",
    "on_response": "own_parts:hook",
    "log_config": "log.json",
    "env_file": "own.env",
    "port": "0",
}
LOGGING = {
    "version": 1,
    "handlers": {"own": {"class": "own_handler.Handler"}},
    "loggers": {"esg": {"handlers": ["own"], "level": "INFO"}},
}
FLAGS = tuple(word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", value))
MODELS = {
    "single": (),
    "workers": ("--workers", "2"),
    "preload": ("--workers", "2", "--preload"),
    "reload": ("--reload",),
}
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}


Place = tuple[Path, tuple[str, ...]]
"""The current directory of a command, and what the command says about the application's directory."""


def place(here: Path, is_current: bool) -> Place:
    source = here if is_current else here / "source"
    source.mkdir(exist_ok=True)
    (source / "own_parts.py").write_text(PARTS)
    (source / "own_handler.py").write_text(HANDLER)
    (here / "own.env").write_text("OWN=set\n")
    (here / "log.json").write_text(json.dumps(LOGGING))
    return here, () if is_current else ("--app-dir", "source")


@pytest.mark.parametrize(
    ("command", "is_current"),
    [((SCRIPT,), True), ((sys.executable, "-m", "esg"), False)],
    ids=["script", "module and app-dir"],
)
@pytest.mark.parametrize("model", MODELS)
def test_c4_everything_is_found(tmp_path: Path, model: str, command: tuple[str, ...], is_current: bool) -> None:
    here, directory = place(tmp_path, is_current)
    words = (*command, "own_parts:app", *FLAGS, *directory, *MODELS[model])
    with Program(*words, cwd=here, env=ENVIRONMENT) as program:
        port = int(program.wait_for(URL)[3])
        with connect_to(port) as connection:
            assert get(connection).header("x-hook") == "own"
        for part in ("loop", "http", "ws"):
            program.wait_for(f"own {part}")
        program.wait_for("own handler: ESG running on")
        assert program.stop() == 0


@pytest.mark.parametrize("is_current", [True, False])
def test_c4_check_finds_everything(tmp_path: Path, is_current: bool) -> None:
    here, directory = place(tmp_path, is_current)
    words = (SCRIPT, "own_parts:app", *FLAGS, *directory, "--check")
    done = subprocess.run(
        words, cwd=here, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "own handler: Loading environment from own.env\nown loop\n")


@pytest.mark.parametrize("model", ["", "workers=2", "reload=True"])
def test_c4_a_program_finds_everything(tmp_path: Path, model: str) -> None:
    here, directory = place(tmp_path, is_current=False)
    keywords = ", ".join(f"{name}={value!r}" for name, value in {**OPTIONS, "port": 0}.items())
    (here / "programs").mkdir()
    (here / "programs" / "program.py").write_text(
        f"import esg\nesg.run('own_parts:app', {keywords}, app_dir={directory[1]!r}, {model})\n"
    )
    with Program(sys.executable, "programs/program.py", cwd=here, env=ENVIRONMENT) as program:
        port = int(program.wait_for(URL)[3])
        with connect_to(port) as connection:
            assert get(connection).header("x-hook") == "own"
        assert program.stop() == 0


@pytest.mark.parametrize("model", ["workers", "reload"])
def test_c4_a_parent_does_not_import_what_its_workers_do(tmp_path: Path, model: str) -> None:
    """So nothing that the application does can harm it, and the next start imports the current code."""
    (tmp_path / "own_parts.py").write_text(f"import os\nprint('imported by', os.getpid(), flush=True)\n{PARTS}")
    (tmp_path / "own.env").write_text("OWN=set\n")
    parts = ("--loop", "own_parts:loop", "--http", "own_parts:http", "--ws", "own_parts:ws")
    flags = (*parts, "--port", "0", "--env-file", "own.env")
    with Program(SCRIPT, "own_parts:app", *flags, *MODELS[model], cwd=tmp_path, env=ENVIRONMENT) as program:
        program.wait_for(URL)
        assert program.stop() == 0
        assert f"imported by {program.pid}" not in program.lines
        assert "imported by" in program.output
