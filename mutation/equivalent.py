"""The changes that no test can notice, with the reason: read from `equivalent.toml`.

Each table of the file has a `reason` and the names of the `mutants` that it applies to, as the command prints them.
"""

import tomllib
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


def known(module: str) -> dict[str, str]:
    """Name of a mutant of this module -> why it behaves like the module."""
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8")).get(module, [])
    return {mutant: table["reason"] for table in tables for mutant in table["mutants"]}
