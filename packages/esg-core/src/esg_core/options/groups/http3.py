"""Options of HTTP/3: whether it is served, and how clients learn of it."""

from dataclasses import dataclass

from esg_core.options.groups.shorthands import Count
from esg_core.options.option import Group, option


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class HTTP3Options:
    """HTTP/3 only. The limits and time-outs of all requests, and those of HTTP/2, apply to its requests too."""

    http3: bool = option(
        False,
        Group.PROTOCOLS,
        "Serve HTTP/3 too, on UDP ports of the same numbers (experimental).",
        "Needs `ssl_certfile` and the extra `esg-http[http3]`; with several workers, Linux. See [HTTP/3](../http3.md).",
    )
    http3_alt_svc_max_age: Count = option(
        86400,
        Group.PROTOCOLS,
        "Seconds that clients remember that HTTP/3 is served.",
        "Responses over TLS say so in `alt-svc`, until the server drains. 0 leaves the field out.",
        metavar="SECONDS",
    )
