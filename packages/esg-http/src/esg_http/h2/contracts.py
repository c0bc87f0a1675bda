"""What the streams of HTTP/2 need of their connection, and a tunnel of its stream."""

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_core.turns import TurnBudget
from esg_core.waiting import WriteGate
from esg_http.h2.coding.hpack import HeaderEncoder
from esg_http.h2.response_heads import ResponseHeads

if TYPE_CHECKING:
    from collections.abc import Callable

    from esg_http.call.contracts import Call
    from esg_http.h2.engine.base_stream import Unsent, Upload

MOST_UNWRITTEN = 65536
"""Bytes of output that a stream leaves to the one write at the end of the loop's turn."""

S_contra = TypeVar("S_contra", contravariant=True)


class StreamOutput(Protocol[S_contra]):
    """Where streams write to: `engine.sending.Sending`."""

    @property
    def out_size(self) -> int:
        """Bytes that have been framed and wait to be written."""

    @property
    def encoder(self) -> HeaderEncoder:
        """What encodes header sections."""

    def send_head(self, stream: S_contra, block: bytes, *, end: bool) -> None:
        """Frame a header section."""

    def send_response(self, stream: S_contra, block: bytes, body: bytes, *, end: bool) -> None:
        """Frame the head of a response and the first part of its body."""

    def send_data(self, stream: S_contra, body: bytes, *, end: bool) -> None:
        """Frame a part of the body, or keep it until windows and priorities allow it."""

    def send_trailers(self, stream: S_contra, headers: Headers) -> None:
        """Frame the trailers, after all that waits."""

    def reset(self, stream: S_contra, code: int) -> None:
        """End a stream before its end."""


class StreamInput(Protocol[S_contra]):
    """Where the bodies of requests come from: `engine.data.DataFrames`."""

    def consumed(self, stream: S_contra, size: int) -> None:
        """The application has taken so many bytes of the request's body: the client may send more."""


class StreamOwner(Protocol[S_contra]):
    """The connection, as its streams see it: what they write to and read from, and what they tell of their ends."""

    loop: asyncio.AbstractEventLoop
    time: "Callable[[], float]"
    budget: TurnBudget
    transport: asyncio.Transport
    gate: WriteGate
    heads: ResponseHeads

    body_limit: float
    """Bytes of a request's body; `inf` for no limit."""

    @property
    def sending(self) -> StreamOutput[S_contra]:
        """What frames responses."""

    @property
    def data(self) -> StreamInput[S_contra]:
        """What receives bodies."""

    def flush(self) -> None:
        """Write what has come together, without waiting for the end of the loop's turn."""

    def drain(self) -> None:
        """Serve what has been asked for, then close."""

    def hasten(self, deadline: float) -> None:
        """Let the streams' deadlines be looked at by then."""

    def leave(self, cycle: "Call") -> None:
        """A cycle has lost its stream before its end."""

    def warn(self, error: RequestError) -> None:
        """Say in the log why a request is refused."""


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
        """The tunnel is closed."""
