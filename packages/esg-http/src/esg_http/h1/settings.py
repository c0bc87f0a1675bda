"""What HTTP/1.1 connections need besides what all versions share."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from esg_core.asgi import Headers
from esg_http.h1.request_fields import RequestFields, RequestStart
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.h2.settings import H2Settings

FieldParser = Callable[[bytes], Headers]
"""Splits a block of field lines: see `codec_httptools.parse_fields`."""

STARTS = 1024
"""How many request starts are remembered."""

BLOCKS = 256
"""How many blocks of fields are remembered for all connections."""

REMEMBERED_BLOCK = 2048
"""The largest block of fields, in bytes, that is remembered."""


class H1Settings(HTTPSettings):
    """The settings, and what was read before and is within the limits: `starts` of requests, `blocks` of fields.

    A connection compares with its own last block; `blocks` lets connections share the meaning of equal ones, which
    saves memory and the reading of a connection's first request.
    """

    def __init__(self, context: "Context", parse_fields: FieldParser, bound: float = math.inf) -> None:
        super().__init__(context, bound)
        self.parse_fields = parse_fields
        self.starts: dict[bytes, RequestStart] = {}
        self.blocks: dict[bytes, RequestFields] = {}

    @cached_property
    def h2(self) -> "H2Settings | None":
        """The settings for a connection that turns out to speak HTTP/2; None if HTTP/2 is off."""
        if not self._context.config.http2:
            return None
        from esg_http.h2.settings import H2Settings  # takes milliseconds, which a start without HTTP/2 saves

        return H2Settings(self._context, self)

    def remember(self, line: bytes, start: RequestStart) -> None:
        """Remember a request start: clients ask for the same things again and again."""
        if len(self.starts) >= STARTS:
            self.starts.clear()
        self.starts[line] = start

    def remember_fields(self, fields: RequestFields) -> RequestFields | None:
        """Remember what a block of fields means: clients of one kind send the same. Returns None if it is too large."""
        if len(fields.block) > REMEMBERED_BLOCK:
            return None
        if len(self.blocks) >= BLOCKS:
            self.blocks.clear()
        self.blocks[fields.block] = fields
        return fields
