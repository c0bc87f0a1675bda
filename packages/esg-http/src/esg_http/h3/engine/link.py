"""What the engine tells its connection: the one way from streams to clock and application.

Sans-I/O. The engine calls these methods while it reads or writes; none of them may block.
"""

from typing import TYPE_CHECKING, Protocol

from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h3.engine.request_input import S
from esg_http.multiplexed.base_stream import Unsent

if TYPE_CHECKING:
    from esg_http.multiplexed.request_head import RequestHead


class EngineLink(Protocol[S]):
    """The connection, as its engine sees it."""

    def make_stream(self, number: int, window: int) -> S:
        """Return a new stream; `window` means nothing here: the transport knows it."""

    def begin(self, stream: S, head: "RequestHead") -> None:
        """Serve a request whose head has come; the request is complete if its stream has no upload."""

    def decline(self, stream: S, error: RequestError) -> None:
        """Answer a well-formed request that is not served."""

    def count_leftovers(self) -> None:
        """Update `RequestStreams.leftovers`."""

    def has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        """Log what a client did wrong."""

    def has_output(self) -> None:
        """Call `Sending.fill()` soon."""

    def has_begun_head(self) -> float:
        """A stream has begun, and its head is still to come: return when it must be there."""

    def has_unsent(self, unsent: Unsent) -> None:
        """A part of a response begins to wait: set its deadline."""

    def has_no_streams(self) -> None:
        """The last stream has been closed."""

    def has_failed(self, fault: ConnectionFault) -> None:
        """The connection is over."""
