"""Formats the timestamps of all of ESG's logs: RFC 3339, UTC, with milliseconds."""

import time
from functools import lru_cache


def rfc3339(seconds: float) -> str:
    """A time since the epoch: `2026-11-26T09:30:00.123Z`."""
    return _moment(int(seconds * 1000))


@lru_cache(1024)
def _moment(milliseconds: int) -> str:
    second, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:03d}Z"
