"""The contract between HTTP/3 and a QUIC transport, so that one QUIC library can take another's place.

Sans-I/O; knows neither: only what each may ask of the other. Everything happens in the event loop's thread; a method of
`QuicTransport` never calls a method of `QuicUser` before it returns, except for `close`, which may call `lost`.
"""

from typing import Any, Protocol


class QuicTransport(Protocol):
    """One QUIC connection, as HTTP/3 sees it.

    Streams are named by their numbers (RFC 9000 section 2.1). What is sent is queued; datagrams leave at the end of the
    loop's turn. Calls for a stream that has ended or was reset, and all calls after the connection's end, do nothing.
    """

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As `asyncio.BaseTransport.get_extra_info`; the names are asyncio's.

        Knows `peername` and `sockname` (where the client is now, and the address that it sends to), `cipher`, such as
        `("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)`, and `server_hostname`, the name that the client asked for.
        """

    def is_closing(self) -> bool:
        """Whether the connection has ended or is about to."""

    def send(self, stream: int, data: bytes, end: bool) -> None:
        """Queue bytes of a stream; `end` adds FIN."""

    def open_unidirectional(self) -> int:
        """Return the number of a new stream of the server's; the first is 3."""

    def reset(self, stream: int, code: int) -> None:
        """Abandon what is to be sent on a stream (RESET_STREAM, RFC 9000 section 19.4)."""

    def stop(self, stream: int, code: int) -> None:
        """Ask the client to send no more on a stream (STOP_SENDING, RFC 9000 section 19.5)."""

    def window(self, stream: int) -> int:
        """Return how many more bytes of a stream may be queued within the window that the client gives it.

        HTTP/3 queues the content of responses within it, so that what waits for a window waits with its stream. Heads
        and the control stream go beyond it; then they wait in the transport.
        """

    def connection_window(self) -> int:
        """Return how many more bytes of all streams may be queued within the window of the whole connection."""

    def unsent(self) -> int:
        """Return how many queued bytes of all streams have not left for the first time."""

    def is_delivered(self) -> bool:
        """Whether the client has acknowledged everything that was queued."""

    def consumed(self, stream: int, size: int) -> None:
        """`size` bytes of those that `stream_data` delivered are no longer held: open the stream's window as far.

        The window of the whole connection opens as bytes come, so that no stream holds up another.
        """

    def close(self, code: int, reason: str) -> None:
        """End the connection (CONNECTION_CLOSE of the application, RFC 9000 section 19.19)."""

    def abort(self) -> None:
        """Forget the connection at once, without waiting for what is unsent."""


class QuicUser(Protocol):
    """The HTTP/3 connection, as its transport sees it."""

    def connected(self, transport: QuicTransport) -> None:
        """The handshake is complete. Called once, before everything else."""

    def stream_data(self, stream: int, data: bytes, end: bool) -> None:
        """More bytes of a stream have come, in order; `end` says that they are the last (FIN), and comes once.

        All of them count against the stream's window until `consumed` is called, those of frames' heads too.
        """

    def stream_reset(self, stream: int, code: int) -> None:
        """The client has abandoned what it was sending (RESET_STREAM); nothing more of the stream is delivered."""

    def stream_stopped(self, stream: int, code: int) -> None:
        """The client wants no more of a stream (STOP_SENDING); the transport has reset it already."""

    def progressed(self) -> None:
        """Something was sent or acknowledged, or the client has opened a window: what waits may go on.

        Called at most once per turn of the loop.
        """

    def lost(self, exc: Exception | None) -> None:
        """The connection is over, None if without a fault. Called once and last; the transport forgets its user."""
