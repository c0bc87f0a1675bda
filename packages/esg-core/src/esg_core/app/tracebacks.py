"""Formats tracebacks for the author of an application: without frames of the server and of the import system."""

import importlib
from collections.abc import Iterator
from traceback import StackSummary, TracebackException

_HIDDEN = (
    "<frozen importlib",
    "<builtin>/frozen importlib",  # PyPy
    "<frozen runpy",
    importlib.__file__.removesuffix("__init__.py"),
    __file__.rpartition("app")[0],
)
"""Prefixes of the file names of frames to leave out: those of the import system and of this package."""


def application_traceback(error: BaseException) -> str:
    """The traceback of `error` and its causes, reduced to the application's own frames (rule L-1)."""
    report = TracebackException.from_exception(error)
    for part in _parts(report):
        own = [frame for frame in part.stack if not frame.filename.startswith(_HIDDEN)]
        part.stack = StackSummary.from_list(own)
    return "".join(line for line in report.format() if not _is_empty_heading(line, report)).rstrip("\n")


def _parts(report: TracebackException) -> Iterator[TracebackException]:
    """The report itself and those of its causes, contexts and grouped exceptions."""
    yield report
    for linked in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if linked is not None:
            yield from _parts(linked)


def _is_empty_heading(line: str, report: TracebackException) -> bool:
    """Whether a line is the heading of a traceback without frames."""
    return not report.stack and report.__cause__ is None and line.startswith("Traceback (most recent call last)")
