"""Which requests a connection takes, what their header sections mean, and what becomes of those that go wrong.

Sans-I/O. The meaning of a section is remembered, because clients send few different ones.
"""

from abc import abstractmethod
from typing import Generic

from esg_core.asgi import Headers
from esg_http.coding.faults import StreamFault, TooManyFields
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.costs import BYTES_A_UNIT, FIELD
from esg_http.multiplexed.engine.link import BaseLink, Linked
from esg_http.multiplexed.engine.sending import BaseSending
from esg_http.multiplexed.field_count import check_count
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.malformed import MalformedRequests
from esg_http.multiplexed.request_head import RequestHead

REMEMBERED_HEADS = 64


class BaseRequests(Linked[BaseLink[S]], Generic[S]):
    """Reads requests.

    `leftovers` counts the calls that still run for closed streams: each takes the place of a stream. With
    `ignores_new`, the client may open no more streams. `_changes` counts the changes of the table that header sections
    refer to, if there is one.

    Each version sets its errors, its codes for a stream that is refused and for excess, and the length up to which
    the meaning of a section is remembered.
    """

    __slots__ = ("_account", "_changes", "_heads", "_limits", "_live", "_sending", "ignores_new", "leftovers")

    errors: MalformedRequests
    refused: int
    excessive: int
    remembered_block: int
    _sending: BaseSending[S]

    def __init__(
        self, live: dict[int, S], sending: BaseSending[S], account: Account, limits: Limits, link: BaseLink[S]
    ) -> None:
        super().__init__(link)
        self._live = live
        self._sending = sending
        self._account = account
        self._limits = limits
        self._heads: dict[bytes, RequestHead] = {}
        self._changes = 0
        self.ignores_new = False
        self.leftovers = 0

    # Header sections.

    def _read_head(self, block: bytes) -> RequestHead:
        """What a block means; remembered until the table changes, unless this block changes it."""
        before = self._changes
        head = self.errors.read_head(self._decode(block))
        head.check_line(self._limits.request_line)
        if len(block) <= self.remembered_block and self._changes == before:
            if len(self._heads) >= REMEMBERED_HEADS:
                self._heads.clear()
            self._heads[block] = head
        return head

    def _decode(self, block: bytes) -> Headers:
        try:
            fields = self._fields_of(block)
            check_count(fields, self._limits.fields)
        except TooManyFields:
            self._account.charge_oversized()
            raise
        self._account.room -= len(fields) * FIELD + len(block) // BYTES_A_UNIT
        return fields

    @abstractmethod
    def _fields_of(self, block: bytes) -> Headers:
        """Decode a block; raises `TooManyFields` without reading on where that is possible."""

    def _decode_trailers(self, block: bytes) -> Headers:
        try:
            return self._decode(block)
        except TooManyFields as error:
            raise self._too_large(error) from None

    def _too_large(self, error: TooManyFields) -> StreamFault:
        """What ends a stream whose request goes on with too much."""
        return StreamFault(self.excessive, str(error), error.section)

    # Streams.

    def _has_room(self) -> bool:
        """Check again whether another stream may be opened."""
        self._link.count_leftovers()
        return len(self._live) + self.leftovers < self._limits.streams

    def _refuse(self, number: int) -> None:
        """Refuse one stream too many: the client may ask again (RFC 9113 section 5.1.2, RFC 9114 section 4.1.1)."""
        self._account.charge_refused()
        self._give_up(number, self.refused)

    @abstractmethod
    def _give_up(self, number: int, code: int) -> None:
        """Reset a stream that has no request."""

    def end_stream(self, number: int, fault: StreamFault) -> None:
        """Reset a stream because of what the client did; doing so too often raises `ConnectionFault`."""
        self._link.has_fault(fault)
        self._account.charge_reset()
        stream = self._live.get(number)
        if stream is None:
            self._give_up(number, fault.code)
        else:
            self._sending.reset(stream, fault.code)
            stream.on_reset()
