"""Scopes to log."""

from typing import Any


def scope(**changed: Any) -> dict[str, Any]:
    """The scope of a GET from 127.0.0.1:1234, with these changes."""
    return {
        "type": "http",
        "client": ("127.0.0.1", 1234),
        "method": "GET",
        "http_version": "1.1",
        "scheme": "http",
        "headers": [],
        **changed,
    }


HOSTILE = bytes(range(256))
"""All that a client might send to forge a line: line ends, escape sequences, quotes and bytes beyond ASCII."""
