"""Setting up the logging of a server process (rule R-2)."""

import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from esg_core import logs
from esg_core.errors import UsageError
from esg_core.logs.console import ConsoleHandler, untouched_console
from esg_core.options.config import Config


def config(**options: Any) -> Config:
    return Config("app:app", **options)


def test_all_goes_to_stdout_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(config())
    logging.getLogger("esg").info("one")
    logging.getLogger("esg.error").warning("two")
    logging.getLogger("esg.access").info("three")
    captured = capsys.readouterr()
    assert captured.out == "INFO:     one\nWARNING:  two\nINFO:     three\n"
    assert captured.err == ""


def test_the_root_logger_is_nobodys_business() -> None:
    root = logging.getLogger()
    before = root.handlers.copy(), root.level
    logs.configure(config())
    assert (root.handlers, root.level) == before


@pytest.mark.parametrize(
    ("level", "number"),
    [("critical", 50), ("error", 40), ("warning", 30), ("info", 20), ("debug", 10), ("trace", 5)],
)
def test_the_level_counts_for_all_three(level: str, number: int) -> None:
    logs.configure(config(log_level=level))
    for name in ("esg", "esg.error", "esg.access"):
        assert logging.getLogger(name).getEffectiveLevel() == number


def test_trace_is_a_level_with_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(config(log_level="trace"))
    logging.getLogger("esg.error").log(logs.TRACE, "every detail")
    assert capsys.readouterr().out == "TRACE:    every detail\n"


def test_colours_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(config(use_colors=True))
    logging.getLogger("esg.error").error("red")
    assert capsys.readouterr().out == "\x1b[31mERROR\x1b[0m:    red\n"


@pytest.mark.parametrize(("is_one_of_many", "number"), [(False, ""), (True, r"\[\d+\] ")])
def test_r5_timestamps_when_asked_for(capsys: pytest.CaptureFixture[str], is_one_of_many: bool, number: str) -> None:
    logs.configure(config(log_timestamps=True), is_one_of_many=is_one_of_many)
    logging.getLogger("esg.error").info("hello")
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{time} INFO:     {number}hello\n", capsys.readouterr().out)


def test_use_colors_also_counts_for_formatters_of_a_users_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    table = {
        "version": 1,
        "formatters": {"esg": {"()": "esg_core.logs.DefaultFormatter"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "esg", "stream": "ext://sys.stdout"}},
        "loggers": {"esg": {"handlers": ["out"], "propagate": False}},
    }
    logs.configure(config(use_colors=True, log_config=table))
    logging.getLogger("esg.error").error("red")
    assert capsys.readouterr().out == "\x1b[31mERROR\x1b[0m:    red\n"


def test_a_users_configuration_takes_the_place_of_esgs_own() -> None:
    logs.configure(config())
    logs.configure(config(log_config={"version": 1, "loggers": {"esg": {"level": "ERROR"}}}))
    assert logging.getLogger("esg").handlers == []
    assert logging.getLogger("esg.access").propagate
    assert logging.getLogger("esg.access").getEffectiveLevel() == logging.ERROR


def to_file(path: Path) -> dict[str, Any]:
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(path)}}
    return {"version": 1, "handlers": handlers, "loggers": {"esg": {"handlers": ["file"], "propagate": False}}}


def test_esgs_own_set_up_takes_the_place_of_a_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(config(log_config=to_file(tmp_path / "esg.log")))
    logging.getLogger("esg").handlers[0].close()
    logs.configure(config())
    logging.getLogger("esg.error").error("here")
    assert capsys.readouterr().out == "ERROR:    here\n"
    assert (tmp_path / "esg.log").read_text() == ""


def test_w9_what_cannot_be_used_leaves_the_former_log_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or to ESG's own, if the previous one can no longer be used either."""
    (tmp_path / "gone").mkdir()
    former = config(log_config=to_file(tmp_path / "gone" / "esg.log"))
    broken = config(log_config={"version": 1, "root": {"handlers": ["missing"]}})
    logs.configure(former)
    with pytest.raises(UsageError, match="'missing' is missing"):
        logs.reconfigure(broken, former)
    logging.getLogger("esg.error").error("one")
    assert (tmp_path / "gone" / "esg.log").read_text() == "one\n"
    (tmp_path / "gone" / "esg.log").unlink()
    (tmp_path / "gone").rmdir()
    with pytest.raises(UsageError, match="'missing' is missing"):
        logs.reconfigure(broken, former)
    logging.getLogger("esg.error").error("two")
    assert capsys.readouterr().out == "ERROR:    two\n"


def test_w9_the_table_of_a_file_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps(to_file(tmp_path / "esg.log")))
    assert logs.with_table(config(log_config=path)) == config(log_config=to_file(tmp_path / "esg.log"))
    assert logs.with_table(config()) == config()
    path.write_text("{")
    with pytest.raises(UsageError, match=r"^log_config=.*log\.json': .* line 1 column 2"):
        logs.with_table(config(log_config=path))


def test_logging_can_be_left_as_a_program_has_set_it_up() -> None:
    root = logging.getLogger()
    before = root.handlers.copy(), root.level
    logs.configure(config(log_config={"version": 1, "incremental": True}))
    assert (root.handlers, root.level) == before
    assert all(logging.getLogger(name).propagate for name in ("esg", "esg.error", "esg.access"))
    assert logging.getLogger("esg").handlers == []


def test_u8_none_leaves_logging_as_the_program_has_set_it_up() -> None:
    root = logging.getLogger()
    before = root.handlers.copy(), root.level
    logs.configure(config(log_config=None))
    assert (root.handlers, root.level) == before
    for name in ("esg", "esg.error", "esg.access"):
        logger = logging.getLogger(name)
        assert (logger.handlers, logger.propagate, logger.level) == ([], True, logging.NOTSET)
    logs.configure(config(log_config=None, log_level=logging.ERROR))
    assert logging.getLogger("esg.access").level == logging.ERROR


def test_u8_a_number_is_a_level() -> None:
    logs.configure(config(log_level=25))
    assert logging.getLogger("esg").level == 25


def test_a_level_that_is_set_comes_before_those_of_the_configuration() -> None:
    table = {"version": 1, "loggers": {"esg.access": {"level": "ERROR"}}}
    logs.configure(config(log_config=table, log_level="debug"))
    assert logging.getLogger("esg.access").level == logging.DEBUG


def test_configuring_again_does_not_log_twice(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logs.configure(config())
    logging.getLogger("esg.error").info("once")
    assert capsys.readouterr().out == "INFO:     once\n"


def test_a_logger_that_somebody_has_set_up_is_left_alone() -> None:
    theirs = logging.NullHandler()
    logging.getLogger("esg.access").addHandler(theirs)
    logs.configure(config())
    assert logging.getLogger("esg.access").handlers == [theirs]
    assert logging.getLogger("esg.access").propagate
    assert untouched_console(logging.getLogger("esg")) is not None


def test_without_standard_output_there_is_nothing_to_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    logs.configure(config())
    logging.getLogger("esg.error").info("said to nobody")
    logs.flush()
    assert logging.getLogger("esg").handlers == []


def test_a_formatter_that_fails_does_not_fail_the_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logs.configure(config())
    logging.getLogger("esg").handlers[0].setFormatter(logging.Formatter("%(nothing)s"))
    logging.getLogger("esg.error").info("hello")
    assert capsys.readouterr().out == ""


def test_a_console_is_touched_by_whatever_changes_its_lines() -> None:
    def console() -> tuple[logging.Logger, logging.Handler]:
        logs.configure(config())
        logger = logging.getLogger("esg.access")
        assert untouched_console(logger) is logger.handlers[0]
        return logger, logger.handlers[0]

    def passes(_: logging.LogRecord) -> bool:
        return True

    logger, handler = console()
    handler.setFormatter(logging.Formatter())
    assert untouched_console(logger) is None
    logger, handler = console()
    handler.addFilter(passes)
    assert untouched_console(logger) is None
    logger, handler = console()
    handler.setLevel(logging.WARNING)
    assert untouched_console(logger) is None
    logger, handler = console()
    logger.propagate = True
    assert untouched_console(logger) is None
    logger, handler = console()
    other = logging.NullHandler()
    logger.addHandler(other)
    assert untouched_console(logger) is None
    logger.removeHandler(other)
    logger, handler = console()
    logger.addFilter(passes)
    assert untouched_console(logger) is None
    logger.removeFilter(passes)
    assert untouched_console(logger) is handler


def test_closing_the_handlers_writes_what_is_left() -> None:
    stream = io.StringIO()
    logs.configure(config())
    handler = logging.getLogger("esg").handlers[0]
    assert isinstance(handler, ConsoleHandler)
    output = handler.output
    output._sink._stream = stream  # type: ignore[attr-defined] # a stream that outlives the capturing
    output.batch.append("the last line")
    handler.flush()
    assert stream.getvalue() == "the last line\n"


ENDING = """
import os, sys
from esg_core import logs
from esg_core.errors import UsageError
from esg_core.options.config import Config
logs.configure(Config("app:app"))
from esg_core.logs.setup import _Console
_Console.output.batch.append("the last line")
{}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError", "logs.flush(); os._exit(1)"])
def test_the_last_lines_are_written_however_the_process_ends(end: str) -> None:
    """Rule R-3: flushed at exit."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING.format(end)], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "the last line\n"


def test_importing_it_costs_little_and_configures_nothing() -> None:
    script = (
        "import logging, sys; import esg_core.logs, esg_core.access\n"
        "print(logging.getLogger('esg').handlers, 'logging.config' in sys.modules, 'yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[] False False\n"
