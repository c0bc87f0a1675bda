"""What all connections of one server take from its configuration, once, in any version of HTTP."""

import math
import time
from typing import TYPE_CHECKING

from esg_core.write_pace import WriteLimits
from esg_http.call.visitors import entrance_of
from esg_http.message.dates import http_date
from esg_http.message.head_limits import HeadLimits
from esg_http.message.response_head import HeadPrefix

if TYPE_CHECKING:
    from esg_core.context import Context

LOOK = 0.5
"""Seconds between two looks at a client that cannot be seen to leave, because nothing is read from it or it has closed
its sending side. If nothing has been sent to it in between, it is taken for gone (rule H-9)."""


class HTTPSettings:
    """Limits, time-outs (seconds, `inf` for none) and the head prefix, shared by all connections of one context.

    `bound`, in bytes, further limits the request line and all fields together. `asks_silent` says whether it matters
    that a client which has closed its sending side may be gone (rule H-25).
    """

    def __init__(self, context: "Context", bound: float = math.inf) -> None:
        config = context.config
        self.head_limits = HeadLimits(
            int(min(config.limit_request_line, bound)),
            config.limit_request_headers,
            int(min(config.limit_request_header_size, bound)),
        )
        self.body_limit = config.limit_request_body
        self.keepalive_requests = config.limit_keepalive_requests
        self.keep_alive = config.timeout_keep_alive
        self.request = config.timeout_request
        self.request_headers = min(config.timeout_request_headers, self.request)
        self.shortest_timeout = config.shortest_timeout
        self.write = WriteLimits.of(config)
        self.asks_silent = config.timeout_disconnected is not None
        self.root_path = config.root_path
        self.entrance = entrance_of(context)
        self.prefix = HeadPrefix(
            config.server_header,
            http_date if config.date_header else None,
            config.default_headers,
            time.time,
            context.loop.call_later,
        )
