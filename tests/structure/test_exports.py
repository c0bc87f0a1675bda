"""What a package exports is what its README says, and every `__all__` is correct."""

import importlib
import re

import pytest

from tests.support.source_tree import DISTRIBUTIONS, Module, defined_names, exports, found_wrong, home, imports, modules

BY_NAME = {module.name: module for module in modules()}

IMPORTED_BY_USERS = {"esg.testing", "esg.workers", "esg_core.asgi"}
"""Modules that applications and configuration files name, besides the packages themselves."""


def public_names(module: Module) -> set[str]:
    """What others may take from a module: what its `__all__` lists, or what it defines without an underscore."""
    listed = exports(module)
    return set(listed) if listed is not None else {name for name in defined_names(module) if name[0] != "_"}


def exported_by(distribution: str) -> set[str]:
    """The names in the `__all__` of a package; a package without one exports nothing by itself."""
    return set(exports(BY_NAME[distribution.replace("-", "_")]) or ())


def named_in_readme(distribution: str) -> set[str]:
    """The names in code font that begin the items of the README's list under "What it exports"."""
    text = (home(distribution) / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("## What it exports\n")
    section = rest.partition("\n## ")[0]
    starts = re.findall(r"^[*-] ((?:`\w+`(?:, | and )?)+)", section, re.MULTILINE)
    return {name for start in starts for name in re.findall(r"`(\w+)`", start)}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_package_exports_what_its_readme_names(distribution: str) -> None:
    assert exported_by(distribution) - {"__version__"} == named_in_readme(distribution)


def missing_names(module: Module) -> list[str]:
    """Names in `__all__` that a module does not have."""
    if module.path.name == "__main__.py":
        return []
    loaded = importlib.import_module(module.name)
    return [name for name in exports(module) or () if not hasattr(loaded, name)]


def private_names_taken(module: Module) -> list[str]:
    """Names that a module imports from ours, and that are not public there."""
    taken = [(found.module, name) for found in imports(module) if found.module in BY_NAME for name in found.names]
    return [
        f"{source}.{name}"
        for source, name in taken
        if f"{source}.{name}" not in BY_NAME and name != "__version__" and name not in public_names(BY_NAME[source])
    ]


def test_each_name_in_all_exists() -> None:
    assert found_wrong(missing_names) == {}


def test_only_what_users_import_lists_its_names() -> None:
    listing = {module.name for module in modules() if exports(module) is not None and module.path.name != "__init__.py"}
    assert listing - IMPORTED_BY_USERS == set()


def test_modules_take_from_each_other_only_what_is_public() -> None:
    assert found_wrong(private_names_taken) == {}
