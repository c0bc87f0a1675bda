"""What a tally needs to know of the server whose figures it keeps."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from esg_core.figures.quic import QuicFigures


class LoopTotals(NamedTuple):
    """What happened since a meter was made; both only grow."""

    busy: float
    """Seconds."""

    turns: int
    """0 if the loop does not count them."""


class TotalsMeter(Protocol):
    """Measures one loop, from the moment it is made; belongs to the thread of the loop."""

    def totals(self) -> LoopTotals:
        """What happened up to now, whatever has been read meanwhile."""


class AdmissionFigures(Protocol):
    """The admission: see `esg_core.overload.admission`."""

    limit: int
    in_flight: int
    refused: dict[str, int]
    on_waited: Callable[[float], None] | None

    @property
    def queued(self) -> int:
        """How many requests wait."""


class ServerFigures(Protocol):
    """The server: see `esg_core.context`."""

    requests: int
    handshakes: dict[str, int]
    quic: "QuicFigures | None"
    """None without HTTP/3."""

    @property
    def access(self) -> object | None:
        """The access log, if there is one."""

    @property
    def admission(self) -> AdmissionFigures | None:
        """None if nothing limits the running requests."""

    @property
    def connections(self) -> Collection[object]:
        """All that are open."""

    def open_streams(self, protocol: str) -> int:
        """How many streams the connections of a protocol have."""

    @property
    def cycles(self) -> Collection[object]:
        """All calls of the application that run."""

    def call_at_next_start(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the next request begins."""
