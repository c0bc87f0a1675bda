"""The contracts between the layers.

A *cycle* is one ASGI call (receive, send, one response). A *stream* is what a cycle writes to: the HTTP/1.1 connection,
or one stream of HTTP/2 or HTTP/3. A *connection* is one accepted socket, or one QUIC connection. An *endpoint* takes in
the datagrams of one UDP socket. None of them knows the internals of the others.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

from esg_core.asgi import Application, Headers, Message, Receive, Scope, Send
from esg_core.waiting import WriteGate

if TYPE_CHECKING:
    from esg_core.overload.admission import Place


class Connection(Protocol):
    """One accepted connection, as the server sees it; it is in `Context.connections` from made to lost.

    It may have figures for the statistics: open HTTP/2 `streams`, and `websockets`; and, for the log at the level
    trace, its `transport` and `protocol_name`.
    """

    deadline: float
    """Loop time at which `expire()` is due; `math.inf` for never."""

    check_at: int
    """Owned by the sweeper: the tick at which it checks this connection again."""

    def drain(self) -> None:
        """Finish what runs, accept nothing new, then close (rule L-2). May be called twice."""

    def abort(self) -> None:
        """Close at once, whatever is unsent."""

    def expire(self, now: float) -> None:
        """The deadline has passed (rule H-17)."""


class ConnectionWatch(Protocol):
    """Is told which connections come and go: see `Context.clients`."""

    def join(self, connection: Connection) -> None:
        """A connection has been made."""

    def leave(self, connection: Connection) -> None:
        """A connection has been lost, or another one has its transport."""


class Cycle(Protocol):
    """One running call of the application; it is in `Context.cycles` until the call has returned."""

    task: asyncio.Task[None]
    """The task that serves it; only set if there is one: see `DirectApplication`."""

    direct: "DirectCall"
    """What has begun to serve it without a task; not set if it began with one."""

    body_complete: bool
    """Whether the whole request body has arrived."""

    client_gone: bool
    """Whether its client has gone, so that nothing more may be written."""

    place: "Place | None"
    """Its place in the server's admission."""

    @property
    def awaits_response(self) -> bool:
        """Whether the client waits, and the application has not begun to answer (rule H-24)."""

    def run(self, app: Application) -> Coroutine[Any, Any, None]:
        """Call the application; `Context.start()` runs this as a task."""

    def end_input(self) -> None:
        """Tell the application that its client has gone; it may still answer (rules H-9, H-24)."""

    def give_up_late(self) -> None:
        """End the exchange: the call was cancelled because its response is late, and goes on (rule H-24)."""

    def begin(self, app: "DirectApplication") -> None:
        """Let the application serve it without a task, and set `direct`; must not raise."""


class Exchange(Protocol):
    """A request that has arrived whole, as a `DirectApplication` serves it."""

    scope: dict[str, Any]

    def take_body(self) -> bytes:
        """The body of the request; `receive()` does not return it again."""

    def answer_and_end(self, status: int, headers: Headers, body: bytes) -> None:
        """Send the whole response; the call is over. Does not raise: errors are those of the application."""

    def go_on_in_task(self, rest: Application) -> None:
        """Serve the rest as ASGI does: `rest` is called in a task, and the call is over when it returns."""

    async def receive(self) -> Message:
        """As in ASGI."""

    async def send(self, message: Message) -> None:
        """As in ASGI."""


class DirectCall(Protocol):
    """A request that is served without a task."""

    def go_on_in_task(self) -> None:
        """Call the exchange's `go_on_in_task()`, unless that has been done or the exchange has ended."""


class DirectApplication(ABC):
    """An application that can also serve a request without a task, because it works in other threads.

    A task with its coroutine and future would cost such an application a fifth of what ESG does for a small request.
    """

    @abstractmethod
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As in ASGI, for whatever is not an `Exchange`."""

    @abstractmethod
    def begin(self, exchange: Exchange) -> DirectCall:
        """Begin to serve a request, without waiting; what it raises is an error of the application.

        Later, `answer_and_end()` or `go_on_in_task()` of the exchange is called, once, in the thread of the loop.
        """


Prepared = tuple[Any, int, int]
"""A response's header fields, checked and encoded: the bytes, their content-length (-1 for none), and flags."""


class Stream(Protocol):
    """What a cycle writes its response to: an HTTP/1.1 connection, or one stream of HTTP/2.

    All methods but `send_file` are synchronous: flow control is the `gate`, at which a cycle waits after writing.
    """

    gate: WriteGate

    is_head: bool
    """Whether the request's method is HEAD: its answer has no body, whatever it announces."""

    @property
    def connection(self) -> Connection:
        """What carries this exchange: itself, or the connection of the stream."""

    @property
    def is_trusted(self) -> bool:
        """Whether the peer is a proxy whose fields about the client count (rule H-19)."""

    def prepare(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> Prepared:
        """Check and encode the header fields of a final response; raises `ApplicationError` for invalid ones."""

    def respond(self, status: int, prepared: Prepared, body: bytes, end: bool) -> None:
        """Write the head of the final response and the first part of its body, together (rule H-4)."""

    def send(self, body: bytes, end: bool) -> None:
        """Write another part of the body; tells the cycle if the client turns out to be gone."""

    def send_trailers(self, headers: Headers, end: bool) -> None:
        """Write trailer fields after the body, if the client asked for them (rule H-14)."""

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        """Write a part of the body straight from a file, with flow control."""

    def inform(self, status: int, headers: Headers) -> None:
        """Write an interim response: 100, 103."""

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int:
        """Switch to another protocol and hand the connection over to it; returns the status.

        `protocol` gets `connection_made()` with its own transport, then what the client has sent already.
        """

    def consumed(self, size: int) -> None:
        """The application took `size` bytes of the request's body, so reading may continue (rule H-7)."""

    def finished(self) -> None:
        """The last byte of the response has been written."""

    def give_up(self) -> None:
        """Abort the response, so that the client sees that it is incomplete."""

    def drop(self) -> None:
        """Break off with a reset, of the connection or in HTTP/2 of the stream (rules H-24, H-26)."""


class DatagramPath(NamedTuple):
    """The way between a client and one of our addresses."""

    peer: tuple[Any, ...]
    """The client's address, as the socket says it."""

    local: bytes
    """Our address, packed, where the socket has several; else empty."""


class DatagramEndpoint(Protocol):
    """What takes in the datagrams of one socket."""

    @property
    def is_opening(self) -> bool:
        """Whether a connection is being established."""

    def received(self, datagram: bytes, path: DatagramPath) -> int:
        """Take in a datagram; returns what that cost, in units of the turn's budget (rule H-22)."""

    def refuse(self) -> None:
        """Let no new connection begin."""

    async def settle(self) -> None:
        """Wait until no connection is being established."""

    def close(self) -> None:
        """End what is left, at once; nothing is received after that."""


class Seat(NamedTuple):
    """The place of one process among those that serve one UDP port.

    What a process asks clients to send to has a mark, `magic` and `number`, which brings it the datagrams. `key`, at
    least 16 bytes, is the secret of all: with it, each can answer for one that is gone.
    """

    magic: bytes
    number: int
    key: bytes


class DatagramPort(Protocol):
    """A UDP socket, as its endpoint sees it; `seat` is None if this process is the only one that serves its port."""

    seat: Seat | None

    def send(self, datagram: bytes, path: DatagramPath) -> None:
        """Send at once. What the system has no room for is lost, as on the way."""

    def server_name(self, path: DatagramPath) -> tuple[Any, ...]:
        """The address that a client sends to, as `getsockname()` has it."""


EndpointMaker = Callable[[DatagramPort], DatagramEndpoint]
"""Makes the endpoint of a UDP socket, in the running loop."""
