"""M-12: files of ended processes are removed or folded, as prometheus_client's own collector reads them."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from esg_core.errors import StartupError
from esg_core.options.config import Config
from esg_core.prometheus.directory import MOST_ENDED, ValueDirectory
from esg_core.prometheus.providing import VARIABLE, metrics_directory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files are not folded there")

FIRST = 2**22 + 1
"""Process IDs from here on are never given."""

NO_PLACE = "no temporary directory for the metrics of the application"


@pytest.fixture
def values(tmp_path: Path) -> ValueDirectory:
    return ValueDirectory(tmp_path)


def put(values: ValueDirectory, kind: str, pid: int, value: float, time: float = 0.0) -> Path:
    """A process sets a value."""
    path = values.path / f"{kind}_{pid}.db"
    file = MmapedDict(str(path))
    name = f"{kind}_of_all"
    file.write_value(mmap_key(name, f"{name}_total" if kind == "counter" else name, [], [], "Help."), value, time)
    file.close()
    return path


def collected(values: ValueDirectory) -> dict[str, list[float]]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(values.path))
    return {metric.name: [sample.value for sample in metric.samples] for metric in registry.collect()}


def end(values: ValueDirectory, first: int, count: int) -> None:
    for pid in range(first, first + count):
        for kind in ("counter", "summary", "gauge_sum", "gauge_min", "gauge_max", "gauge_mostrecent", "gauge_all"):
            put(values, kind, pid, pid - FIRST + 1, pid - FIRST + 1)
        values.ended(pid)


def test_m12_totals_are_the_same_before_and_after_each_fold(values: ValueDirectory) -> None:
    put(values, "counter", os.getpid(), 1000)
    for ended in range(1, 4 * MOST_ENDED):
        end(values, FIRST + ended - 1, 1)
        total = ended * (ended + 1) / 2
        found = collected(values)
        assert found["counter_of_all"] == [total + 1000]
        assert found["summary_of_all"] == found["gauge_sum_of_all"] == [total]
        assert (found["gauge_min_of_all"], found["gauge_max_of_all"]) == ([1], [ended])
        assert found["gauge_mostrecent_of_all"] == [ended]
        assert len(list(values.path.glob("counter_*"))) <= MOST_ENDED + 2
        assert min(ended, MOST_ENDED) <= len(found["gauge_all_of_all"]) <= 2 * (MOST_ENDED + 1)
    assert len(list(values.path.parent.iterdir())) == 3  # the link, the directory, and the former one


def test_m12_a_reader_from_before_the_fold_is_right_or_fails(values: ValueDirectory) -> None:
    """Whatever it has already read: never is anything counted twice or not at all."""
    for _ in range(2):
        end(values, FIRST, MOST_ENDED + 1)
        put(values, "counter", os.getpid(), 1000)
        end(values, FIRST + 100, MOST_ENDED)
        listed = sorted(str(path) for path in values.path.glob("*.db"))
        merged = [MmapedDict.read_all_values_from_file(path) for path in listed]
        assert len(merged) == len(listed)
        end(values, FIRST + 200, 1)
        gone = [path for path in listed if not Path(path).exists()]
        kept = set(listed) - set(gone)
        assert {path.split("_")[-1] for path in kept if "gauge_all" not in path} == {f"{os.getpid()}.db"}
        assert any("ended" in path for path in gone)  # its name is not used again
        with pytest.raises(FileNotFoundError):
            MultiProcessCollector.merge(listed)


def test_m12_a_process_goes_on_in_a_file_that_it_has_open(values: ValueDirectory) -> None:
    path = values.path / f"counter_{os.getpid()}.db"
    file = MmapedDict(str(path))
    key = mmap_key("counter_of_all", "counter_of_all_total", [], [], "Help.")
    file.write_value(key, 1, 0)
    end(values, FIRST, 2 * MOST_ENDED + 2)
    before = collected(values)["counter_of_all"][0]
    file.write_value(key, 11, 0)
    for number in range(20_000 // len(key)):  # beyond what the file has room for at first
        file.write_value(mmap_key("more", f"more{number}", [], [], "Help." * 30), 1, 0)
    assert collected(values)["counter_of_all"] == [before + 10]
    file.close()


def test_m12_a_file_made_while_others_are_linked_is_brought(
    values: ValueDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link
    late: list[Path] = []

    def slow(source: Path, target: Path) -> None:
        link(source, target)
        if not late:
            late.append(put(values, "counter", os.getppid(), 5000))

    monkeypatch.setattr(os, "link", slow)
    put(values, "counter", os.getpid(), 1)
    end(values, FIRST, MOST_ENDED + 1)
    assert late[0].exists()
    assert collected(values)["counter_of_all"] == [5001 + (MOST_ENDED + 1) * (MOST_ENDED + 2) / 2]


def test_m12_live_gauges_go_with_their_process(values: ValueDirectory) -> None:
    modes = ("liveall", "livesum", "livemin", "livemax", "livemostrecent")
    for mode in modes:
        put(values, f"gauge_{mode}", FIRST, 1)
        put(values, f"gauge_{mode}", FIRST * 10, 1)
    kept = put(values, "gauge_all", FIRST, 1)
    values.ended(FIRST)
    assert sorted(path.name for path in values.path.iterdir()) == sorted(
        [kept.name, *(f"gauge_{mode}_{FIRST * 10}.db" for mode in modes)]
    )


def test_m12_a_process_that_has_the_number_of_an_ended_one_keeps_its_files(values: ValueDirectory) -> None:
    put(values, "counter", os.getpid(), 1)
    values.ended(os.getpid())
    end(values, FIRST, MOST_ENDED)
    assert [path.name for path in values.path.glob("counter_[0-9]*")] == [f"counter_{os.getpid()}.db"]


def test_m12_an_unknown_format_is_left_alone(values: ValueDirectory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "esg.error")
    unknown = values.path / f"counter_{FIRST}.db"
    unknown.write_bytes(b"another format" * 100)
    other = values.path / f"native_{FIRST}.db"
    other.write_bytes(b"another kind")
    values.ended(FIRST)
    end(values, FIRST + 1, 3 * (MOST_ENDED + 1))
    assert (unknown.read_bytes(), other.read_bytes()) == (b"another format" * 100, b"another kind")
    assert [line.partition(":")[0] for line in caplog.messages] == [
        f"Metrics of ended workers are not folded, unknown format of counter_{FIRST}.db"
    ]


def test_m12_where_files_cannot_be_linked_all_stays(
    values: ValueDirectory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "esg.error")

    def link(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    put(values, "counter", os.getpid(), 1)
    end(values, FIRST, MOST_ENDED + 2)
    monkeypatch.undo()
    assert caplog.messages == ["Metrics of ended workers are left as they are: [Errno 1] Operation not permitted"]
    assert collected(values)["counter_of_all"] == [1 + (MOST_ENDED + 2) * (MOST_ENDED + 3) / 2]
    end(values, FIRST + MOST_ENDED + 2, MOST_ENDED)
    assert len(list(values.path.glob("counter_*"))) < MOST_ENDED


# Whether there is a directory.


def test_m12_it_is_not_looked_for_in_the_parent() -> None:
    """prometheus_client is not imported: it would decide there and then how it keeps values."""
    program = (
        "import sys; from esg_core.options.config import Config; import esg_core.prometheus.providing as p\n"
        "with p.metrics_directory(Config('main:app', workers=2)) as ended: ended(1)\n"
        "assert not any(name.startswith('prometheus_client') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.fixture
def no_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))


@pytest.mark.usefixtures("no_place")
def test_m12_without_a_place_for_it_workers_count_for_themselves(caplog: pytest.LogCaptureFixture) -> None:
    with metrics_directory(Config("main:app", workers=2)) as ended:
        ended(FIRST)
        assert VARIABLE not in os.environ
    assert caplog.messages == [
        f"Each worker counts for itself: {NO_PLACE}: no such file or directory",
    ]


@pytest.mark.usefixtures("no_place")
def test_m12_a_directory_that_was_asked_for_must_be_there() -> None:
    config = Config("main:app", workers=1, prometheus_multiproc="on")
    with pytest.raises(StartupError, match=f"prometheus_multiproc='on': {NO_PLACE}"), metrics_directory(config):
        pass


def test_m12_where_prometheus_client_is_missing_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with metrics_directory(Config("main:app", workers=2)):
        assert VARIABLE not in os.environ
