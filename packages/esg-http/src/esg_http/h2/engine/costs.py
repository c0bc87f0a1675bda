"""What it costs to read what a client of HTTP/2 sends, in the units of `esg_core.turns` (rule H-22). Only numbers.

Each is what the kind takes by itself, timed as told there; what comes of it in the application is not in it.
"""

FRAME = 4
"""Any frame, a small one of DATA included."""

REQUEST = 60
"""To begin a request, or to answer one that is not served."""

CANCELLATION = 30
"""To end a stream before its end."""

FIELD = 2
"""A header field that is decoded."""

BYTES_A_UNIT = 8
"""Bytes of a header block or of settings that cost one unit beside: all of them may be coded, or be settings."""

OVERSIZED_BLOCK = 2000
"""A header block that has far more fields than it may."""

__all__ = ["BYTES_A_UNIT", "CANCELLATION", "FIELD", "FRAME", "OVERSIZED_BLOCK", "REQUEST"]
