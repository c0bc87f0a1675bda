"""What a client of HTTP/2 or HTTP/3 can do wrong, by what it costs: the connection, one stream, or one request.

Sans-I/O. Each error says what was wrong and which paragraph says so, as `RequestError` does for HTTP/1.1; no text
contains bytes from the client.
"""

from esg_core.errors import ESGError, RequestError


class _Fault(ESGError):
    def __init__(self, code: int, reason: str, section: str) -> None:
        super().__init__(reason)
        self.code = code
        self.section = section


class ConnectionFault(_Fault):
    """The connection cannot go on: it ends with `code` (RFC 9113 section 5.4.1, RFC 9114 section 8)."""


class StreamFault(_Fault):
    """One stream cannot go on: it is reset with `code` (RFC 9113 section 5.4.2, RFC 9114 section 8)."""


class TooManyFields(RequestError):
    """A whole header section is larger than the limits: the request can be answered with 431."""

    def __init__(self, reason: str) -> None:
        super().__init__(431, reason, "RFC 6585 section 5")
