"""What a header section is made of, in any encoding. Sans-I/O: only a type and a number."""

Field = tuple[bytes, bytes]
"""A name in lower case, and its value."""

ENTRY_OVERHEAD = 32
"""Bytes that a field counts beyond its name and value (RFC 7541 section 4.1, RFC 9114 section 4.2.2)."""
