"""What all packages must know of header fields, whatever protocol they belong to: tokens, and the type of plain text.

Pure. Which fields exist and what they mean is known where they are used.
"""

TCHARS = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
"""The characters of a token (RFC 9110 section 5.6.2), as what stands within the brackets of a pattern."""

TOKEN = f"[{TCHARS}]"
"""A pattern for one character of a token."""

PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")
"""The field of all answers that ESG gives itself."""
