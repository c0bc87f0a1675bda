"""What one process answers when it is asked where it is and what it does (rule M-5).

Called from a thread that is not the event loop's, so it works while the application blocks that. The GIL is held while
frames are read, so none of them changes meanwhile. Reads what others keep; changes nothing.
"""

import asyncio
import json
import sys
import threading
import traceback
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from esg_core.admin.contracts import NamedStack, Question
from esg_core.calls.frames import frames_of
from esg_core.monitoring.running import ended_requests, running_requests

if TYPE_CHECKING:
    from esg_core.context import Context

MOST_TASKS = 200
"""Tasks whose stacks are given; a server with more of them has them in the same few places."""

DEEPEST = 100
"""Coroutines of one task, from the outermost on."""

MOST_WAITING = 10
"""Tasks that are named as waiting for another."""


def inspect_process(
    question: Question, loop: asyncio.AbstractEventLoop | None, context: "Context | None"
) -> Mapping[str, Any]:
    """The answer to a question; a process that is still starting may have no loop or context."""
    if question is Question.STACKS:
        return {"threads": thread_stacks(), "tasks": [] if loop is None else task_stacks(loop)}
    if context is None:
        return {"running": [], "ended": []}
    return {"running": running_requests(context), "ended": ended_requests(context)}


def to_answer(question: Question, content: Mapping[str, Any]) -> bytes:
    """The answer as one line of JSON without control characters."""
    return json.dumps([question.value, content], separators=(",", ":"), default=str).encode("ascii")


def from_answer(answer: bytes) -> tuple[Question, Mapping[str, Any]]:
    """What `to_answer()` was given; raises `ValueError` if it makes no sense."""
    found = json.loads(answer)
    if not (isinstance(found, list) and len(found) == 2 and isinstance(found[1], dict)):
        raise ValueError("this is not an answer")
    return Question(found[0]), found[1]


def thread_stacks() -> list[NamedStack]:
    """Where each thread is, innermost call last.

    Works while another thread blocks or computes, unless that one runs C code that keeps the GIL: then the caller does
    not get to run.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        NamedStack(name=names.get(ident, str(ident)), stack="".join(traceback.format_stack(frame)))
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - the documented way
    ]


def task_stacks(loop: asyncio.AbstractEventLoop) -> list[NamedStack]:
    """Where each task of the loop waits, from its coroutine to the innermost one, and which tasks wait for it."""
    tasks = islice(asyncio.all_tasks(loop), MOST_TASKS)
    return [NamedStack(name=task.get_name(), stack=_stack_of(task.get_coro()) + _waiting_for(task)) for task in tasks]


def _stack_of(coroutine: object) -> str:
    frames = ((frame, frame.f_lineno) for frame in islice(frames_of(coroutine), DEEPEST))
    return "".join(traceback.StackSummary.extract(frames).format())


def _waiting_for(task: asyncio.Task[Any]) -> str:
    """The tasks that wait for this one, in a line; asyncio knows them from CPython 3.14 on.

    `asyncio.capture_call_graph()` reads the same, but overflows the stack where two tasks wait for each other.
    """
    waiting = islice(getattr(task, "_asyncio_awaited_by", None) or (), MOST_WAITING)
    names = sorted(one.get_name() for one in waiting if isinstance(one, asyncio.Task))
    return f"  awaited by {', '.join(names)}\n" if names else ""
