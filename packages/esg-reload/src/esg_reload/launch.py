"""Prepares a command or a Python callable to be started any number of times.

Knows the interpreter and starts nothing. A fresh interpreter runs a callable (`esg_reload.fresh`), so that it is
imported again each time, with everything that it imports; unlike with `multiprocessing`, the program that reloads it is
not imported there.
"""

import functools
import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.spawn import get_command_line

from esg_reload.fresh import VARIABLE, Task

Work = Sequence[str] | str | Callable[..., object]
"""A command as a list, `"module:function"`, or a callable that can be imported, or a `functools.partial` of one."""


@dataclass(frozen=True)
class Launch:
    """How to start a process: its command, additional environment variables, and descriptors to inherit."""

    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


def prepare(work: Work, descriptors: Sequence[int] = ()) -> Launch:
    """How to start `work`; raises `TypeError` or `ValueError` for what another process cannot run."""
    if isinstance(work, str):
        return _task_launch(_reference(work), descriptors)
    if callable(work):
        return _task_launch(_pickled(work), descriptors)
    command = tuple(work)
    if not command or not all(isinstance(word, str) for word in command):
        raise TypeError(f"{work!r} is not a command: give a list of strings, such as ['python', 'worker.py']")
    return Launch(command, descriptors=tuple(descriptors))


def _task_launch(work: str | bytes, descriptors: Sequence[int]) -> Launch:
    if getattr(sys, "frozen", False):
        raise ValueError("a frozen program has no interpreter to run a callable: give a command")
    lifeline = _lifeline() if sys.platform != "win32" else None
    task = Task(work, tuple(sys.path), tuple(sys.argv), lifeline)
    inherited = tuple(descriptors) if lifeline is None else (*descriptors, lifeline)
    command = (*_interpreter(), "-c", "from esg_reload.fresh import main; main()")
    return Launch(command, {VARIABLE: task.as_text()}, inherited)


def _reference(work: str) -> str:
    module, _, attribute = work.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise ValueError(f"{work!r} is not 'module:function'; give a command as a list of strings")
    return work


def _pickled(work: Callable[..., object]) -> bytes:
    function = work
    while isinstance(function, functools.partial):
        function = function.func
    if getattr(function, "__module__", None) == "__main__":
        raise ValueError(f"{function!r} is defined in the program itself: a new process needs it in a separate module")
    try:
        return pickle.dumps(work)
    except Exception as error:
        raise ValueError(f"{work!r} cannot be passed to a new process: {error}") from error


def _interpreter() -> tuple[str, ...]:
    """The command of the running interpreter with its flags, as `multiprocessing` starts another."""
    command = [os.fsdecode(word) for word in get_command_line()]
    return tuple(command[: command.index("-c")])


@functools.cache
def _lifeline() -> int:
    """A descriptor that reaches end of file when this process has gone: the other end is never closed before."""
    reading, _ = os.pipe()
    return reading
