"""What is to be run, made ready to be started as often as wanted: a command, or a Python callable.

Knows the interpreter and starts nothing. A callable is run by a fresh interpreter (`esg_reload.fresh`), so that it is
imported anew each time, with all that it imports; the program that reloads it is not imported a second time there, as
it would be by `multiprocessing`.
"""

import functools
import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.spawn import get_command_line

from esg_reload.fresh import VARIABLE, Errand

Work = Sequence[str] | str | Callable[..., object]
"""A command as a list, `"module:function"`, or a callable that can be imported, a `functools.partial` of one too."""


@dataclass(frozen=True)
class Launch:
    """How a process is started: its command, variables beside those of this process, descriptors it inherits."""

    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


def prepare(work: Work, descriptors: Sequence[int] = ()) -> Launch:
    """How to start some work; raises `TypeError` or `ValueError` for what another process cannot run."""
    if isinstance(work, str):
        return _errand(_reference(work), descriptors)
    if callable(work):
        return _errand(_pickled(work), descriptors)
    command = tuple(work)
    if not command or not all(isinstance(word, str) for word in command):
        raise TypeError(f"{work!r} is no command: give a list of texts, such as ['python', 'worker.py']")
    return Launch(command, descriptors=tuple(descriptors))


def _errand(work: str | bytes, descriptors: Sequence[int]) -> Launch:
    if getattr(sys, "frozen", False):
        raise ValueError("a frozen program has no interpreter that could run a callable: give a command")
    lifeline = _lifeline() if sys.platform != "win32" else None
    errand = Errand(work, tuple(sys.path), tuple(sys.argv), lifeline)
    inherited = tuple(descriptors) if lifeline is None else (*descriptors, lifeline)
    command = (*_interpreter(), "-c", "from esg_reload.fresh import main; main()")
    return Launch(command, {VARIABLE: errand.as_text()}, inherited)


def _reference(work: str) -> str:
    module, _, attribute = work.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise ValueError(f"{work!r} is no 'module:function'; give a command as a list of texts")
    return work


def _pickled(work: Callable[..., object]) -> bytes:
    function = work
    while isinstance(function, functools.partial):
        function = function.func
    if getattr(function, "__module__", None) == "__main__":
        raise ValueError(f"{function!r} is in the program itself: a fresh process needs it in a module of its own")
    try:
        return pickle.dumps(work)
    except Exception as error:
        raise ValueError(f"{work!r} cannot be handed to a fresh process: {error}") from error


def _interpreter() -> tuple[str, ...]:
    """The running interpreter with its flags, as `multiprocessing` would start another one."""
    command = [os.fsdecode(word) for word in get_command_line()]
    return tuple(command[: command.index("-c")])


@functools.cache
def _lifeline() -> int:
    """A descriptor that reads its end when this process has gone, in whatever way; the other end is never closed."""
    reading, _ = os.pipe()
    return reading
