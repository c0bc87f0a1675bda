"""Adds to the loop's TLS half-closed connections (rule H-9), and an end for every process (rule L-7).

The TLS of asyncio and of uvloop gives up a connection as soon as the client says that it sends no more, by an alert
(close_notify, RFC 8446 section 6.1) or by ending the connection below, and drops what still waits to be written. A
`TLSLink` between the socket's transport and that TLS, and a `HalfClosingTLS` as its TLS object, hide both from it: the
protocol within is told by `eof_received()`, as over cleartext, and decides. Knows no protocol within TLS.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from esg_core.sockets.ends import close, end_for_client


class HalfClosingTLS(ssl.SSLObject):
    """A TLS object that tells `on_end`, not the loop's TLS, that the client has ended its side.

    `is_stuck`: the transport below takes nothing for now.
    """

    _sslobj: Any  # what `ssl.SSLObject.read()` calls: called directly, each read has one frame less

    is_stuck: bool
    on_end: Callable[[], None] | None
    _has_ended: bool
    _has_told: bool
    _owes_end: bool

    def begin(self) -> None:
        """Start with nothing told. The instance holds its state from the start: that is the fastest to look up."""
        self.is_stuck = self._has_ended = self._has_told = self._owes_end = False
        self.on_end = None

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """See `ssl.SSLObject`; the end of the client's side looks as if nothing more had come yet."""
        try:
            taken = self._sslobj.read(size) if buffer is None else self._sslobj.read(size, buffer)
        except ssl.SSLWantReadError:
            if not self._has_ended:
                raise
        else:
            if taken:
                return taken
        self._tell()
        raise ssl.SSLWantReadError

    def pending(self) -> int:
        """See `ssl.SSLObject`; at least 1 while the end has yet to be told, so that the loop's TLS reads."""
        pending: int = self._sslobj.pending()
        return pending or self._owes_end

    def unwrap(self) -> None:
        """See `ssl.SSLObject`; neither waits for an alert that cannot come, nor ends before everything is written."""
        try:
            ssl.SSLObject.unwrap(self)
        except ssl.SSLWantReadError:
            if not self._has_ended:
                raise
        if self.is_stuck:
            raise ssl.SSLWantReadError

    def end(self) -> None:
        """The connection below has ended: nothing more will come."""
        self._has_ended = True
        self._owes_end = not self._has_told

    def tell(self, on_end: Callable[[], None]) -> None:
        """Call `on_end` at the end of the client's side; at once if it has been read already."""
        self.on_end = on_end
        if self._owes_end:
            self._tell()

    def tell_again(self) -> None:
        """Tell the end once more when reading goes on."""
        self._has_told, self._owes_end = False, True

    def _tell(self) -> None:
        if self.on_end is None:
            self._owes_end = True
        elif not self._has_told:
            self._has_told, self._owes_end = True, False
            self.on_end()


class HalfClosingContext(ssl.SSLContext):
    """A TLS context whose connections can be half-closed; see `ssl.SSLContext`."""

    sslobject_class = HalfClosingTLS

    def wrap_bio(self, *arguments: Any, **keywords: Any) -> ssl.SSLObject:
        """See `ssl.SSLContext.wrap_bio`; the object starts with nothing told."""
        made = super().wrap_bio(*arguments, **keywords)
        assert isinstance(made, HalfClosingTLS)
        made.begin()
        return made


class TLSLink(asyncio.BufferedProtocol):
    """The protocol of a socket's transport once TLS is agreed on; passes everything on to `tls`, the loop's protocol.

    `inner` is the transport within TLS. Input goes straight to the loop's TLS, whose methods are the link's.
    """

    __slots__ = ("_inner", "_loop", "_object", "_outer", "_tls", "buffer_updated", "get_buffer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        outer: asyncio.Transport,
        tls: asyncio.BufferedProtocol,
        inner: asyncio.Transport,
    ) -> None:
        self._loop = loop
        self._outer = outer
        self._tls = tls
        self._inner = inner
        found = inner.get_extra_info("ssl_object")
        self._object = found if isinstance(found, HalfClosingTLS) else None
        if self._object is not None:
            self._object.tell(self._has_input_end)
        for name in ("get_buffer", "buffer_updated"):
            setattr(self, name, getattr(tls, name))

    def eof_received(self) -> bool | None:
        """See `asyncio.BufferedProtocol`; the connection stays open until the protocol within closes it."""
        if self._object is None:
            return self._tls.eof_received()
        self._object.end()
        self.buffer_updated(0)  # the loop's TLS must check whether it was waiting for this
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self._outer)  # an error may be TLS's
        if self._object is not None:
            self._object.on_end = None
        self._tls.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._object is not None:
            self._object.is_stuck = True
        self._tls.pause_writing()

    def resume_writing(self) -> None:
        if self._object is not None:
            self._object.is_stuck = False
        self._tls.resume_writing()
        if self._inner.is_closing():
            self.buffer_updated(0)  # asyncio's TLS does not check by itself whether it can end now

    def _has_input_end(self) -> None:
        """Called while the loop's TLS reads, before the protocol has been given what was read."""
        self._loop.call_soon(self._tell_input_end)

    def _tell_input_end(self) -> None:
        inner = self._inner
        if inner.is_closing() or self._object is None:
            return
        if not inner.is_reading():
            self._object.tell_again()
        elif not cast(asyncio.Protocol, inner.get_protocol()).eof_received():
            close(inner)


def outlives_input(transport: asyncio.Transport) -> bool:
    """Whether more can be written once the client has ended its side: over TLS, that takes a `TLSLink`."""
    found = transport.get_extra_info("ssl_object")
    return found is None or (isinstance(found, HalfClosingTLS) and found.on_end is not None)
