"""Changes as they are reported (rules W-6, R-6): named, and bursts as one. Real files, with each watcher."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from esg_reload import Files, watch
from esg_reload.watching import LONGEST_BURST, STEP
from tests.support.reload.changes import DELAY, PATIENCE, watcher_of
from tests.support.reload.watchers import WATCHERS


@pytest.fixture(autouse=True, params=WATCHERS)
def watcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How changes are noticed: by what the system reports, or by scanning because watchfiles is missing."""
    if request.param == "scanning":
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    return str(request.param)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a file and a directory inside."""
    place = tmp_path.resolve() / "here"
    (place / "src").mkdir(parents=True)
    (place / "main.py").write_text("1\n")
    monkeypatch.chdir(place)
    return place


@contextmanager
def writing(path: Path, every: float = 0.02) -> Iterator[None]:
    """A thread that writes a file again and again."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(every):
            path.write_text(f"{time.monotonic()}\n")

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(PATIENCE)


def test_a_changed_file_is_named_relative_to_the_current_directory(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        (here / "src" / "a.py").write_text("1\n")
        assert watcher.next() == (str(Path("src", "a.py")),)
        assert watcher.nothing()


def test_a_file_elsewhere_is_named_by_its_whole_path(here: Path) -> None:
    elsewhere = here.parent / "elsewhere"
    elsewhere.mkdir()
    with watcher_of(Files(elsewhere)) as watcher:
        (elsewhere / "a.py").touch()
        assert watcher.next() == (str(elsewhere / "a.py"),)


def test_adding_changing_removing_and_renaming_are_changes(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        (here / "new.py").touch()
        assert watcher.next() == ("new.py",)
        (here / "main.py").write_text("2\n")
        assert watcher.next() == ("main.py",)
        (here / "new.py").rename("newer.py")
        assert watcher.next() == ("new.py", "newer.py")
        (here / "main.py").unlink()
        assert watcher.next() == ("main.py",)


def test_an_editor_that_writes_another_file_and_moves_it_into_place(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        (here / ".main.py.swp").write_text("2\n")
        (here / ".main.py.swp").replace("main.py")
        assert watcher.next() == ("main.py",)
        assert watcher.nothing()


def test_a_directory_that_is_moved_here_brings_its_files(here: Path) -> None:
    outside = here.parent / "package"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "a.py").touch()
    (outside / "a.txt").touch()
    with watcher_of(Files()) as watcher:
        outside.rename(here / "package")
        assert watcher.next() == (str(Path("package", "deep", "a.py")),)


def test_what_does_not_count_is_not_told(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        for name in ("a.html", ".a.py", "main.pyc"):
            (here / name).touch()
        assert watcher.nothing()


def test_reading_a_file_is_no_change(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        assert (here / "main.py").read_text() == "1\n"
        assert watcher.nothing()


def test_a_burst_of_fifty_writes_is_told_once(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        for number in range(50):
            (here / f"m{number:02}.py").touch()
            time.sleep(0.005)
        assert watcher.next() == tuple(f"m{number:02}.py" for number in range(50))
        assert watcher.nothing()


def test_a_burst_ends_when_nothing_has_changed_for_the_delay(here: Path) -> None:
    """Even when one file is written again and again, for longer than the delay."""
    with watcher_of(Files()) as watcher:
        with writing(here / "main.py"):
            time.sleep(3 * DELAY)
        end = time.monotonic()
        when, changed = watcher.next_with_time()
        assert changed == ("main.py",)
        assert when - end > DELAY - 2 * STEP
        assert watcher.nothing()


def test_changes_that_are_further_apart_are_told_apart(here: Path) -> None:
    with watcher_of(Files(), delay=0) as watcher:
        for name in ("a.py", "b.py", "c.py"):
            (here / name).touch()
            assert watcher.next() == (name,)


def test_a_file_that_does_not_count_cannot_put_off_the_end_of_a_burst(here: Path) -> None:
    with watcher_of(Files()) as watcher, writing(here / "app.log"):
        time.sleep(DELAY)
        began = time.monotonic()
        (here / "main.py").write_text("2\n")
        when, changed = watcher.next_with_time()
        assert changed == ("main.py",)
        assert when - began < LONGEST_BURST / 2


def test_a_burst_that_does_not_end_is_told_all_the_same(here: Path) -> None:
    with watcher_of(Files()) as watcher, writing(here / "main.py"):
        began = time.monotonic()
        when, changed = watcher.next_with_time()
        assert changed == ("main.py",)
        assert LONGEST_BURST <= when - began < LONGEST_BURST + 4 * DELAY


def test_nothing_is_missed_between_two_items(here: Path) -> None:
    """Changes while the loop is busy are reported next."""
    told = watch(Files(), delay=0)
    assert next(told) == ()
    (here / "a.py").touch()
    assert next(told) == ("a.py",)
    (here / "b.py").touch()
    time.sleep(4 * STEP)
    (here / "c.py").touch()
    assert next(told) == ("b.py", "c.py")


def test_r6_each_part_of_a_signature_is_a_change(here: Path) -> None:
    """Of content with the same length, and of a file with an older time that takes its place."""
    with watcher_of(Files()) as watcher:
        (here / "main.py").write_text("2\n")
        assert watcher.next() == ("main.py",)
        (here / "old").write_text("3\n")
        os.utime(here / "old", (1, 1))
        (here / "old").replace(here / "main.py")
        assert watcher.next() == ("main.py",)
        os.utime(here / "main.py", ns=(0, 1_000_000_001))
        assert watcher.next() == ("main.py",)


def test_watching_ends_when_it_is_to_stop() -> None:
    stop = threading.Event()
    told = watch(Files(), stop=stop)
    assert next(told) == ()
    stop.set()
    assert list(told) == []


@pytest.mark.needs("watchfiles")
@pytest.mark.parametrize(
    "error", [OSError('OS file watch limit reached. about ["/a"] (Error)'), RuntimeError("OS file watch limit reached")]
)
def test_a_system_that_cannot_watch_so_much_says_what_to_do(
    error: Exception, here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """W-6: the files are polled instead."""

    def fail(*_: object, **__: object) -> Iterator[object]:
        raise error
        yield

    monkeypatch.setitem(sys.modules, "watchfiles", SimpleNamespace(watch=fail))
    with watcher_of(Files()) as watcher:
        (here / "a.py").touch()
        assert watcher.next() == ("a.py",)
    said = "Polling files every 0.25 s instead of watching them: OS file watch limit reached"
    assert [message.startswith(said) for message in caplog.messages] == [True]


def test_a_log_in_the_directory_does_not_feed_itself(here: Path) -> None:
    handler = logging.FileHandler(here / "everything.log")
    root = logging.getLogger()
    root.addHandler(handler)
    level, root_level = handler.level, root.level
    root.setLevel(logging.INFO)
    try:
        with watcher_of(Files()) as watcher:
            logging.getLogger().info("first")
            assert watcher.nothing()
        assert (here / "everything.log").read_text() == "first\n"
    finally:
        root.setLevel(root_level)
        root.removeHandler(handler)
        handler.close()
    assert level == handler.level


def test_relative_names_follow_the_current_directory(here: Path) -> None:
    with watcher_of(Files()) as watcher:
        os.chdir(here / "src")
        (here / "src" / "a.py").touch()
        assert watcher.next() == ("a.py",)
