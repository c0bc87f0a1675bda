"""The commands besides serving, `esg WORD ...`: what one declares, and the table of ESG's own (rule M-11).

Knows neither the terminal nor what a command does. It is read by `esg --help`, and so imports little.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from esg_core.errors import ESGError, UsageError
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


class CommandError(ESGError):
    """A command has failed; `exit_code` says how: 1 the server refused, 3 there is no server that answers."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class KnownCommand(NamedTuple):
    """One of ESG's own commands: what the help says of it, its import string, and the package that has it."""

    usage: str
    summary: str
    target: str
    package: str


COMMANDS: Mapping[str, KnownCommand] = {
    "top": KnownCommand(
        "top ADDRESS", "Show the figures of a server, live.", "esg_admin.terminal.commands:top", "esg-admin"
    ),
    "ctl": KnownCommand(
        "ctl ADDRESS ACTION", "Ask or control a server.", "esg_admin.terminal.commands:ctl", "esg-admin"
    ),
}
"""By the word that comes first on the command line."""
