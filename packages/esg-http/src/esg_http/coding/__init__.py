"""What HPACK and QPACK share: bytes to values and back, and what clients do wrong."""
