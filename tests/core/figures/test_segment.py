"""Segments of shared memory: what is read while they are written, and after their writer was killed (rule M-2)."""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from esg_core.figures import layout
from esg_core.figures.layout import SLOTS
from esg_core.figures.merging import Merged
from esg_core.figures.readings import Histogram, Kind
from esg_core.figures.segment import FINGERPRINT_AT, VERSION_AT, Segment

KILLS = 20
READS_A_KILL = 25

WRITER = """
import sys
from esg_core.figures.layout import EXEMPLARS_AT, SLOTS
from esg_core.figures.segment import Segment

segment = Segment.attach(int(sys.argv[1]))
for number in range(1, 10**9):
    segment.write([float(number)] * EXEMPLARS_AT + [0.0] * (len(SLOTS) - EXEMPLARS_AT))
    if number == 1:
        print("writes", flush=True)
"""


@pytest.fixture
def segment() -> Iterator[Segment]:
    made = Segment.create()
    yield made
    made.close()


def patch(segment: Segment, at: int, change: Callable[[int], int]) -> None:
    """Change one word of a segment, as its writer or another version of ESG may have left it."""
    other = Segment.attach(segment.fileno())
    memory = vars(other)["_memory"]
    [word] = struct.unpack_from("Q", memory, at)
    struct.pack_into("Q", memory, at, change(word))
    other.close()


def test_what_is_written_is_read(segment: Segment) -> None:
    written = [number / 3 for number in range(len(SLOTS))]
    writer = Segment.attach(segment.fileno())
    writer.write(written)
    writer.close()
    assert segment.read() == written
    assert os.fstat(segment.fileno()).st_size > 0


def test_whole_numbers_are_exact_up_to_the_precision_of_a_double(segment: Segment) -> None:
    segment.write([2.0**53 - 1] * len(SLOTS))
    assert segment.read() == [2**53 - 1] * len(SLOTS)


def test_nothing_is_read_before_something_is_written(segment: Segment) -> None:
    assert segment.read() is None


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_what_is_half_written_is_not_read(segment: Segment, versions: int) -> None:
    """A writer that was killed leaves what it had published before."""
    for version in range(versions):
        segment.write([float(version)] * len(SLOTS))
    patch(segment, VERSION_AT, lambda version: version - 1)  # as if the last had not come to its end
    assert segment.read() == ([versions - 2.0] * len(SLOTS) if versions > 1 else None)


def test_another_layout_is_not_read(segment: Segment) -> None:
    segment.write([1.0] * len(SLOTS))
    patch(segment, FINGERPRINT_AT, lambda fingerprint: fingerprint ^ 1)
    assert segment.read() is None


def test_a_writer_takes_over_what_another_layout_has_left(segment: Segment) -> None:
    segment.write([1.0] * len(SLOTS))
    patch(segment, FINGERPRINT_AT, lambda fingerprint: fingerprint ^ 1)
    segment.write([2.0] * len(SLOTS))
    assert segment.read() == [2.0] * len(SLOTS)


def test_a_smaller_file_of_another_version_grows(tmp_path: Path) -> None:
    with (tmp_path / "segment").open("w+b") as file:
        segment = Segment.attach(file.fileno())
        segment.write([1.0] * len(layout.SLOTS))
        assert segment.read() == [1.0] * len(SLOTS)
        segment.close()


def test_closing_twice_closes_no_foreign_descriptor() -> None:
    segment = Segment.create()
    fd = segment.fileno()
    segment.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    with Path(os.devnull).open() as other:  # most likely with the number that has become free
        segment.close()
        os.fstat(other.fileno())


def growing(merged: Merged) -> dict[tuple[str, ...], float]:
    """All counters, and the buckets and sums of histograms, by name and labels."""
    found: dict[tuple[str, ...], float] = {}
    for family, series in merged.readings():
        for labels, value in series if family.kind is not Kind.GAUGE else ():
            if isinstance(value, Histogram):
                found.update({(family.name, *labels, str(at)): number for at, number in enumerate(value.counts)})
                found[family.name, *labels, "sum"] = value.total
            else:
                found[family.name, *labels] = value
    return found


class Worker:
    """A process that writes as fast as it can, at one place."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.segment = Segment.create()
        fd = self.segment.fileno()
        command = [sys.executable, "-c", WRITER, str(fd)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[fd])
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"writes\n"

    def kill(self) -> None:
        self._process.kill()
        assert self._process.wait(60) == -signal.SIGKILL
        assert self._process.stdout is not None
        self._process.stdout.close()

    def read_last(self) -> list[float]:
        values = self.segment.read()
        self.segment.close()
        assert values is not None
        return values


@pytest.mark.skipif(sys.platform == "win32", reason="passes descriptors and sends SIGKILL")
def test_m2_no_counter_falls_while_writers_are_killed() -> None:
    """20 of them, each in the middle of whatever it does; its place is taken by another."""
    merged, before, reads = Merged(), dict[tuple[str, ...], float](), count()
    workers = [Worker(place) for place in (0, 1)]
    try:
        for kill in range(KILLS):
            for _ in range(READS_A_KILL):
                for worker in workers:
                    merged.present(worker.place, worker.segment.read(), worker.pid)
                before = check(before, merged)
                next(reads)
            victim = workers.pop(0)
            victim.kill()
            last = victim.read_last()
            figures = last[: layout.EXEMPLARS_AT]
            assert len(set(figures)) == 1, "all of one version"
            merged.ended(victim.place, last, victim.pid)
            before = check(before, merged)
            workers.append(Worker(kill % 2))
    finally:
        for worker in workers:
            worker.kill()
            worker.segment.close()
    assert next(reads) == KILLS * READS_A_KILL


def check(before: dict[tuple[str, ...], float], merged: Merged) -> dict[tuple[str, ...], float]:
    """The figures now, none of which is below what it was."""
    now = growing(merged)
    assert {name: (number, now.get(name)) for name, number in before.items() if now.get(name, -1.0) < number} == {}
    return now
