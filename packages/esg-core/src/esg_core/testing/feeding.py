"""Cuts bytes into segments, because a stream protocol cannot rely on the segments in which its peer wrote.

Knows nothing of loops and transports: `drip()` calls any function that takes bytes, such as `transport.feed`,
`protocol.data_received` or the `feed` of a codec.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle

Sizes = int | Iterable[int]
"""The length of every segment, or the lengths in order, repeated as often as needed."""


def pieces(data: bytes, sizes: Sizes = 1) -> Iterator[bytes]:
    """The same bytes in segments of `sizes`, by default one byte each; the last may be shorter.

    Raises `ValueError` for a size below 1.
    """
    lengths = cycle((sizes,) if isinstance(sizes, int) else tuple(sizes) or (1,))
    start = 0
    while start < len(data):
        length = next(lengths)
        if length < 1:
            raise ValueError(f"a segment has at least one byte, not {length}")
        yield data[start : start + length]
        start += length


def random_sizes(length: int, seed: int, *, mean: int = 7) -> list[int]:
    """Sizes that add up to `length`, `mean` on average; the same for the same seed.

    Short ones are the most frequent, because bugs show where a line end or a length is cut in two.
    """
    source = random.Random(seed)
    sizes: list[int] = []
    while length > 0:
        size = min(length, 1 + int(source.expovariate(1 / max(1, mean - 1))))
        sizes.append(size)
        length -= size
    return sizes


def drip(feed: Callable[[bytes], object], data: bytes, sizes: Sizes = 1) -> None:
    """Call `feed` with each segment of `data` in turn."""
    for piece in pieces(data, sizes):
        feed(piece)
