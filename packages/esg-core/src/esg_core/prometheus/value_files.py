"""Reads, adds up and writes the files in which `prometheus_client` keeps the values of one process.

Pure: bytes in, bytes out. Such a file is its `MmapedDict`: the number of used bytes in 8 bytes, then entries of a
length, a key in JSON, 1 to 8 spaces up to a multiple of 8, and two doubles, the value and a time. It carries no
version, so all of its structure is checked.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from struct import error as struct_error

Values = dict[bytes, tuple[float, float]]
"""Value and time for each key."""

HEAD = 8
PAGE = 8
"""Entries begin at multiples of this."""

_INTEGER = Struct("i")
_DOUBLES = Struct("dd")
_KEY = (str, str, dict, str)
"""The name of the metric, that of the sample, the labels, and the help."""


class UnknownFormatError(Exception):
    """The file is not what this module knows; the message says why."""


def read(data: bytes) -> Values:
    """The values in a file; raises `UnknownFormatError`."""
    if not data.strip(b"\0"):
        return {}  # made, but never written
    try:
        return _entries(data, *_INTEGER.unpack_from(data))
    except (struct_error, ValueError) as error:
        raise UnknownFormatError(str(error)) from None


def _entries(data: bytes, used: int) -> Values:
    if not HEAD <= used <= len(data):
        raise UnknownFormatError(f"{used} bytes used of {len(data)}")
    values: Values = {}
    at = HEAD
    while at < used:
        (length,) = _INTEGER.unpack_from(data, at)
        begin, end = at + _INTEGER.size, at + _INTEGER.size + length
        at = _padded(end)
        if length < 0 or at + _DOUBLES.size > used or data[end:at].strip(b" "):
            raise UnknownFormatError(f"an entry of {length} bytes")
        values[data[begin:end]] = _DOUBLES.unpack_from(data, at)
        at += _DOUBLES.size
    return values


def write(values: Mapping[bytes, tuple[float, float]]) -> bytes:
    """A file with these values."""
    parts = [b""]
    at = HEAD
    for key, numbers in values.items():
        end = at + _INTEGER.size + len(key)
        padding = _padded(end) - end
        parts += (_INTEGER.pack(len(key)), key, b" " * padding, _DOUBLES.pack(*numbers))
        at = end + padding + _DOUBLES.size
    parts[0] = _INTEGER.pack(at).ljust(HEAD, b"\0")
    return b"".join(parts)


def _padded(end: int) -> int:
    """The next multiple of 8; there is always padding."""
    return end + PAGE - end % PAGE


def fold(kind: str, files: Iterable[Values]) -> Values:
    """The values of several files of one kind (a key of `FOLDS`) as one; raises `UnknownFormatError` for a foreign key.

    Sums are rounded once, so whole numbers stay exact up to 2^53.
    """
    by_key: dict[bytes, list[tuple[float, float]]] = {}
    for values in files:
        for key, numbers in values.items():
            by_key.setdefault(key, []).append(numbers)
    for key in by_key:
        _check_key(key)
    as_one = FOLDS[kind]
    return {key: as_one(numbers) for key, numbers in by_key.items()}


def _check_key(key: bytes) -> None:
    try:
        parts = json.loads(key)
    except ValueError:
        parts = None
    if not isinstance(parts, list) or tuple(map(type, parts)) != _KEY:
        raise UnknownFormatError(f"the key {key!r}")


def _total(numbers: list[tuple[float, float]]) -> tuple[float, float]:
    values = [value for value, _ in numbers]
    try:
        return math.fsum(values), 0.0
    except (ValueError, OverflowError):  # infinities
        return sum(values), 0.0


def _least(numbers: list[tuple[float, float]]) -> tuple[float, float]:
    return min(value for value, _ in numbers), 0.0


def _greatest(numbers: list[tuple[float, float]]) -> tuple[float, float]:
    return max(value for value, _ in numbers), 0.0


def _latest(numbers: list[tuple[float, float]]) -> tuple[float, float]:
    return max(numbers, key=lambda pair: pair[1])


FOLDS: dict[str, Callable[[list[tuple[float, float]]], tuple[float, float]]] = {
    "counter": _total,
    "histogram": _total,
    "summary": _total,
    "gauge_sum": _total,
    "gauge_min": _least,
    "gauge_max": _greatest,
    "gauge_mostrecent": _latest,
}
"""How the values of ended processes become one, by the first part of a file's name."""
