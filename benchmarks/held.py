"""What a process holds of its connections, for applications that report it."""

import asyncio
import gc
from collections import Counter

OF_A_CONNECTION = ("Connection", "Cycle", "H1Connection", "H2Connection", "H3Connection", "RequestStream", "Peer")
"""Classes whose objects must be gone with their connection, except those of the request that asks."""


def held() -> dict[str, int]:
    """How many tasks run, and how many objects there are of each class that belongs to a connection."""
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects())
    return {"tasks": len(asyncio.all_tasks()), **{kind: kinds[kind] for kind in OF_A_CONNECTION}}
