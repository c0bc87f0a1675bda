"""C-2, C-3: the reason for a failed start is one line on standard error, in every process model."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.e2e.server import PATIENCE, Program

SCRIPT = str(Path(sys.executable).with_name("esg"))
COMMANDS = {"script": (SCRIPT,), "module": (sys.executable, "-m", "esg")}
MODELS = {
    "single": (),
    "workers": ("--workers", "2"),
    "preload": ("--workers", "2", "--preload"),
    "check": ("--check",),
}
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("ESG_")}

MODULES = {
    "whole": "async def app(scope, receive, send): ...\n",
    "broken": "def connect():\n    raise ZeroDivisionError('no database')\n\nconnect()\n",
    "factories": "import sys\n\ndef raises():\n    raise KeyError('x')\n\ndef leaves():\n    sys.exit('no database')\n",
    "loops": "def raises():\n    raise KeyError('x')\n\ndef nothing():\n    return 1\n",
    "lifespans": """
async def says(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

async def says_more(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "Traceback:\\n  here\\nKeyError: 'x'\\n"})

async def raises(scope, receive, send):
    await receive()
    raise KeyError("x")
""",
}

QUIET = {"version": 1, "loggers": {"esg": {"level": "CRITICAL"}}, "root": {"level": "CRITICAL"}}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with applications."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "quiet.json").write_text(json.dumps(QUIET))
    return tmp_path


def ended(here: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself; a port in use would be a different failure."""
    environment = {**ENVIRONMENT, "ESG_PORT": "0", **variables}
    return subprocess.run(
        command, cwd=here, env=environment, capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )


def error_of(done: "subprocess.CompletedProcess[str]") -> str:
    """The one error, which is the last line, while no line says that anything has started."""
    *_, last = lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("Error: ")] == [last]
    assert "esg_core" not in done.stderr
    assert not {"Started", "Finished", "cannot"} & set(done.stdout.split())
    return last.removeprefix("Error: ")


@pytest.mark.parametrize(
    "quiet", [(), ("--log-level", "critical"), ("--log-config", "quiet.json")], ids=["plain", "level", "config"]
)
@pytest.mark.parametrize("model", MODELS)
def test_c3_a_broken_application_is_told_whatever_is_logged(here: Path, model: str, quiet: tuple[str, ...]) -> None:
    """With its own traceback, once."""
    done = ended(here, SCRIPT, "broken:app", *MODELS[model], *quiet)
    assert done.returncode == 3
    assert error_of(done) == ("cannot import the application 'broken:app': it raised ZeroDivisionError during import")
    frames = [line.strip() for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert frames == [
        f'File "{here}/broken.py", line 4, in <module>',
        f'File "{here}/broken.py", line 2, in connect',
    ]


CASES = {
    "env-file": (("whole:app", "--env-file", "no.env"), 2, "--env-file no.env: no such file or directory"),
    "config": (("whole:app", "--config", "no.toml"), 2, "--config no.toml: no such file or directory"),
    "log-config": (("whole:app", "--log-config", "no.json"), 2, "--log-config no.json: no such file or directory"),
    "certificate": (("whole:app", "--ssl-certfile", "no.pem"), 2, "--ssl-certfile no.pem: no such file or directory"),
    "app-dir": (("whole:app", "--app-dir", "nowhere"), 2, "--app-dir nowhere: no such directory"),
    "name": (
        ("whole:app", "--ws", "wsproto2"),
        2,
        "--ws: unknown name 'wsproto2'; choose auto, none, websockets, wsproto or MODULE:ATTRIBUTE",
    ),
    "format": (
        ("whole:app", "--access-log-format", "x"),
        2,
        "--access-log-format: 'x' has no atom such as %(h)s, and is neither default nor json",
    ),
    "module": (("nothing:app",), 3, "cannot import the application 'nothing:app': there is no module 'nothing' in "),
    "attribute": (("whole:ap",), 3, "cannot import the application 'whole:ap': module 'whole' has no attribute 'ap'"),
    "factory": (("factories:raises", "--factory"), 3, "the factory 'factories:raises': it raised KeyError"),
    "exit": (
        ("factories:leaves", "--factory"),
        3,
        "the factory 'factories:leaves': it called sys.exit('no database')",
    ),
    "loop": (
        ("whole:app", "--loop", "loops:raises"),
        3,
        "--loop 'loops:raises' cannot be used: KeyError: 'x'",
    ),
    "no loop": (
        ("whole:app", "--loop", "loops:nothing"),
        3,
        "--loop 'loops:nothing' returned int, which is not an event loop",
    ),
    "hook": (("whole:app", "--on-response", "whole:x"), 3, "cannot import the hook --on-response 'whole:x': module"),
}


@pytest.mark.parametrize("model", MODELS)
def test_c2_the_same_failure_has_the_same_line_and_code_everywhere(here: Path, model: str) -> None:
    for name in CASES if model == "single" else ("env-file", "certificate", "module", "factory", "loop"):
        arguments, code, line = CASES[name]
        done = ended(here, *COMMANDS["module"], *arguments, *MODELS[model], "--log-level", "critical")
        assert done.returncode == code, (name, done.stderr)
        assert error_of(done).startswith(line), name


@pytest.mark.parametrize("model", ["single", "workers"])
@pytest.mark.parametrize(
    ("app", "options", "line", "above"),
    [
        ("says", (), "the application's startup failed: no database", []),
        ("says_more", (), "the application's startup failed: KeyError: 'x'", ["Traceback:", "  here", "KeyError: 'x'"]),
        (
            "raises",
            ("--lifespan", "on"),
            "the application raised KeyError in its startup; --lifespan off serves it without",
            ["KeyError: 'x'"],
        ),
    ],
)
def test_c3_a_failed_startup(
    here: Path, model: str, app: str, options: tuple[str, ...], line: str, above: list[str]
) -> None:
    done = ended(here, SCRIPT, f"lifespans:{app}", *options, *MODELS[model], "--log-level", "critical")
    assert (done.returncode, done.stdout) == (3, "")
    *before, last = done.stderr.splitlines()
    assert last == f"Error: {line}"
    assert before[-len(above) :] == above if above else before == []


@pytest.mark.parametrize("model", ["single", "workers", "preload"])
def test_c3_a_port_in_use(here: Path, model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = ended(here, SCRIPT, "whole:app", "--port", port, *MODELS[model], "--log-level", "critical")
    assert (done.returncode, done.stdout) == (3, "")
    assert error_of(done).startswith(f"cannot listen on 127.0.0.1:{port}: it is in use by another program; ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["env-file", "config", "log-config", "certificate", "app-dir", "name"])
def test_c3_what_no_change_of_a_file_mends_ends_the_reloader(here: Path, command: str, name: str) -> None:
    arguments, code, line = CASES[name]
    done = ended(here, *COMMANDS[command], *arguments, "--reload", "--log-level", "critical")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"Error: {line}\n"


def test_c3_a_broken_application_is_told_while_reloading(here: Path) -> None:
    """Whatever is logged; the reloader goes on."""
    command = (SCRIPT, "broken:app", "--reload", "--log-level", "critical", "--port", "0")
    with Program(*command, cwd=here, env=ENVIRONMENT) as program:
        program.wait_for("Error: cannot import the application 'broken:app': it raised ZeroDivisionError")
        (here / "broken.py").write_text("app = 1\n")
        program.wait_for("Error: 'broken:app' is not an application: it is int, which cannot be called")
        assert program.stop(signal.SIGINT) == 0


# What the user calls an option.


def test_c1_hints_call_an_option_as_the_user_does(here: Path) -> None:
    """The flag, the variable, the key of the file, the keyword; for an option that is not set, as the user would."""
    (here / "esg.toml").write_text('app-dir = "."\n')
    run = "import esg; esg.run('nothing:app'{})"
    for command, variables, name in (
        ((SCRIPT, "nothing:app"), {}, "--app-dir"),
        ((SCRIPT, "nothing:app", "--app-dir", "."), {}, "--app-dir"),
        ((SCRIPT, "nothing:app"), {"ESG_APP_DIR": "."}, "ESG_APP_DIR"),
        ((SCRIPT, "nothing:app", "--config", "esg.toml"), {}, "app-dir"),
        ((sys.executable, "-c", run.format("")), {}, "app_dir"),
        ((sys.executable, "-c", run.format(", app_dir='.'")), {}, "app_dir"),
        ((SCRIPT, "nothing:app", "--workers", "2"), {"ESG_APP_DIR": "."}, "ESG_APP_DIR"),
    ):
        done = ended(here, *command, **variables)
        assert done.returncode == 3
        assert error_of(done).endswith(f" or elsewhere on sys.path; see {name}")


def test_c1_values_are_shown_as_they_were_written(here: Path) -> None:
    (here / "esg.toml").write_text('env-file = "no.env"\n')
    run = "import esg; esg.run('whole:app', env_file='no.env')"
    for command, variables, text in (
        ((SCRIPT, "whole:app", "--env-file", "no.env"), {}, "--env-file no.env"),
        ((SCRIPT, "whole:app"), {"ESG_ENV_FILE": "no.env"}, "ESG_ENV_FILE=no.env"),
        ((SCRIPT, "whole:app", "--config", "esg.toml"), {}, "env-file='no.env'"),
        ((sys.executable, "-c", run), {}, "env_file='no.env'"),
    ):
        done = ended(here, *command, **variables)
        assert (done.returncode, done.stderr) == (2, f"Error: {text}: no such file or directory\n")


# What is also logged.


def table(handler: dict[str, str]) -> str:
    formatter = {"format": "%(levelname)s %(name)s %(message)s"}
    return json.dumps(
        {
            "version": 1,
            "formatters": {"plain": formatter},
            "handlers": {"it": {"formatter": "plain", **handler}},
            "root": {"handlers": ["it"], "level": "INFO"},
        }
    )


@pytest.mark.parametrize("model", ["single", "workers"])
def test_c3_a_log_that_has_another_reader_has_it_too(here: Path, model: str) -> None:
    """The line first, because a log is read by lines, then its explanation."""
    config = {"class": "logging.FileHandler", "filename": "esg.log"}
    (here / "log.json").write_text(table(config))
    done = ended(here, SCRIPT, "broken:app", "--log-config", "log.json", *MODELS[model])
    error = error_of(done)
    assert f"CRITICAL esg.error {error}\nTraceback (most recent call last):\n" in (here / "esg.log").read_text()
    assert (here / "esg.log").read_text().count(error) == 1


@pytest.mark.parametrize("model", ["single", "workers"])
def test_c3_a_log_on_standard_error_does_not_tell_it_twice(here: Path, model: str) -> None:
    (here / "log.json").write_text(table({"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}))
    done = ended(here, SCRIPT, "whole:app", "--http", "whole:x", "--log-config", "log.json", *MODELS[model])
    assert done.stderr.count("cannot import --http 'whole:x'") == 1


@pytest.mark.parametrize("model", ["single", "workers"])
def test_c3_where_standard_error_leads_nowhere_the_log_has_it(here: Path, model: str) -> None:
    """As in a daemon."""
    words = ("sh", "-c", 'exec "$@" 2>/dev/null', "sh", SCRIPT, "broken:app", *MODELS[model], "--log-level", "critical")
    done = ended(here, *words)
    assert done.returncode == 3
    assert done.stdout.startswith("CRITICAL: cannot import the application 'broken:app': it raised ZeroDivisionError")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal."""
    ends = os.openpty()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("quiet", [(), ("--log-config", "log.json")])
def test_c3_a_terminal_shows_it_once(here: Path, terminal: tuple[int, int], quiet: tuple[str, ...]) -> None:
    (here / "log.json").write_text(table({"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}))
    ours, theirs = terminal
    command = (SCRIPT, "whole:ap", "--port", "0", *quiet)
    done = subprocess.run(
        command, cwd=here, env=ENVIRONMENT, stdout=theirs, stderr=theirs, timeout=PATIENCE, check=False
    )
    assert done.returncode == 3
    assert os.read(ours, 65536).count(b"cannot import") == 1
