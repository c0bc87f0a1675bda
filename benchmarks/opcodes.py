"""The command: `python -m benchmarks.opcodes ROW`. How many bytecode instructions a request runs, by function.

`benchmarks.instructions` measures how much a request costs, this one where: the interpreter itself reports each
instruction that it runs. The figures are exact and the same in each run, but they count no C code, and not every
instruction costs the same.
"""

import argparse
import asyncio
import gc
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import uvloop

from benchmarks.in_process import PROTOCOLS, Client
from benchmarks.report import table
from benchmarks.rows import ROWS

_REQUESTS = 100
_WARM_UP = 20
_RARELY = _REQUESTS // 20
"""Anything that runs less often than this is caused by the clock, like a new date each second, and not by a request."""

Opcodes = dict[CodeType, tuple[float, float]]
"""What runs in each function: calls and instructions per request."""


class _Counter:
    """A trace function that counts the functions that `only` chooses."""

    def __init__(self, only: Callable[[CodeType], bool]) -> None:
        self._only = only
        self.calls: Counter[CodeType] = Counter()
        self.opcodes: Counter[CodeType] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        code, opcodes = frame.f_code, self.opcodes
        if not self._only(code):
            return None
        frame.f_trace_opcodes = True
        self.calls[code] += 1

        def local(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
            if event == "opcode":
                opcodes[code] += 1
            return local

        return local


def count_opcodes(
    server: str, row: str, run: Callable[[Coroutine[Any, Any, Opcodes]], Opcodes] = uvloop.run
) -> Opcodes:
    """What a request of a row runs in Python; `run` is the loop's."""
    return run(_count(server, row))


async def _count(server: str, row: str) -> Opcodes:
    client = Client(asyncio.get_running_loop(), ROWS[row], PROTOCOLS[server](ROWS[row])())
    return await counted(client.ask)


async def counted(
    ask: Callable[[int], Coroutine[Any, Any, None]], only: Callable[[CodeType], bool] = lambda _code: True
) -> Opcodes:
    """What a request runs in Python, in the functions that `only` chooses; `ask(times)` sends so many, one by one."""
    await ask(_WARM_UP)
    counter, before = _Counter(only), sys.gettrace()
    gc.collect()
    gc.disable()  # garbage collected meanwhile, and its finalizers, belong to others
    if frame := inspect.currentframe():
        frame.f_trace_opcodes = True  # CPython 3.12 counts none unless some frame has this before
    sys.settrace(counter)
    try:
        await ask(_REQUESTS)
    finally:
        sys.settrace(before)
        gc.enable()
    return {
        code: (counter.calls[code] / _REQUESTS, many / _REQUESTS)
        for code, many in counter.opcodes.items()
        if counter.calls[code] >= _RARELY
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opcodes", description=__doc__)
    parser.add_argument("row", choices=ROWS)
    parser.add_argument("--server", choices=PROTOCOLS, default="esg")
    options = parser.parse_args(arguments)
    print(opcodes_table(count_opcodes(options.server, options.row)))
    return 0


def opcodes_table(opcodes: Opcodes) -> str:
    """A line for each function, the dearest first."""
    ranked = sorted(opcodes.items(), key=lambda item: -item[1][1])
    lines = [(_name(code), f"{calls:.1f}", f"{many:.0f}") for code, (calls, many) in ranked if many >= 1]
    total = f"{sum(many for _, many in opcodes.values()):.0f}"
    return table(["function", "calls", "opcodes"], [*lines, ("total", "", total)])


def _name(code: CodeType) -> str:
    return f"{Path(code.co_filename).name} {code.co_qualname}"


if __name__ == "__main__":
    sys.exit(main())
