"""Keeps the garbage collector away from what start-up has made.

Modules and applications are hundreds of thousands of objects that live as long as the process. Without this, each full
collection under load would stop all requests to go through them.
"""

import gc


def set_aside() -> None:
    """Collect garbage, unless the application has switched that off, then exempt all objects that there are."""
    if hasattr(gc, "freeze"):  # CPython
        if gc.isenabled():
            gc.collect()
        gc.freeze()


def take_back() -> None:
    """Undo it: what is garbage at the end of the process must be finalized, for example files that are written to."""
    if hasattr(gc, "unfreeze"):
        gc.unfreeze()
