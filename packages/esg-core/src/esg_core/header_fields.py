"""What all packages must know of header fields, whatever protocol they belong to: tokens, plain text, alternatives.

Pure. Which fields exist and what they mean is known where they are used.
"""

from collections.abc import Callable

TCHARS = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
"""The characters of a token (RFC 9110 section 5.6.2), as what stands within the brackets of a pattern."""

TOKEN = f"[{TCHARS}]"
"""A pattern for one character of a token."""

PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")
"""The field of all answers that ESG gives itself."""


class Alternatives:
    """Values of the field `alt-svc` (RFC 7838) by port, until `withdraw()`, for the ports that HTTP/3 is served on too.

    What has precomputed its text is told when that is withdrawn.
    """

    def __init__(self, ports: frozenset[int], max_age: int) -> None:
        self._ports = ports
        self._max_age = max_age
        self._watchers: list[Callable[[], None]] = []

    def value(self, port: object) -> bytes | None:
        """What a response on a TCP port says; None if that has no HTTP/3 beside it, or not any more."""
        return b'h3=":%d"; ma=%d' % (port, self._max_age) if isinstance(port, int) and port in self._ports else None

    def watch(self, withdrawn: Callable[[], None]) -> None:
        """Call `withdrawn` when responses must say nothing any more."""
        self._watchers.append(withdrawn)

    def withdraw(self) -> None:
        """Say nothing any more: the server is about to end. May be called twice."""
        self._ports = frozenset()
        watchers, self._watchers = self._watchers, []
        for withdrawn in watchers:
            withdrawn()
