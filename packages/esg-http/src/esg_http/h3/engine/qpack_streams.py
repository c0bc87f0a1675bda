"""The streams on which QPACK keeps dynamic tables in step, of which there are none here (RFC 9204 section 4).

Sans-I/O. The server allows the client a table of no capacity, and inserts nothing itself: almost every instruction is
an error.
"""

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import (
    H3_CLOSED_CRITICAL_STREAM,
    QPACK_DECODER_STREAM_ERROR,
    QPACK_ENCODER_STREAM_ERROR,
)
from esg_http.multiplexed.account import Account

_CAPACITY_0 = 0x20
"""The one instruction that an encoder may send: its table has no capacity (RFC 9204 section 4.3.1)."""

LONGEST_INTEGER = 9
"""Bytes after the prefix of a stream's number."""


def _ended() -> ConnectionFault:
    return ConnectionFault(H3_CLOSED_CRITICAL_STREAM, "a QPACK stream has ended", "RFC 9204 section 4.2")


class EncoderStream:
    """What the client's encoder says; see `unidirectional.CriticalStream`."""

    __slots__ = ("_account",)

    def __init__(self, account: Account) -> None:
        self._account = account

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if data.count(_CAPACITY_0) != len(data):
            raise ConnectionFault(
                QPACK_ENCODER_STREAM_ERROR, "an insertion into a table without capacity", "RFC 9204 section 3.2.3"
            )
        self._account.charge_useless(len(data))

    def end(self) -> None:
        """Always an error: this stream lasts as long as the connection."""
        raise _ended()


class DecoderStream:
    """What the client's decoder says; see `unidirectional.CriticalStream`."""

    __slots__ = ("_account", "_more")

    def __init__(self, account: Account) -> None:
        self._account = account
        self._more = 0

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream: cancellations have no effect, other instructions are wrong."""
        for byte in data:
            if self._more:
                self._more = self._more - 1 if byte >= 0x80 else 0
                if byte >= 0x80 and not self._more:
                    raise self._wrong("a stream's number is too long", "4.1.1")
            elif byte & 0xC0 != 0x40:
                raise self._wrong("an acknowledgement of what was never inserted", "4.4")
            else:
                self._account.charge_useless()
                self._more = LONGEST_INTEGER if byte & 0x3F == 0x3F else 0

    def end(self) -> None:
        """Always an error: this stream lasts as long as the connection."""
        raise _ended()

    def _wrong(self, reason: str, section: str) -> ConnectionFault:
        return ConnectionFault(QPACK_DECODER_STREAM_ERROR, reason, f"RFC 9204 section {section}")
