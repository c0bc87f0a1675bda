"""Splits a head's field lines with h11, in pure Python: for PyPy, and where no compiled parser is installed.

The parser gets lines that the `grammar` has accepted, and only splits them. Lines that h11 refuses for their meaning
are split here, and fields that frame a body never reach it, because it would merge and change them. So either parser
gives the same outcome.
"""

import re

import h11

from esg_core.asgi import Headers
from esg_http.message.field_names import split_fields

_FRAMING = re.compile(rb"(?i)(?:content-length|transfer-encoding):")

_REQUEST_LINE = b"GET / HTTP/1.0\r\n"
"""HTTP/1.0, because h11 refuses a 1.1 request without Host, which ESG decides."""


def parse_fields(block: bytes) -> Headers:
    """The fields of `block`: field lines that match `grammar.FIELD_LINE`, without the empty line after them."""
    if _FRAMING.search(block):
        return split_fields(block)
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=len(block) + 64)
    try:
        parser.receive_data(_REQUEST_LINE + block + b"\r\n")
        event = parser.next_event()
    except h11.RemoteProtocolError:
        return split_fields(block)
    return list(event.headers) if isinstance(event, h11.Request) else split_fields(block)
