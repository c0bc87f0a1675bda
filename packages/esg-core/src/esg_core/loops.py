"""Makes event loops: the entry points of the group `esg.loop`."""

import asyncio
import sys


def asyncio_loop() -> asyncio.AbstractEventLoop:
    """The loop of the standard library, whatever event loop policy is set."""
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()


def uvloop_loop() -> asyncio.AbstractEventLoop:
    """The loop of uvloop, over libuv."""
    import uvloop

    return uvloop.new_event_loop()


__all__ = ["asyncio_loop", "uvloop_loop"]
