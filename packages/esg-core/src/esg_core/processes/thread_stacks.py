"""Formats the stacks of all threads of this process.

Knows only the interpreter. The GIL is held while frames are read, so none of them changes; `faulthandler` reads them
from a signal handler, where it can meet a running thread and crash the process.
"""

import sys
import threading
import traceback


def stacks() -> str:
    """The stack of every thread, each under its name, innermost call last.

    Works while another thread blocks or computes, unless that thread runs C code that keeps the GIL: then the caller
    does not get to run.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - the documented way
    )
