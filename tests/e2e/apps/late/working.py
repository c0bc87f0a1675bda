"""What handlers do that take long: they print how they end."""

import asyncio

LONG = 30
"""Seconds that no test waits for."""


def say(text: str) -> None:
    print(text, flush=True)


async def work(name: str) -> None:
    """Take long, and say what comes of it."""
    say(f"{name}: began")
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        say(f"{name}: cancelled")
        raise
