"""What the connections of HTTP/1.1 need beside what all versions share."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from esg_core.asgi import Headers
from esg_http.h1.request_fields import RequestStart
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.h2.settings import H2Settings

FieldParser = Callable[[bytes], Headers]
"""Splits a block of field lines: see `codec_httptools.parse_fields`."""

STARTS = 1024
"""How many starts of requests are remembered."""


class H1Settings(HTTPSettings):
    """The settings, and `starts`: those starts of requests that were read before and keep the limits."""

    def __init__(self, context: "Context", parse_fields: FieldParser, bound: int | None = None) -> None:
        super().__init__(context, bound)
        self._context = context
        self.parse_fields = parse_fields
        self.starts: dict[bytes, RequestStart] = {}

    @cached_property
    def h2(self) -> "H2Settings | None":
        """What a connection goes on with that turns out to be one of HTTP/2; None if that is not served."""
        if not self._context.config.http2:
            return None
        from esg_http.h2.settings import H2Settings  # some milliseconds that a start without HTTP/2 need not wait

        return H2Settings(self._context, self)

    def remember(self, line: bytes, start: RequestStart) -> None:
        """Put into `starts` how a request begins: clients ask for the same things again and again."""
        if len(self.starts) >= STARTS:
            self.starts.clear()
        self.starts[line] = start
