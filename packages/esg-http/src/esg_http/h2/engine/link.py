"""What the engine tells its connection: the one way from frames to transport, clock and application.

Sans-I/O. The engine calls these methods while it reads or writes frames; none of them may block.
"""

from typing import TYPE_CHECKING, Protocol

from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.engine.streams import S
from esg_http.multiplexed.base_stream import Unsent

if TYPE_CHECKING:
    from esg_http.multiplexed.request_head import RequestHead


class EngineLink(Protocol[S]):
    """The connection, as its engine sees it."""

    # Requests.

    def make_stream(self, number: int, window: int) -> S:
        """Return a new stream; `window` is what it may send."""

    def begin(self, stream: S, head: "RequestHead") -> None:
        """Serve a request whose head has come; the request is complete if its stream has no upload."""

    def decline(self, stream: S, error: RequestError) -> None:
        """Answer a well-formed request that is not served."""

    def count_leftovers(self) -> None:
        """Update `RequestFrames.leftovers`."""

    def has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        """Log what a client did wrong."""

    # Output.

    def has_output(self) -> None:
        """Write soon: `Sending.out` holds frames, or `Sending.fill()` may put some there."""

    # Deadlines.

    def has_started(self) -> None:
        """The client's preface has come: it must acknowledge the server's settings, and may send requests."""

    def has_begun_block(self) -> None:
        """The first part of a header block has come: set the deadline for the rest."""

    def has_unsent(self, unsent: Unsent) -> None:
        """A part of a response begins to wait: set its deadline."""

    def has_no_streams(self) -> None:
        """The last stream has been closed."""

    # Ends.

    def has_pong(self, payload: bytes) -> None:
        """The client has answered a PING."""

    def has_failed(self) -> None:
        """The connection is over, except for what is in `Sending.out`."""
