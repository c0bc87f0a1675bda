"""Tools to test codecs, protocols and applications without a network and without waiting.

* `ManualLoop`: an event loop whose clock the test moves, so that a time-out of a minute passes at once.
* `MemoryTransport`: an `asyncio.Transport` without a socket; the test plays the client at the other end.
* `drip()` and `pieces()`: the same bytes in other segments, for code that must not depend on how they arrive.

No server code imports this package, and nothing here imports a test framework.
"""

from esg_core.testing.feeding import Sizes, drip, pieces, random_sizes
from esg_core.testing.loop import ManualLoop
from esg_core.testing.transport import MemoryTransport

__all__ = [
    "ManualLoop",
    "MemoryTransport",
    "Sizes",
    "drip",
    "pieces",
    "random_sizes",
]
