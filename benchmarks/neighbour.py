"""A process that walks through a large array, on the core of the server that is measured.

It takes turns with the server and leaves its caches cold, as other work on a machine does. It ends with the block that
has started it, with the process that has, or after `MOST_SECONDS`.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import ServerError, stop

_ROOT = Path(__file__).parent.parent

CACHE_LINE = 64
"""Bytes between what it touches."""

MOST_SECONDS = 3600.0


@contextlib.contextmanager
def neighbour(mebibytes: int, core: int) -> Iterator[None]:
    """Let one of this size run on the core during the block; none if the size is 0.

    Raises `ServerError` if it has ended before the block.
    """
    if not mebibytes:
        yield
        return
    program = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.neighbour", str(mebibytes)]
    process = subprocess.Popen(program, cwd=_ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        if not process.stdout.readline():  # it says when it has its array
            raise ServerError(f"the neighbour exited with {process.wait()}")
        yield
        if process.poll() is not None:
            raise ServerError("the neighbour ended before the measurement")
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def walk(mebibytes: int, seconds: float) -> None:
    """Touch every cache line of an array again and again."""
    parent = os.getppid()
    array = memoryview(bytearray(os.urandom(2**20)) * mebibytes)
    print("walking", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end and os.getppid() == parent:
        bytes(array[::CACHE_LINE])


def main() -> None:
    """Walk, in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbour", description=__doc__)
    parser.add_argument("mebibytes", type=int)
    walk(parser.parse_args().mebibytes, MOST_SECONDS)


if __name__ == "__main__":
    main()
