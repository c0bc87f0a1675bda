"""How many fields a request has, by the rules of limit-request-headers. Sans-I/O."""

from esg_core.asgi import Headers
from esg_http.coding.faults import TooManyFields

PSEUDO_FIELDS = frozenset((b":method", b":scheme", b":path"))
"""Fields of a header section that do not count. The authority does, as the host."""

MOST_CRUMBS = 512
"""Fields beyond the limit that a cookie may be cut into: together they count as one (RFC 9113 section 8.2.3)."""


def check_count(fields: Headers, most: int) -> None:
    """Raise `TooManyFields` if more than `most` fields count."""
    if len(fields) > most and _count(fields) > most:
        raise TooManyFields("too many header fields")


def _count(fields: Headers) -> int:
    """How many fields count; a cookie in crumbs is one (RFC 9113 section 8.2.3, RFC 9114 section 4.2.1)."""
    names = [name for name, _ in fields if name not in PSEUDO_FIELDS]
    return len(names) - max(0, names.count(b"cookie") - 1)
