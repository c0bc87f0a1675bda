"""What a command besides serving declares, `esg WORD ...` (rule M-11): the contract between its package and `esg_cli`.

Knows neither the terminal nor what a command does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from esg_core.errors import UsageError
from esg_core.options.value_types import Flag, NotAllowed, ValueType


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a command takes: an argument, or a flag `--name`; `kind` says what is allowed and reads the text."""

    name: str
    kind: ValueType
    summary: str = ""
    default: object = None
    is_argument: bool = False

    @property
    def written(self) -> str:
        """How the user writes it: `--token-file`, or `ADDRESS` for an argument."""
        return self.name.upper() if self.is_argument else "--" + self.name.replace("_", "-")

    def read(self, text: str | bool | None) -> object:
        """The value that was given, or the default; raises `UsageError`."""
        if text is None or isinstance(self.kind, Flag):
            return self.default if text is None else text
        try:
            return self.kind.parse(str(text))
        except NotAllowed:
            raise UsageError(f"{self.written} {text}: must be {self.kind.allowed}") from None


@dataclass(frozen=True, slots=True)
class Command:
    """An entry point of the group `esg.commands`.

    `run` gets the values by name and returns the exit code; it may raise `UsageError` and `CommandError`.
    """

    help: str
    parameters: tuple[Parameter, ...]
    run: Callable[[Mapping[str, Any]], int]
