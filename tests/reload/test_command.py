"""The command `esg-reload` (rule U-5): options, messages, exit codes."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import esg_reload
from esg_reload.__main__ import main, parser


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "esg_reload", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=30)


def test_u5_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="esg-reload")
    assert script.load() is main


def test_options_and_defaults() -> None:
    given = parser().parse_args([])
    assert (given.watch, given.include, given.exclude, given.delay, given.grace) == ([], [], [], 0.25, 1.0)
    lists = ["--watch", "a", "--watch", "b", "--include", "*.html", "--include", "*.css", "--exclude", "x"]
    given = parser().parse_args([*lists, "--delay", "2", "--grace", "0"])
    assert (given.watch, given.include, given.exclude) == (["a", "b"], ["*.html", "*.css"], ["x"])
    assert (given.delay, given.grace) == (2.0, 0.0)


def test_help_fits_a_terminal_and_names_the_defaults() -> None:
    answer = run("--help")
    assert answer.returncode == 0
    assert max(map(len, answer.stdout.splitlines())) <= 80
    for part in ("esg-reload [OPTIONS] -- COMMAND", "*.py", ".* .py[cod] .sw.* ~*", "0.25"):
        assert part in answer.stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "put the command after --: esg-reload --watch src -- python worker.py"),
        (["--watch", "."], "put the command after --: esg-reload --watch src -- python worker.py"),
        (["python", "worker.py"], "python: put -- before the command: esg-reload -- python worker.py"),
        (
            ["--watch", "src", "python", "a b.py", "-v"],
            "python: put -- before the command: esg-reload --watch src -- python 'a b.py' -v",
        ),
        (["python", "--", "x"], "python: put -- before the command: esg-reload -- python"),
        (["--"], "put the command after --: esg-reload --watch src -- python worker.py"),
        (["--watch", "nowhere", "--", "true"], "there is no directory 'nowhere'"),
        (["--include", "", "--", "true"], "'' is not a pattern: write it as in a shell, such as '*.html'"),
        (["--delay", "-1", "--", "true"], "argument --delay: -1 is not a time: give seconds, 0 or more"),
        (["--grace", "inf", "--", "true"], "argument --grace: inf is not a time: give seconds, 0 or more"),
        (["--grace", "soon", "--", "true"], "argument --grace: soon is not a time: give seconds, 0 or more"),
        (["--wat", ".", "--", "true"], "--wat: no such option"),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    printed = capsys.readouterr()
    assert (caught.value.code, printed.out) == (2, "")
    assert printed.err == f"Error: {error}; see esg-reload --help\n"


def test_options_behind_the_dashes_belong_to_the_command(tmp_path: Path) -> None:
    answer = run("--", "/nowhere/command", "--watch", "nowhere", cwd=tmp_path)
    assert answer.returncode == 3


def test_a_command_that_cannot_be_started_is_told_in_one_line_with_exit_code_3(tmp_path: Path) -> None:
    answer = run("--", "/nowhere/command", cwd=tmp_path)
    assert answer.returncode == 3
    assert answer.stderr.splitlines() == [
        f"esg-reload: Watching {tmp_path.resolve()} for changes",
        "Error: /nowhere/command: No such file or directory",
    ]


def test_the_package_has_its_names_and_no_others() -> None:
    """They are imported when they are asked for."""
    assert all(getattr(esg_reload, name) is not None for name in esg_reload.__all__)
    with pytest.raises(AttributeError, match="module 'esg_reload' has no attribute 'nothing'"):
        getattr(esg_reload, "nothing")  # noqa: B009  # type checkers would refuse the plain way
