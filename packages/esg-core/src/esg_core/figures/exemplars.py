"""Exemplars as numbers, so that they go the way of the figures: the last slow request of each bucket (rule M-1).

Pure. The id of a request is ASCII; six bytes of it fit exactly into a double.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from esg_core.figures.readings import Exemplar

EXEMPLARS = 16
"""How many a process keeps."""

_WORDS = 8
_WORD = 6
LONGEST_ID = _WORDS * _WORD
"""Bytes; a longer id is no exemplar."""

EXEMPLAR_WIDTH = 4 + _WORDS
"""The bucket's series and number, the value, the time, and the id."""

Bucket = tuple[int, int]
"""The number of the series in its family, and of the bucket in it."""


class Exemplars:
    """The last exemplars of one process, one for each bucket."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Bucket, Exemplar] = OrderedDict()

    def keep(self, bucket: Bucket, exemplar: Exemplar) -> None:
        """Keep one in place of the last of its bucket, and drop the oldest if there are too many."""
        if len(exemplar.trace_id) <= LONGEST_ID and exemplar.trace_id.isascii():
            self._kept.pop(bucket, None)
            self._kept[bucket] = exemplar
            if len(self._kept) > EXEMPLARS:
                self._kept.popitem(last=False)

    def numbers(self) -> list[float]:
        """All of them as numbers."""
        numbers: list[float] = []
        for (series, bucket), exemplar in list(self._kept.items())[:EXEMPLARS]:
            text = exemplar.trace_id.encode("ascii").ljust(LONGEST_ID, b"\0")
            words = [int.from_bytes(text[at : at + _WORD], "big") for at in range(0, LONGEST_ID, _WORD)]
            numbers += [series, bucket, exemplar.value, exemplar.at, *words]
        return numbers + [0.0] * (EXEMPLARS * EXEMPLAR_WIDTH - len(numbers))


def read_exemplars(numbers: Sequence[float]) -> Iterator[tuple[Bucket, Exemplar]]:
    """The exemplars that numbers stand for."""
    for start in range(0, len(numbers), EXEMPLAR_WIDTH):
        series, bucket, value, at, *words = numbers[start : start + EXEMPLAR_WIDTH]
        if at > 0:
            text = b"".join(int(word).to_bytes(_WORD, "big") for word in words).rstrip(b"\0")
            yield (int(series), int(bucket)), Exemplar(text.decode("ascii"), value, at)
