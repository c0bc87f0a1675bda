"""Varints, frames and QPACK: bytes to values and back."""
