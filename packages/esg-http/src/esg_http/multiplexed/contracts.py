"""What streams need of their connection, and a tunnel of its stream."""

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from esg_core.asgi import Headers
from esg_core.contracts import Connection
from esg_core.errors import RequestError
from esg_core.turns import TurnBudget
from esg_core.waiting import WriteGate
from esg_http.call.peer import FactsOfTransport
from esg_http.multiplexed.response_heads import FieldEncoder, ResponseHeads

if TYPE_CHECKING:
    from collections.abc import Callable

    from esg_http.call.contracts import Call
    from esg_http.multiplexed.base_stream import Unsent, Upload

MOST_UNWRITTEN = 65536
"""Bytes of output that a stream leaves for the one write at the end of the loop's turn; more is written at once."""

S_contra = TypeVar("S_contra", contravariant=True)


class StreamCodes(NamedTuple):
    """The codes of a version with which streams end early."""

    no_error: int
    internal_error: int
    cancel: int


class StreamOutput(Protocol[S_contra]):
    """Where streams write to: the sending half of an engine."""

    @property
    def out_size(self) -> int:
        """Framed bytes that wait to be written."""

    @property
    def encoder(self) -> FieldEncoder:
        """Encodes header sections."""

    def send_head(self, stream: S_contra, block: bytes, *, end: bool) -> None:
        """Frame a header section."""

    def send_response(self, stream: S_contra, block: bytes, body: bytes, *, end: bool) -> None:
        """Frame the head of a response and the first part of its body."""

    def send_data(self, stream: S_contra, body: bytes, *, end: bool) -> None:
        """Frame a part of the body, or keep it until windows and priorities allow it."""

    def send_trailers(self, stream: S_contra, headers: Headers) -> None:
        """Frame the trailers, after everything that waits."""

    def reset(self, stream: S_contra, code: int) -> None:
        """Reset a stream; what is unsent is dropped."""


class StreamInput(Protocol[S_contra]):
    """Where the bodies of requests come from."""

    def consumed(self, stream: S_contra, size: int) -> None:
        """The application has taken `size` bytes of the request's body, so the client may send more."""


class StreamOwner(Protocol[S_contra]):
    """The connection, as its streams see it: what they write to, read from and report to."""

    loop: asyncio.AbstractEventLoop
    time: "Callable[[], float]"
    budget: TurnBudget
    gate: WriteGate
    heads: ResponseHeads

    body_limit: float
    """Bytes of a request's body; `inf` for no limit."""

    @property
    def connection(self) -> Connection:
        """Itself, as the server sees it."""

    @property
    def is_trusted(self) -> bool:
        """Whether the peer is a proxy whose fields about the client count."""

    @property
    def codes(self) -> StreamCodes:
        """What streams end with early."""

    @property
    def transport(self) -> FactsOfTransport:
        """The connection's transport, as far as a tunnel answers for it."""

    @property
    def sending(self) -> StreamOutput[S_contra]:
        """Frames responses."""

    @property
    def data(self) -> StreamInput[S_contra]:
        """Receives bodies."""

    def flush(self) -> None:
        """Write what has been framed, without waiting for the end of the loop's turn."""

    def drain(self) -> None:
        """Serve what has been requested, then close."""

    def hasten(self, deadline: float) -> None:
        """Check deadlines at `deadline` or before."""

    def leave(self, cycle: "Call") -> None:
        """A cycle's stream has ended before the cycle."""

    def warn(self, error: RequestError) -> None:
        """Log why a request is refused."""


class TunnelStream(Protocol):
    """The stream under a tunnel."""

    state: int
    listens: bool

    @property
    def unsent(self) -> "Unsent | None":
        """What waits to be sent."""

    @property
    def upload(self) -> "Upload | None":
        """What the client still sends; None once it has ended its side."""

    def forget_tunnel(self) -> None:
        """Let go of the tunnel, which is closed."""
