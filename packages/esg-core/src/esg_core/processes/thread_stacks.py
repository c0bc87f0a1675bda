"""What the threads of this process are doing, as text.

Knows only the interpreter. The interpreter's lock is held while frames are read, so none of them moves; `faulthandler`,
which reads them from a signal handler, can meet a thread that runs, and end the process.
"""

import sys
import threading
import traceback


def stacks() -> str:
    """The stack of every thread, each under its name, innermost call last.

    It can be asked for while another thread blocks or computes, unless that one computes in C and keeps the
    interpreter's lock: then the caller does not get to run.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - the documented way
    )
