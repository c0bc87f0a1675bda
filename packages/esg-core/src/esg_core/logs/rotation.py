"""Opens the files of the log anew, after a program such as logrotate has given them other names.

Knows the handlers of the standard library that write to files, whoever has set them up; ESG's own log goes to standard
output, which is not ours to open.
"""

import logging
from collections.abc import Iterator


def reopen() -> None:
    """Let each file handler go on in a file of the name that it was given; harmless at any time, in any thread."""
    for handler in set(_file_handlers()):
        handler.acquire()
        try:
            if handler.stream is not None:
                handler.stream.close()
                handler.stream = handler._open()  # noqa: SLF001 - meant for subclasses, and all that close() leaves out
        finally:
            handler.release()


def _file_handlers() -> Iterator[logging.FileHandler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # a place holder for a parent has none
            if isinstance(handler, logging.FileHandler):
                yield handler


__all__ = ["reopen"]
