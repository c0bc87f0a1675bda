"""Values loaded from files are reloaded when the files change (W-7), and only when asked for."""

import logging
from pathlib import Path

import pytest

from esg_core.errors import StartupError
from esg_core.sockets import certificate_reload
from esg_core.sockets.certificate_reload import ReloadedOnChange


class Clock:
    """Replaces the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(certificate_reload, "time", made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


def read(file: Path) -> ReloadedOnChange[str]:
    def make() -> str:
        if (text := file.read_text()) == "broken":
            raise StartupError("it is broken")
        if text == "strange":
            raise ValueError("it is strange")
        return text

    return ReloadedOnChange(make, [str(file)], "certificates")


def replace(file: Path, text: str) -> None:
    """Atomically, as careful programs do."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_looks_once_a_second(file: Path, clock: Clock) -> None:
    renewed = read(file)
    replace(file, "two")
    assert renewed() == "one"
    clock.now += 0.9
    assert renewed() == "one"
    clock.now += 0.1
    assert renewed() == "two"
    replace(file, "three")
    assert renewed() == "two"


def test_makes_nothing_again_without_a_change(file: Path, clock: Clock) -> None:
    calls: list[None] = []
    renewed = ReloadedOnChange(lambda: calls.append(None), [str(file)], "certificates")
    for _ in range(5):
        clock.now += 10
        renewed()
    assert len(calls) == 1


def test_a_link_that_is_changed(tmp_path: Path, clock: Clock) -> None:
    """As Kubernetes does with a mounted secret: the directory's link changes, not the file's."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "file").symlink_to("data/file")
    renewed = read(tmp_path / "file")
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "data")
    clock.now += 1
    assert renewed() == "two"


@pytest.mark.parametrize("text", ["broken", "strange"])
def test_what_is_broken_leaves_the_former(
    text: str, file: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """And is reported once, until it changes again."""
    renewed = read(file)
    replace(file, text)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            clock.now += 1
            assert renewed() == "one"
        assert caplog.messages == [f"it is {text}; the former certificates stay in use"]
        replace(file, "two")
        clock.now += 1
        assert renewed() == "two"
    assert caplog.messages[1:] == ["The certificates have changed and are in use"]


def test_a_file_that_has_gone_for_a_moment(file: Path, clock: Clock) -> None:
    renewed = ReloadedOnChange(lambda: file.read_text() if file.exists() else "none", [str(file)], "certificates")
    file.unlink()
    clock.now += 1
    assert renewed() == "none"
    file.write_text("one")
    clock.now += 1
    assert renewed() == "one"


def test_the_first_time_it_must_be_right(file: Path) -> None:
    file.write_text("broken")
    with pytest.raises(StartupError, match="it is broken"):
        read(file)
