"""What the connections of one server read from its configuration, once."""

import sys
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from esg_core.asgi import Headers
from esg_http.call.entrance import Entrance
from esg_http.h1.head_intake import HeadLimits
from esg_http.h1.request_fields import RequestStart
from esg_http.message.dates import http_date
from esg_http.message.response_head import HeadPrefix

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.h2.settings import H2Settings

FieldParser = Callable[[bytes], Headers]
"""Splits a block of field lines: see `codec_httptools.parse_fields`."""

NEVER = float("inf")

STARTS = 1024
"""How many starts of requests are remembered."""


class H1Settings:
    """Limits, time-outs (seconds, `inf` for none) and the head prefix, shared by all connections of one context.

    `starts` are those starts of requests that were read before and keep the limits. `bound`, in bytes, is a further
    limit of the request line and of all fields together.
    """

    def __init__(self, context: "Context", parse_fields: FieldParser, bound: int | None = None) -> None:
        config = context.config
        self._context = context
        self.parse_fields = parse_fields
        line, size = config.limit_request_line, config.limit_request_header_size
        if bound is not None:
            line, size = min(line, bound), min(size, bound)
        self.head_limits = HeadLimits(line, config.limit_request_headers, size)
        self.starts: dict[bytes, RequestStart] = {}
        self.body_limit: float = config.limit_request_body or NEVER
        self.keepalive_requests = config.limit_keepalive_requests or sys.maxsize
        self.keep_alive: float = config.timeout_keep_alive or NEVER
        self.request: float = config.timeout_request or NEVER
        self.request_headers: float = min(config.timeout_request_headers or NEVER, self.request)
        self.shortest_timeout = config.shortest_timeout
        self.write: float = config.timeout_write or NEVER
        self.root_path = config.root_path
        self.entrance = Entrance.of(context)
        self.prefix = HeadPrefix(
            config.server_header,
            http_date if config.date_header else None,
            config.default_headers,
            time.time,
            context.loop.call_later,
        )

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


__all__ = ["NEVER", "STARTS", "FieldParser", "H1Settings"]
