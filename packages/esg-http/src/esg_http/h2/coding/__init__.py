"""Frames and HPACK: bytes to values and back."""
