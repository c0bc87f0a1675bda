"""The option log_config: a user's own logging configuration, from a file or a program (rule R-2)."""

import json
import logging
import pickle
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import UsageError
from esg_core.logs.user_config import apply, read

TABLE: dict[str, Any] = {
    "version": 1,
    "formatters": {"plain": {"format": "mine: %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "loggers": {"esg": {"handlers": ["out"], "level": "DEBUG", "propagate": False}},
}

TOML = """
version = 1
[formatters.plain]
format = "mine: %(message)s"
[handlers.out]
class = "logging.StreamHandler"
formatter = "plain"
stream = "ext://sys.stdout"
[loggers.esg]
handlers = ["out"]
level = "DEBUG"
propagate = false
"""

YAML = """
version: 1
formatters: {plain: {format: "mine: %(message)s"}}
handlers: {out: {class: logging.StreamHandler, formatter: plain, stream: "ext://sys.stdout"}}
loggers: {esg: {handlers: [out], level: DEBUG, propagate: false}}
"""

INI = """
[loggers]
keys=root,esg
[handlers]
keys=out
[formatters]
keys=plain
[logger_root]
handlers=
[logger_esg]
qualname=esg
handlers=out
level=DEBUG
propagate=0
[handler_out]
class=StreamHandler
formatter=plain
args=(sys.stdout,)
[formatter_plain]
format=mine: %(message)s
"""


@pytest.fixture(autouse=True)
def handlers_of_pytest() -> Iterator[None]:
    """A configuration closes all handlers: pytest's own are kept out of it."""
    known, order = logging._handlers.copy(), logging._handlerList.copy()  # type: ignore[attr-defined]
    logging._handlers.clear()  # type: ignore[attr-defined]
    logging._handlerList.clear()  # type: ignore[attr-defined]
    yield
    logging._handlers.update(known)  # type: ignore[attr-defined]
    logging._handlerList[:] = order  # type: ignore[attr-defined]


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.json", json.dumps(TABLE)),
        ("log.toml", TOML),
        ("log.yaml", YAML),
        ("log.YML", YAML),
        ("log.ini", INI),
        ("logging.conf", INI),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_in_any_of_the_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, as_text: bool
) -> None:
    path = written(tmp_path, name, text)
    apply(str(path) if as_text else path)
    logging.getLogger("esg.error").debug("hello")
    assert capsys.readouterr().out == "mine: hello\n"


def test_a_table_of_a_program_is_not_changed(capsys: pytest.CaptureFixture[str]) -> None:
    given = json.loads(json.dumps(TABLE))
    apply(given)
    logging.getLogger("esg.error").debug("hello")
    assert capsys.readouterr().out == "mine: hello\n"
    assert given == TABLE


def test_loggers_that_the_configuration_does_not_name_stay_enabled() -> None:
    other = logging.getLogger("some.library")
    apply({"version": 1})
    assert not other.disabled
    apply({"version": 1, "disable_existing_loggers": True})
    assert other.disabled
    assert not logging.getLogger("esg.error").disabled
    other.disabled = False


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.json", "{", "Expecting property name"),
        ("log.json", "[]", "must be a table for logging.config.dictConfig, not list"),
        ("log.json", "{}", "version"),
        ("log.toml", "=", "Invalid statement"),
        ("log.yaml", "a: [", "while parsing a flow node"),
        ("log.ini", "nothing", "nothing"),
        ("log.json", '{"version": 1, "handlers": {"x": {"class": "no.such.Handler"}}}', "No module named 'no'"),
        ("log.json", '{"version": 1, "root": {"level": "LOUD"}}', "Unknown level: 'LOUD'"),
        ("log.json", '{"version": 1, "root": {"handlers": ["missing"]}}', "'missing' is missing"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(UsageError) as raised:
        apply(path, f"--log-config {path}")
    assert str(raised.value).startswith(f"--log-config {path}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^log_config: no such file or directory$"):
        apply(tmp_path / "nothing.ini")


def test_a_mistake_in_a_table() -> None:
    with pytest.raises(UsageError, match=r"^log_config: .*version"):
        apply({})


def test_u8_a_parser_is_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    parser = RawConfigParser()
    parser.read_string(INI)
    for _ in range(2):  # as SIGHUP does
        apply(parser)
    logging.getLogger("esg.error").debug("hello")
    assert capsys.readouterr().out == "mine: hello\n"


def test_u8_a_configuration_for_the_loggers_of_uvicorn_alone_is_a_mistake(tmp_path: Path) -> None:
    """Its records would go nowhere; a configuration with the root logger, or ESG's too, is accepted."""
    table = {name: TABLE[name] for name in ("version", "formatters", "handlers")}
    theirs = {**table, "loggers": {"uvicorn": TABLE["loggers"]["esg"], "uvicorn.access": {"level": "INFO"}}}
    said = (
        "configures uvicorn, uvicorn.access but none of ESG's loggers, which are esg, esg.error, esg.access, esg.asgi"
    )
    with pytest.raises(UsageError, match=f"^log_config: {said}$"):
        apply(theirs)
    path = written(tmp_path, "log.json", json.dumps(theirs))
    with pytest.raises(UsageError, match=f"^log_config: {said}$"):
        apply(path)
    apply({**theirs, "root": {"handlers": ["out"]}})
    apply({**theirs, "loggers": {**theirs["loggers"], "esg": {"level": "INFO"}}})


def test_yaml_without_pyyaml_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(UsageError, match="pip install PyYAML"):
        apply(written(tmp_path, "log.yaml", YAML))


@pytest.mark.parametrize(("name", "text"), [("log.json", json.dumps(TABLE)), ("log.toml", TOML), ("log.ini", INI)])
def test_w9_what_was_read_can_be_applied_without_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    """More than once, and in another process."""
    path = written(tmp_path, name, text)
    table = pickle.loads(pickle.dumps(read(path)))
    path.unlink()
    for _ in range(2):
        apply(table)
        logging.getLogger("esg.error").debug("hello")
    assert capsys.readouterr().out == "mine: hello\n" * 2


@pytest.mark.parametrize("kind", ["logging.FileHandler", "logging.handlers.WatchedFileHandler"])
def test_a_handler_that_cannot_open_its_file_does_not_raise_out_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """As logging intends: it complains on standard error."""
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "esg.log"
    handlers = {"file": {"class": kind, "filename": str(path), "delay": True}}
    apply({"version": 1, "handlers": handlers, "loggers": {"esg": {"handlers": ["file"], "level": "DEBUG"}}})
    logger = logging.getLogger("esg.error")
    if "Watched" in kind:
        logger.error("one")
        path.unlink()
    (tmp_path / "logs").rmdir()
    logger.error("two")
    assert "FileNotFoundError" in capsys.readouterr().err
    (tmp_path / "logs").mkdir()
    logger.error("three")
    assert path.read_text() == "three\n"
    logging.getLogger("esg").handlers[0].close()
