"""Opens the descriptors 0, 1 and 2 of a process that was started without them: `esg main:app >&-`.

Otherwise the next file or socket would get such a number and be taken for a standard stream: libuv aborts the process
when one is closed, programs print into connections, children inherit them.
"""

import os
import sys

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""The names in `sys`, in the order of their descriptors, and the modes to open them in."""


def fill_standard_streams() -> None:
    """Open the null device for each standard descriptor that is closed, and for the stream missing in `sys`.

    Children inherit the descriptors. Must be called before anything else is opened; harmless at any time.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < len(STREAMS):
        os.set_inheritable(number, True)
        name, mode = STREAMS[number]
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    os.close(number)
