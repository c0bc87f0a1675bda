"""The contracts between the layers: who calls whom, and with what.

A *cycle* is one ASGI call (receive, send, one response). A *stream* is what a cycle writes to: the HTTP/1.1 connection,
or one stream of HTTP/2. A *connection* is one accepted socket. None of these knows how the others work inside.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from esg_core.asgi import Application, Headers
from esg_core.waiting import WriteGate

if TYPE_CHECKING:
    from esg_core.overload.admission import Place


class Connection(Protocol):
    """One accepted connection, as the server sees it; it is in `Context.connections` from made to lost.

    It may have numbers for the statistics: `streams` of HTTP/2 that are open, `websockets` that it carries; and for the
    log at the level trace its `transport` and `protocol_name`.
    """

    deadline: float
    """Loop time at which `expire()` is due; `math.inf` while nothing is waited for."""

    check_at: int
    """Owned by the sweeper: the tick at which it looks at this connection again."""

    def drain(self) -> None:
        """Finish what runs, accept nothing new, then close (rule L-2). May be called twice."""

    def abort(self) -> None:
        """Close at once, whatever is unsent."""

    def expire(self, now: float) -> None:
        """The deadline has passed (rule H-17)."""


class Cycle(Protocol):
    """One running call of the application; it is in `Context.cycles` until the call has returned."""

    task: asyncio.Task[None]

    client_gone: bool
    """Whether nothing may be written for it any more."""

    place: "Place | None"
    """What it holds of the server's admission."""

    def run(self, app: Application) -> Coroutine[Any, Any, None]:
        """Call the application; what `Context.start()` makes the task of."""


Prepared = tuple[Any, int, int]
"""A response's header fields, checked and encoded: the bytes, the content-length they announce (-1 for none), flags."""


class Stream(Protocol):
    """What a cycle writes its response to: an HTTP/1.1 connection, or one stream of HTTP/2.

    All methods but `send_file` are synchronous: flow control is the `gate`, at which a cycle waits after writing.
    """

    gate: WriteGate

    is_head: bool
    """Whether the request's method is HEAD: its answer has no body, whatever it announces."""

    def prepare(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> Prepared:
        """Check and encode the header fields of a final response; raises `ApplicationError` for what is no header."""

    def respond(self, status: int, prepared: Prepared, body: bytes, end: bool) -> None:
        """Write the head of the final response and the first part of its body, together (rule H-4)."""

    def send(self, body: bytes, end: bool) -> None:
        """Write a further part of the body; tells the cycle where the client turns out to be gone."""

    def send_trailers(self, headers: Headers, end: bool) -> None:
        """Write trailer fields after the body, if the client asked for them (rule H-14)."""

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        """Write a part of the body straight from a file, with flow control."""

    def inform(self, status: int, headers: Headers) -> None:
        """Write an interim response: 100, 103."""

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int:
        """Say that another protocol is spoken from now on, and hand everything over to it; returns the status.

        `protocol` gets `connection_made()` with a transport of its own, then what the client has sent already.
        """

    def consumed(self, size: int) -> None:
        """The application took `size` bytes of the request's body: reading may go on (rule H-7)."""

    def finished(self) -> None:
        """The last byte of the response has been written."""

    def give_up(self) -> None:
        """End the response before its end, so that the client sees it is not complete."""
