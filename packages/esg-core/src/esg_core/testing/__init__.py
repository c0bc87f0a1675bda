"""Tools to test codecs, protocols and applications without a network and without waiting.

* `ManualLoop`: an event loop whose clock the test moves, so that a time-out of a minute passes at once.
* `MemoryTransport`: an `asyncio.Transport` without a socket; the test plays the client at the other end.
* `drip()` and `pieces()`: the same bytes in other segments, for code that must not depend on how they arrive.
* `check_field_parser()` and `FIELD_CHECKS`: what a parser of header fields must do to be usable in ESG.

No server code imports this package, and nothing here imports a test framework.
"""

from esg_core.testing.feeding import Sizes, drip, pieces, random_sizes
from esg_core.testing.fields import FIELD_CHECKS, FieldCheck, FieldParser, check_field_parser
from esg_core.testing.loop import ManualLoop
from esg_core.testing.transport import MemoryTransport

__all__ = [
    "FIELD_CHECKS",
    "FieldCheck",
    "FieldParser",
    "ManualLoop",
    "MemoryTransport",
    "Sizes",
    "check_field_parser",
    "drip",
    "pieces",
    "random_sizes",
]
