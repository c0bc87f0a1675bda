"""What all connections of one server take from its configuration, once, in any version of HTTP."""

import math
import time
from functools import partial
from typing import TYPE_CHECKING

from esg_core.write_pace import WriteLimits
from esg_http.call.entrance import Entrance
from esg_http.call.peer import http_extensions
from esg_http.message.dates import http_date
from esg_http.message.head_limits import HeadLimits
from esg_http.message.response_head import HeadPrefix

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.call.peer import Peer

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
        self.extensions = http_extensions(context)
        self.entrance = _entrance_of(context)
        self._context = context
        self.prefix = self._make_prefix()
        self.alternatives = context.alternatives
        self._naming: dict[bytes, HeadPrefix] = {}

    def prefix_for(self, peer: "Peer") -> HeadPrefix:
        """The prefix for responses to a client: over TLS, it names what else is served on the port (rule Q-17)."""
        if self.alternatives is None or not peer.is_tls or peer.server is None:
            return self.prefix
        value = self.alternatives.value(peer.server[1])
        if value is None or any(name == b"alt-svc" for name, _ in self._context.config.default_headers):
            return self.prefix
        found = self._naming.get(value)
        if found is None:
            found = self._naming[value] = self._make_prefix((b"alt-svc", value))
            self.alternatives.watch(partial(found.drop, b"alt-svc: %b\r\n" % value))
        return found

    def _make_prefix(self, *further: tuple[bytes, bytes]) -> HeadPrefix:
        config = self._context.config
        return HeadPrefix(
            config.server_header,
            http_date if config.date_header else None,
            (*config.default_headers, *further),
            time.time,
            self._context.loop.call_later,
        )


def _entrance_of(context: "Context") -> Entrance | None:
    """The entrance of a context; None if all requests simply start: `context.start()`."""
    config = context.config
    if config.request_id or config.limit_connections_per_client < math.inf:
        from esg_http.call.visitors import VisitorEntrance

        return VisitorEntrance(context)
    return Entrance.of(context)
