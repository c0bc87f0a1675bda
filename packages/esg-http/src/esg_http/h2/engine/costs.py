"""What it costs to read what a client of HTTP/2 sends, in the units of `esg_core.turns` (rule H-22). Only numbers.

Each was timed as told there; the end of the cheapest application is in it, and what another one does is not.
"""

FRAME = 2
"""A frame, except HEADERS."""

REQUEST = 17
"""To begin a request, its HEADERS included, or to answer one that is not served."""

CANCELLATION = 10
"""To end a stream before its end."""

FIELD = 3
"""A header field that is decoded and looked at."""

BYTES_A_UNIT = 8
"""Bytes of a header block that cost one unit beside, as all of them may be in Huffman's code; and those of settings."""

OVERSIZED_BLOCK = 2000
"""A header block that has far more fields than it may."""
