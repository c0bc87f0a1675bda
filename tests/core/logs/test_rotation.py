"""Log files are opened anew, by whatever handler of the standard library; other streams stay as they are."""

import logging
import logging.handlers
from collections.abc import Iterator
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
