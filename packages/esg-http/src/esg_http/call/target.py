"""Splits request targets into path and query (rule H-15, ASGI HTTP 2.5).

Pure. Shared by all HTTP versions and by the WebSocket handshake.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

SHORT_TARGET = 256
"""The longest target, in bytes, that is worth remembering."""


@dataclass(slots=True)
class Target:
    """A request target in origin form: decoded path, path as sent, query."""

    path: str
    raw_path: bytes
    query: bytes


def read_target(target: bytes) -> Target:
    """Split a target; a path that is not UTF-8 gets U+FFFD in its decoded form."""
    raw_path, _, query = target.partition(b"?")
    path = unquote_to_bytes(raw_path).decode("utf-8", "replace") if b"%" in raw_path else raw_path.decode("ascii")
    return Target(path, raw_path, query)


_remembered_target = lru_cache(maxsize=1024)(read_target)


def known_target(target: bytes) -> Target:
    """The same as `read_target()`, remembering short targets."""
    return _remembered_target(target) if len(target) <= SHORT_TARGET else read_target(target)
