"""What it costs to read a client's input, in the units of `esg_core.turns` (rule H-22). Only numbers.

Each was measured as described there, and includes the end of the cheapest application, but nothing that others do.
"""

FRAME = 2
"""A frame, except HEADERS."""

REQUEST = 17
"""Beginning a request, including its HEADERS, or answering one that is not served."""

CANCELLATION = 10
"""Ending a stream early."""

FIELD = 3
"""Decoding and checking a header field."""

BYTES_A_UNIT = 8
"""Bytes that cost another unit: of a header block, as they may all be Huffman-coded, and of settings."""

OVERSIZED_BLOCK = 2000
"""A header block with far more fields than allowed."""
