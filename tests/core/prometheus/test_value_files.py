"""M-12: the files of prometheus_client are read and written as it does itself."""

import math
import struct
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from esg_core.prometheus.value_files import FOLDS, UnknownFormatError, fold, read, write

KEYS = [mmap_key("m", f"m{'x' * size}", ["label"], ["Zoë"], "Help.") for size in range(9)]
"""All lengths of padding."""


def written(path: Path, values: dict[str, tuple[float, float]]) -> bytes:
    """The file that prometheus_client writes."""
    file = MmapedDict(str(path))
    for key, (value, time) in values.items():
        file.write_value(key, value, time)
    file.close()
    return path.read_bytes()


VALUES = {key: (number + 0.1, float(number)) for number, key in enumerate(KEYS)}


def test_m12_what_prometheus_client_writes_is_read(tmp_path: Path) -> None:
    data = written(tmp_path / "counter_1.db", VALUES)
    assert read(data) == {key.encode(): pair for key, pair in VALUES.items()}


def test_m12_prometheus_client_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    path.write_bytes(write({key.encode(): pair for key, pair in VALUES.items()}))
    found = {key: (value, time) for key, value, time, _ in MmapedDict.read_all_values_from_file(str(path))}
    assert found == VALUES
    file = MmapedDict(str(path))  # a later process with the same ID goes on in it
    file.write_value(KEYS[0], 7.0, 0.0)
    file.write_value(mmap_key("n", "n", [], [], "Help."), 8.0, 0.0)
    file.close()
    assert len(read(path.read_bytes())) == len(VALUES) + 1


@pytest.mark.parametrize("data", [b"", bytes(65536), struct.pack("i4x", 8)])
def test_m12_a_file_without_values_is_empty(data: bytes) -> None:
    assert read(data) == {}


def entry(key: bytes, padding: bytes = b"    ", doubles: bytes = bytes(16)) -> bytes:
    return struct.pack("i", len(key)) + key + padding + doubles


def file_of(*entries: bytes, used: int | None = None) -> bytes:
    body = b"".join(entries)
    return struct.pack("i4x", len(body) + 8 if used is None else used) + body


GOOD = KEYS[0].encode()
SPACES = b" " * (8 - (len(GOOD) + 4) % 8)


@pytest.mark.parametrize(
    "data",
    [
        b"\1",
        file_of(entry(GOOD, SPACES), used=4),
        file_of(entry(GOOD, SPACES), used=-8),
        file_of(entry(GOOD, SPACES), used=1 << 20),
        file_of(entry(GOOD, SPACES, bytes(8))),
        file_of(entry(GOOD, SPACES, bytes(8)), entry(GOOD, SPACES, bytes(8))),
        file_of(entry(GOOD, b"x" * len(SPACES))),
        file_of(struct.pack("i", -100) + bytes(100)),
        file_of(struct.pack("i", 1 << 30) + bytes(100)),
        b'{"values": {}}' * 10,
    ],
)
def test_m12_anything_else_is_an_unknown_format(data: bytes) -> None:
    """Such as that of before version 0.15, which had no times."""
    with pytest.raises(UnknownFormatError):
        read(data)


@pytest.mark.parametrize("key", [b"x", b"[]", b'["m", "m", [], "Help."]', b'{"a": 1}', b"\xff", b'["m", "m", {}]'])
def test_m12_a_key_of_another_kind_is_an_unknown_format(key: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        fold("counter", [{key: (1.0, 0.0)}])


@pytest.mark.parametrize(
    ("kind", "pairs", "result"),
    [
        ("counter", [(1, 0), (2.0**52, 0), (3, 0)], (2.0**52 + 4, 0)),
        ("histogram", [(0.1, 0)] * 10, (1.0, 0)),
        ("summary", [(math.inf, 0), (1, 0)], (math.inf, 0)),
        ("gauge_sum", [(-1, 5), (1, 6)], (0, 0)),
        ("gauge_min", [(3, 0), (-1, 0), (2, 0)], (-1, 0)),
        ("gauge_max", [(3, 0), (-1, 0), (2, 0)], (3, 0)),
        ("gauge_mostrecent", [(3, 10), (5, 30), (4, 20)], (5, 30)),
    ],
)
def test_m12_files_become_one(kind: str, pairs: list[tuple[float, float]], result: tuple[float, float]) -> None:
    assert fold(kind, [{GOOD: pair} for pair in pairs]) == {GOOD: result}


def test_m12_infinities_that_cancel_out_end_nothing() -> None:
    ((value, _),) = fold("counter", [{GOOD: (math.inf, 0)}, {GOOD: (-math.inf, 0)}]).values()
    assert math.isnan(value)


def test_m12_each_kind_that_can_be_folded_is_one_of_prometheus_client() -> None:
    from prometheus_client import Gauge

    gauges = {f"gauge_{mode}" for mode in Gauge._MULTIPROC_MODES if not mode.startswith("live")}
    assert {kind for kind in FOLDS if kind.startswith("gauge")} == gauges - {"gauge_all"}
