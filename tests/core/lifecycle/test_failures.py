"""C-3: the error that ends a program, and which logs get it too."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.failures import explanation, report, show
from esg_core.logs import configure
from esg_core.options.config import Config
from tests.support.logging_state import untouched_logging


class Kept(logging.Handler):
    """A destination that is not a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture(autouse=True)
def kept() -> Iterator[Kept]:
    with untouched_logging():
        handler = Kept()
        logging.getLogger("esg").addHandler(handler)
        yield handler


def failed(cause: Exception | None = None) -> StartupError:
    """An error after it was raised."""
    try:
        raise StartupError("it failed") from cause
    except StartupError as error:
        return error


@pytest.mark.parametrize(("error", "code"), [(UsageError("wrong"), 2), (StartupError("failed"), 3)])
def test_an_error_is_one_line_and_an_exit_code(
    error: UsageError | StartupError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr() == ("", f"Error: {error}\n")


def test_what_explains_it_stands_above(capsys: pytest.CaptureFixture[str], kept: Kept) -> None:
    """In a log, it stands below: a log is read by lines, and searched by the first."""
    error = failed(ValueError("no database"))
    error.add_note("said the application")
    assert explanation(error) == ("it failed", "ValueError: no database\nsaid the application")
    report(error)
    assert capsys.readouterr().err == "ValueError: no database\nsaid the application\nError: it failed\n"
    assert kept.messages == ["it failed\nValueError: no database\nsaid the application"]
    assert kept.records[0].levelname == "CRITICAL"


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show("it failed:\nfor a reason")
    assert capsys.readouterr().err == "Error: it failed: for a reason\n"


def test_levels_and_filters_of_logging_hold(kept: Kept) -> None:
    kept.setLevel(logging.CRITICAL + 1)
    show("too low for the handler")
    kept.setLevel(logging.NOTSET)
    logging.getLogger("esg.error").addFilter(lambda record: "secret" not in record.getMessage())
    show("a secret")
    logging.getLogger("esg.error").setLevel(logging.CRITICAL + 1)
    show("too low for the logger")
    assert kept.messages == []


def test_handlers_of_the_root_have_it_where_records_go_there(kept: Kept) -> None:
    root = logging.getLogger()
    root.addHandler(kept)
    logging.getLogger("esg").handlers.clear()
    show("once")
    logging.getLogger("esg").propagate = False
    show("nowhere")
    assert kept.messages == ["once"]


def test_esg_s_own_log_does_not_repeat_it(capsys: pytest.CaptureFixture[str], kept: Kept) -> None:
    logging.getLogger("esg").handlers.clear()
    configure(Config("main:app"))
    logging.getLogger("esg.error").info("before")
    show("it failed")
    assert capsys.readouterr() == ("INFO:     before\n", "Error: it failed\n")


@pytest.mark.parametrize("how", ["missing", "closed", "null"])
def test_without_standard_error_every_log_has_it(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is raised because it is missing."""
    logging.getLogger("esg").handlers.clear()
    configure(Config("main:app", log_level="critical"))
    with Path(os.devnull).open("w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", None if how == "missing" else stream)
        if how == "closed":
            stream.close()
        show("it failed")
        monkeypatch.undo()
    assert capsys.readouterr().out == "CRITICAL: it failed\n"
