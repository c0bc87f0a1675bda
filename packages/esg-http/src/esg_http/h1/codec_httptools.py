"""Splits a head's field lines with httptools (llhttp, in C).

The parser gets lines that the `grammar` has accepted, and only splits them. Lines that llhttp refuses for their meaning
(two lengths, an odd coding) are split here, so that either parser gives the same outcome.
"""

import httptools

from esg_core.asgi import Headers
from esg_http.message.field_names import LOWER, split_fields

_REQUEST_LINE = b"GET / HTTP/1.1\r\n"


class _Sink:
    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: Headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((LOWER[name], value.strip(b" \t")))  # llhttp leaves a tab at the end


def parse_fields(block: bytes) -> Headers:
    """The fields of `block`: field lines that match `grammar.FIELD_LINE`, without the empty line after them."""
    sink = _Sink()
    try:
        httptools.HttpRequestParser(sink).feed_data(_REQUEST_LINE + block + b"\r\n")
    except httptools.HttpParserUpgrade:
        return sink.headers
    except httptools.HttpParserError:
        return split_fields(block)
    return sink.headers
