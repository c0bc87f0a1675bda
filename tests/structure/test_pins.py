"""The packages fit together: pins admit the versions in the tree, extras exist, metadata is complete."""

import re
import tomllib
from functools import cache
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.support.source_tree import DISTRIBUTIONS, ROOT, home, version


@cache
def project(distribution: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((home(distribution) / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return table


def requirements(distribution: str) -> list[Requirement]:
    table = project(distribution)
    extras = [line for lines in table.get("optional-dependencies", {}).values() for line in lines]
    return [Requirement(line) for line in (*table["dependencies"], *extras)]


def siblings(distribution: str) -> list[Requirement]:
    return [requirement for requirement in requirements(distribution) if requirement.name in DISTRIBUTIONS]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_pins_of_siblings_are_compatible_releases_that_admit_the_tree(distribution: str) -> None:
    for requirement in siblings(distribution):
        assert str(requirement.specifier).startswith("~="), requirement
        assert requirement.specifier.contains(version(requirement.name)), requirement


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_extras_of_siblings_exist(distribution: str) -> None:
    for requirement in siblings(distribution):
        assert requirement.extras <= set(project(requirement.name)["optional-dependencies"]), requirement


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_each_package_can_be_installed_with_the_feature_standard(distribution: str) -> None:
    assert "standard" in project(distribution)["optional-dependencies"]
    assert f"-e ./packages/{distribution}[standard]" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_each_package_tells_its_history_and_its_newest_version(distribution: str) -> None:
    log = (home(distribution) / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", log, re.MULTILINE)
    assert newest is not None
    assert newest[1] == version(distribution)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_each_readme_says_what_the_package_is_exports_and_must_not_know(distribution: str) -> None:
    text = (home(distribution) / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {distribution}\n\n")
    assert "## What it exports\n" in text
    assert "## What it must not know\n" in text


HOME = "https://github.com/esg-server/esg"
"""Where the project lives: what an index shows links there."""


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_what_an_index_shows_of_a_package_is_complete(distribution: str) -> None:
    table = project(distribution)
    assert table["authors"]
    assert table["keywords"]
    assert all(url.startswith(f"{HOME}/") for url in table["urls"].values())
    assert set(table["urls"]) == {"Documentation", "Source", "Changelog", "Issues"}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_each_package_carries_the_license(distribution: str) -> None:
    assert project(distribution)["license-files"] == ["LICENSE"]
    assert (home(distribution) / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_links_of_a_package_work_on_an_index(distribution: str) -> None:
    """They are absolute, and those into the project lead to files that exist."""
    text = (home(distribution) / "README.md").read_text(encoding="utf-8")
    targets = [*re.findall(r"\]\(([^)#\s]+)", text), *project(distribution)["urls"].values()]
    assert [target for target in targets if not target.startswith("https://")] == []
    paths = [re.sub(f"^{HOME}/(?:blob|tree)/main/", "", target) for target in targets]
    assert [path for path in paths if not path.startswith("https://") and not (ROOT / path).exists()] == []
