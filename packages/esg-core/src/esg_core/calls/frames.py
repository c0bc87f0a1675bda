"""Where a coroutine stands: its frames, through everything that it awaits.

`Task.get_stack()` knows only the outermost frame of a task that waits.
"""

import asyncio
from collections.abc import Iterator
from pathlib import PurePath
from types import FrameType

SHOWN = 5
"""Frames that `innermost()` names."""

DEEPEST = 1000
"""Frames that are looked at: a coroutine that awaits itself has no end."""

_OF_FUTURES = getattr(asyncio.Future.__await__, "__code__", None)
"""Where each waiting task stands at last, if futures are written in Python: PyPy's are."""


def frames_of(awaited: object) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, outermost first."""
    for _ in range(DEEPEST):
        if awaited is None:
            return
        following = None
        for prefix, of_inner in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(awaited, f"{prefix}_frame", None)
            if isinstance(frame, FrameType):
                yield frame
                following = getattr(awaited, of_inner, None)
        awaited = following


def innermost(coroutine: object) -> str:
    """The innermost frames in one line, innermost first: `load() in shop.py:12, called by view() in views.py:40`."""
    frames = [frame for frame in frames_of(coroutine) if frame.f_code is not _OF_FUTURES][-SHOWN:]
    return ", called by ".join(map(_named, reversed(frames)))


def _named(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_name}() in {PurePath(code.co_filename).name}:{frame.f_lineno}"
