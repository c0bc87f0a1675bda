"""Nothing in a watched tree ends watching it (rule W-6), with `watchfiles` and without. Real files and links."""

import io
import logging
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from esg_reload import Files
from tests.support.reload.changes import watcher_of

NOT_UTF_8 = os.fsdecode(b"\xff.py")


@pytest.fixture(autouse=True, params=["watchfiles", "polling", "alone"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How changes are noticed: by the system, or by polling, on request or because watchfiles is missing."""
    if request.param == "polling":
        monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    elif request.param == "alone":
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    return str(request.param)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with a file inside."""
    place = tmp_path.resolve() / "here"
    place.mkdir()
    (place / "main.py").write_text("1\n")
    monkeypatch.chdir(place)
    yield place
    monkeypatch.undo()


def test_a_name_that_is_not_utf_8(here: Path, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is a change like any other, and what `watchfiles` cannot do is done without."""
    with watcher_of(Files()) as watcher:
        (here / NOT_UTF_8).touch()
        assert watcher.next() == ("\\xff.py",)
        (here / "a.py").touch()
        assert watcher.next() == ("a.py",)
    assert len(caplog.records) == (way == "watchfiles")


def test_files_under_names_that_are_not_utf_8_from_the_start(here: Path) -> None:
    inner = here / os.fsdecode(b"dir\xfe")
    inner.mkdir()
    (inner / "b.py").touch()
    with watcher_of(Files()) as watcher:
        (inner / "b.py").write_text("2\n")
        assert watcher.next() == ("dir\\xfe/b.py",)


def test_a_directory_that_vanishes_and_comes_back(here: Path) -> None:
    inner = here / "inner"
    inner.mkdir()
    (inner / "b.py").touch()
    with watcher_of(Files()) as watcher:
        shutil.rmtree(inner)
        assert watcher.next() == ("inner/b.py",)
        inner.mkdir()
        (inner / "c.py").touch()
        assert watcher.next() == ("inner/c.py",)


def test_the_watched_directory_itself_is_replaced(here: Path, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "a.py").touch()
    with watcher_of(Files(watched)) as watcher:
        shutil.rmtree(watched)
        assert watcher.next() == (str(watched.resolve() / "a.py"),)
        watched.mkdir()
        (watched / "b.py").touch()
        assert watcher.next() == (str(watched.resolve() / "b.py"),)


def test_a_file_that_is_linked_from_outside_the_tree(here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("1\n")
    (here / "linked.py").symlink_to(outside)
    with watcher_of(Files()) as watcher:
        outside.write_text("2, and longer\n")
        assert watcher.next() == ("linked.py",)


def test_a_directory_that_is_linked_from_outside_the_tree(here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").touch()
    (here / "linked").symlink_to(outside)
    with watcher_of(Files()) as watcher:
        (outside / "a.py").write_text("2\n")
        assert watcher.next() == ("linked/a.py",)


def test_a_config_map_of_kubernetes_is_swapped(here: Path) -> None:
    """Files are links through `..data`, which is a link to a directory with a date, and is what changes."""
    for number in (1, 2):
        version = here / f"..2026_11_29_{number}"
        version.mkdir()
        (version / "settings.py").write_text(f"NUMBER = {number}\n")
    (here / "..data").symlink_to("..2026_11_29_1")
    (here / "settings.py").symlink_to("..data/settings.py")
    with watcher_of(Files()) as watcher:
        (here / "..data_tmp").symlink_to("..2026_11_29_2")
        (here / "..data_tmp").replace(here / "..data")
        assert watcher.next() == ("settings.py",)
        assert watcher.nothing()


def test_links_in_a_circle_and_to_nothing(here: Path) -> None:
    (here / "circle").symlink_to(here)
    (here / "nothing.py").symlink_to(here / "missing.py")
    (here / "itself.py").symlink_to(here / "itself.py")
    with watcher_of(Files()) as watcher:
        (here / "main.py").write_text("2\n")
        assert watcher.next() == ("main.py",)
        (here / "missing.py").touch()
        assert set(watcher.next()) == {"missing.py", "nothing.py"}


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # the child starts no threads of its own
def test_a_directory_that_cannot_be_read(way: str) -> None:
    """As a user without special rights: root may read everything."""
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o755)
        (place / "closed").mkdir(mode=0)
        open_place = place / "open"
        open_place.mkdir()
        open_place.chmod(0o777)
        child = os.fork()
        if child == 0:
            os._exit(_seen_by_a_user(place, open_place))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        (place / "closed").chmod(0o700)
        shutil.rmtree(place)


def _seen_by_a_user(place: Path, open_place: Path) -> int:
    """In a separate process: 0 if changes are reported, and the closed directory is named once."""
    signal.alarm(60)
    try:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        os.chdir(open_place)
        said = io.StringIO()
        logging.getLogger("esg_reload").handlers = [logging.StreamHandler(said)]
        with watcher_of(Files(place)) as watcher:
            for number in range(2):
                (open_place / f"{number}.py").touch()
                assert watcher.next() == (f"{number}.py",)
        closed = f"Changes in {place}/closed go unnoticed: Permission denied"
        assert said.getvalue().count(closed) == 1, said.getvalue()
    except BaseException:  # noqa: BLE001 - a child must not go back to the test runner
        traceback.print_exc()
        return 1
    return 0
