"""Log files are reopened, whichever handler of the standard library writes them; other streams stay as they are."""

import logging
import logging.handlers
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

import pytest

from esg_core.logs.rotation import reopen


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("esg.test_of_reopening.deep")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


@pytest.mark.parametrize("kind", [logging.FileHandler, logging.handlers.RotatingFileHandler])
@pytest.mark.parametrize("mode", ["a", "w"])
def test_a_renamed_file_is_left_and_a_new_one_made(
    kind: type[logging.FileHandler], mode: str, logger: logging.Logger, tmp_path: Path
) -> None:
    path = tmp_path / "esg.log"
    logger.addHandler(kind(path, mode))
    logger.info("before")
    path.rename(tmp_path / "esg.log.1")
    logger.info("still there")
    reopen()
    logger.info("after")
    assert (tmp_path / "esg.log.1").read_text() == "before\nstill there\n"
    assert path.read_text() == "after\n"


def test_a_file_that_was_not_opened_yet_is_not_opened(logger: logging.Logger, tmp_path: Path) -> None:
    logger.addHandler(logging.FileHandler(tmp_path / "esg.log", delay=True))
    reopen()
    assert not (tmp_path / "esg.log").exists()
    logger.info("now")
    assert (tmp_path / "esg.log").read_text() == "now\n"


def test_two_loggers_may_share_a_handler(logger: logging.Logger, tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "esg.log")
    other = logging.getLogger("esg.test_of_reopening.other")
    for one in (logger, other):
        one.addHandler(handler)
    reopen()
    other.removeHandler(handler)
    logger.info("written")
    assert (tmp_path / "esg.log").read_text() == "written\n"


def test_w9_a_file_that_cannot_be_opened_leaves_all_as_they_are(
    logger: logging.Logger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "gone").mkdir()
    paths = [tmp_path / "one.log", tmp_path / "gone" / "two.log", tmp_path / "three.log"]
    for path in paths:
        logger.addHandler(logging.FileHandler(path))
    for path in paths:
        path.rename(tmp_path / f"{path.name}.1")
    (tmp_path / "gone").rmdir()
    with caplog.at_level(logging.ERROR):
        assert not reopen()
    logger.info("still there")
    assert [(tmp_path / f"{path.name}.1").read_text() for path in paths] == ["still there\n"] * 3
    (told,) = [record.getMessage() for record in caplog.records if record.name == "esg.error"]
    assert told.endswith(f"{paths[1]}: No such file or directory")
    (tmp_path / "gone").mkdir()
    assert reopen()
    logger.info("after")
    assert [path.read_text() for path in paths] == ["after\n"] * 3


def test_w9_whatever_a_handler_raises(logger: logging.Logger, tmp_path: Path) -> None:
    class Broken(logging.FileHandler):
        is_broken = False

        def _open(self) -> TextIOWrapper:
            if self.is_broken:
                raise ZeroDivisionError
            return super()._open()

    handler = Broken(tmp_path / "esg.log")
    logger.addHandler(handler)
    handler.is_broken = True
    assert not reopen()
    logger.info("written")
    assert (tmp_path / "esg.log").read_text() == "written\n"
