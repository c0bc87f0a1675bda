"""The page about logging: it names everything that exists, and its examples work."""

import json
import logging.config
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from esg_core.access.atoms import ATOMS
from esg_core.access.exchange import NO_REQUEST, NO_TARGET
from esg_core.access.formats import line_format

PAGE = (Path(__file__).parents[3] / "docs/reference/logging.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def names_in_tables() -> set[str]:
    rows = re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_it_names_every_atom() -> None:
    formats = PAGE.partition("### Formats\n")[2].partition("\n### ")[0]
    written = set(re.findall(r"`%\((\w+)\)s`", formats))
    assert written == ATOMS.keys()


def test_it_names_every_field_of_json() -> None:
    fields = json.loads(line_format("json").line(NO_REQUEST, NO_TARGET, 400, 0, 0.0, False)).keys()
    assert fields <= names_in_tables()


def test_its_formats_can_be_read() -> None:
    (command,) = [block for block in blocks("console") if "--access-log-format" in block]
    found = re.search(r"--access-log-format '(.*)'", command)
    assert found is not None
    line_format(found[1])


@pytest.mark.parametrize("table", [*map(tomllib.loads, blocks("toml")), *map(yaml.safe_load, blocks("yaml"))])
def test_its_configurations_are_configurations(table: dict[str, Any]) -> None:
    """Without the handlers, which would open files and replace those of the tests."""
    configurator = logging.config.DictConfigurator(table)
    made = [configurator.configure_formatter(configurator.config["formatters"][name]) for name in table["formatters"]]
    assert all(isinstance(formatter, logging.Formatter) for formatter in made)
    used = {name for logger in (table["root"], *table.get("loggers", {}).values()) for name in logger["handlers"]}
    assert used == table["handlers"].keys()
    assert {handler["formatter"] for handler in table["handlers"].values()} == table["formatters"].keys()
