"""What an engine tells its connection, in any version: the one way from streams to transport, clock and application.

Sans-I/O. The engine calls these methods while it reads or writes; none of them may block.
"""

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.multiplexed.base_stream import S, Unsent

if TYPE_CHECKING:
    from esg_http.multiplexed.request_head import RequestHead


class BaseLink(Protocol[S]):
    """The connection, as its engine sees it."""

    # Requests.

    def make_stream(self, number: int, window: int) -> S:
        """Return a new stream; `window` is what it may send, and means nothing where the transport knows it."""

    def begin(self, stream: S, head: "RequestHead") -> None:
        """Serve a request whose head has come; the request is complete if its stream has no upload."""

    def decline(self, stream: S, error: RequestError) -> None:
        """Answer a well-formed request that is not served."""

    def count_leftovers(self) -> None:
        """Update `BaseRequests.leftovers`."""

    def has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        """Log what a client did wrong."""

    # Output.

    def has_output(self) -> None:
        """Call `Sending.fill()` soon, and write what there is to be written."""

    # Deadlines.

    def has_unsent(self, unsent: Unsent) -> None:
        """A part of a response begins to wait: set its deadline."""

    def has_no_streams(self) -> None:
        """The last stream has been closed."""

    # Ends.

    def has_failed(self, fault: ConnectionFault) -> None:
        """The connection is over, except for output that is still to be written."""


L = TypeVar("L")


class Linked(Generic[L]):
    """A part of an engine that tells its connection something."""

    __slots__ = ("_link",)

    def __init__(self, link: L) -> None:
        self._link = link

    def unlink(self) -> None:
        """Let go of the connection, which has ended."""
        del self._link
