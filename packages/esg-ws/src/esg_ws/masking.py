"""Unmasks what clients send (RFC 6455 section 5.3), in C if `websockets` is installed.

Sans-I/O.
"""

from collections.abc import Callable

Bytes = bytes | bytearray | memoryview


def unmask_in_python(data: Bytes, mask: bytes) -> bytes:
    """Remove a mask of four bytes from a payload of any length, by one operation on two large numbers."""
    size = len(data)
    pad = mask * (size // 4) + mask[: size % 4]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def _fastest() -> Callable[[Bytes, bytes], bytes]:
    try:
        from websockets.speedups import apply_mask
    except ImportError:
        return unmask_in_python
    return apply_mask


unmask = _fastest()
"""`unmask(data, mask)`: the payload; `data` is bytes, a bytearray or a memoryview."""
