"""Reopens log files after a program such as logrotate has renamed them.

Covers all handlers of the standard library that write to files, whether ESG or the application has set them up; ESG's
own log goes to standard output, which is not reopened.
"""

import contextlib
import logging
from collections.abc import Iterator
from io import TextIOWrapper


def reopen() -> bool:
    """Let each file handler continue in a new file of the same name; harmless at any time, in any thread.

    Returns whether that worked. If one file cannot be opened, that is logged, and all stay as they are.
    """
    with contextlib.ExitStack() as opened:
        streams = {}
        for handler in set(_file_handlers()):
            try:
                stream = _opened(handler)
            except Exception as error:  # noqa: BLE001 - a subclass may open whatever it likes
                _refuse(handler, error)
                return False
            if stream is not None:
                streams[handler] = opened.enter_context(stream)
        opened.pop_all()
    for handler, stream in streams.items():
        _replace(handler, stream)
    return True


def _opened(handler: logging.FileHandler) -> TextIOWrapper | None:
    """The new file of a handler; None if it has no file open now."""
    with _held(handler):
        return None if handler.stream is None else handler._open()  # noqa: SLF001 - meant for subclasses


def _replace(handler: logging.FileHandler, stream: TextIOWrapper) -> None:
    with _held(handler):
        former, handler.stream = handler.stream, stream
    if former is not None:
        former.close()


def _refuse(handler: logging.FileHandler, error: Exception) -> None:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    logging.getLogger("esg.error").error(
        "Log files were not reopened, all stay as they are: %s: %s", handler.baseFilename, reason
    )


@contextlib.contextmanager
def _held(handler: logging.Handler) -> Iterator[None]:
    handler.acquire()
    try:
        yield
    finally:
        handler.release()


def _file_handlers() -> Iterator[logging.FileHandler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # a place holder for a parent has none
            if isinstance(handler, logging.FileHandler):
                yield handler
