"""The client's unidirectional streams, each of which says first what it is (RFC 9114 section 6.2).

Sans-I/O. The control stream and those of QPACK come once each and last as long as the connection; streams of unknown
types are refused, which their client must expect.
"""

from collections.abc import Mapping
from typing import Generic, Protocol

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_STREAM_CREATION_ERROR, KNOWN_STREAMS, PUSH
from esg_http.h3.coding.varints import read_varint
from esg_http.h3.engine.sending import Sending
from esg_http.h3.engine.streams import StreamNumbers
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.base_stream import S


class CriticalStream(Protocol):
    """A stream without which the connection cannot go on."""

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream."""

    def end(self) -> None:
        """The client has ended the stream, or reset it; raises `ConnectionFault`."""


class UnidirectionalStreams(Generic[S]):
    """Hands the bytes of critical streams to what reads them; `critical` has them by type."""

    __slots__ = ("_account", "_critical", "_numbers", "_open", "_sending", "_untyped")

    def __init__(self, critical: Mapping[int, CriticalStream], sending: Sending[S], account: Account) -> None:
        self._critical = dict(critical)
        self._sending = sending
        self._account = account
        self._numbers = StreamNumbers(2)
        self._open: dict[int, CriticalStream] = {}
        self._untyped: dict[int, bytes] = {}

    def on_data(self, number: int, data: bytes, end: bool) -> None:
        """The next bytes of a stream; nothing of them is held."""
        if data:
            self._sending.transport.consumed(number, len(data))
        stream = self._open.get(number)
        if stream is None:
            if number not in self._untyped and not self._numbers.take(number):
                return
            self._begin(number, self._untyped.pop(number, b"") + data, end)
            return
        stream.receive(data)
        if end:
            stream.end()

    def on_reset(self, number: int) -> None:
        """The client has reset a stream."""
        stream = self._open.get(number)
        if stream is not None:
            stream.end()
        self._untyped.pop(number, None)
        self._numbers.take(number)
        self._account.charge_useless()

    def _begin(self, number: int, data: bytes, end: bool) -> None:
        kind, at = read_varint(data, 0)
        if kind < 0:
            self._account.charge_useless()
            if not end:  # else it is as if it had never been there
                self._untyped[number] = data
            return
        if kind == PUSH:
            raise ConnectionFault(H3_STREAM_CREATION_ERROR, "a client must not push", "RFC 9114 section 6.2.2")
        if kind not in self._critical:
            self._refuse(number, kind)
            return
        stream = self._open[number] = self._critical.pop(kind)
        stream.receive(data[at:])
        if end:
            stream.end()

    def _refuse(self, number: int, kind: int) -> None:
        """Refuse a second stream of its type, which is an error, or one of an unknown type, which is not."""
        if kind in KNOWN_STREAMS:
            raise ConnectionFault(
                H3_STREAM_CREATION_ERROR, "a second stream of a type that comes once", "RFC 9114 section 6.2.1"
            )
        self._account.charge_useless()
        self._sending.transport.stop(number, H3_STREAM_CREATION_ERROR)
