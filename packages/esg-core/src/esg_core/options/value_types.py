"""The kinds of values that options take: what is allowed, how it is read from text, how it is kept.

Knows neither an option nor where a value came from. Each kind answers two questions: `check(value)` takes a value of a
program or a TOML file as it is and returns it as `Config` keeps it; `parse(text)` does the same for text of the command
line or of the environment. Both raise `NotAllowed` with the part that is wrong; `allowed` completes the sentence
"must be ...".
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from esg_core.options.validators import is_import_string

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class NotAllowed(ValueError):
    """A value that the kind does not allow; `value` is the part that is wrong: of a list, the one item."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.value = value


class ValueType:
    """What an option takes. `metavar` stands for a value in the help; `secret` values are never shown."""

    metavar: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    can_be_off: bool = False

    @property
    def allowed(self) -> str:
        """What a value must be, in words: `a whole number from 0 to 65535`."""
        raise NotImplementedError

    def check(self, value: object) -> object:
        """The value as `Config` keeps it; raises `NotAllowed`."""
        raise NotImplementedError

    def parse(self, text: str) -> object:
        """As `check()`, for text of the command line or the environment."""
        return self.check(text)


class Switch(ValueType):
    """True or false, as a word on the command line too: `--name false`."""

    allowed = "true or false"
    metavar = "true|false"

    def check(self, value: object) -> bool:
        """Only a bool: 1 and "yes" are for text."""
        if not isinstance(value, bool):
            raise NotAllowed(value)
        return value

    def parse(self, text: str) -> bool:
        """Any of true, yes, on, 1 or their opposites, in any case."""
        try:
            return WORDS[text.lower()]
        except KeyError:
            raise NotAllowed(text) from None


class Flag(Switch):
    """True or false: `--name` and `--no-name` on the command line."""

    metavar = ""


class Action(Flag):
    """A flag of the command line alone: it asks for something else than serving."""


@dataclass(frozen=True)
class Integer(ValueType):
    """A whole number in a range; with `can_be_off`, 0 and None mean "off", which is kept as None."""

    minimum: int = 0
    maximum: int | None = None
    unit: str = ""
    can_be_off: bool = False
    metavar: str = "N"

    @property
    def allowed(self) -> str:
        """The range in words."""
        what = f"a whole number of {self.unit}" if self.unit else "a whole number"
        if self.can_be_off:
            return f"{what}, or 0 for no limit"
        return f"{what} from {self.minimum} to {self.maximum}" if self.maximum else f"{what}, {self.minimum} or more"

    def check(self, value: object) -> int | None:
        """An int in the range; a bool is not a number here."""
        if not isinstance(value, int) or isinstance(value, bool) or value < self.minimum:
            raise NotAllowed(value)
        if self.maximum is not None and value > self.maximum:
            raise NotAllowed(value)
        return None if self.can_be_off and value == 0 else int(value)

    def parse(self, text: str) -> int | None:
        """Decimal digits, as in Python."""
        try:
            return self.check(int(text))
        except ValueError:
            raise NotAllowed(text) from None


@dataclass(frozen=True)
class Seconds(ValueType):
    """A time, whole or not; with `can_be_off`, 0 and None mean "off", which is kept as None."""

    can_be_off: bool = True
    minimum: float = 0
    metavar: str = "SECONDS"
    unit: str = "seconds"

    @property
    def allowed(self) -> str:
        """The range in words."""
        rest = "or 0 for no limit" if self.can_be_off else f"{self.minimum:g} or more"
        return f"a number of seconds, {rest}"

    def check(self, value: object) -> float | None:
        """An int or a float, finite and in the range."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.minimum <= value < math.inf:
            raise NotAllowed(value)
        return None if self.can_be_off and value == 0 else float(value)

    def parse(self, text: str) -> float | None:
        """A decimal number: `15`, `0.5`."""
        try:
            return self.check(float(text))
        except ValueError:
            raise NotAllowed(text) from None


@dataclass(frozen=True)
class Fraction(ValueType):
    """A part of a whole, as a number."""

    metavar: str = "SHARE"
    allowed: ClassVar[str] = "a number above 0, 1 at the most"

    def check(self, value: object) -> float:
        """An int or a float in the range."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
            raise NotAllowed(value)
        return float(value)

    def parse(self, text: str) -> float:
        """A decimal number: `0.95`."""
        try:
            return self.check(float(text))
        except ValueError:
            raise NotAllowed(text) from None


@dataclass(frozen=True)
class Text(ValueType):
    """Text that passes `test`; `allowed` says in words what the test wants."""

    allowed: str = "text, not empty"
    test: Callable[[str], object] = bool
    metavar: str = "TEXT"
    secret: bool = False

    def check(self, value: object) -> object:
        """A str that passes the test."""
        if not isinstance(value, str) or not self.test(value):
            raise NotAllowed(value)
        return value


@dataclass(frozen=True)
class Choice(ValueType):
    """One of a few words, in any case; kept in lower case."""

    choices: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The words."""
        return "one of " + ", ".join(self.choices) if len(self.choices) > 1 else self.choices[0]

    def check(self, value: object) -> str:
        """A str that is one of the words."""
        if not isinstance(value, str) or value.lower() not in self.choices:
            raise NotAllowed(value)
        return value.lower()


class Path(ValueType):
    """The path of a file or directory, kept as str; whether it exists is not looked at."""

    allowed = "a path"
    metavar = "PATH"

    def check(self, value: object) -> object:
        """A str or an `os.PathLike` of one, not empty."""
        path = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(path, str) or not path or "\0" in path:
            raise NotAllowed(value)
        return path


class Directory(Path):
    """The path of a directory; empty stands for the current one, whichever it is then."""

    allowed = "a directory"
    metavar = "DIR"

    def check(self, value: object) -> object:
        """As `Path`, or an empty str."""
        return value if value == "" else super().check(value)


class PathOrTable(Path):
    """A path, or the contents of the file as a mapping: in a program or as a table of the configuration file.

    None is kept as it is, for what a program does by itself.
    """

    allowed = "a path, or a table of settings in a program or a configuration file"

    def check(self, value: object) -> object:
        """A mapping and None are kept as they are."""
        return value if value is None or isinstance(value, Mapping) else super().check(value)


@dataclass(frozen=True)
class Importable(ValueType):
    """`module:attribute`, or in a program the callable itself."""

    metavar: str = "MODULE:ATTRIBUTE"
    allowed: ClassVar[str] = "MODULE:ATTRIBUTE, such as main:app"

    def check(self, value: object) -> object:
        """The shape only: nothing is imported here."""
        fits = is_import_string(value) if isinstance(value, str) else callable(value)
        if not fits:
            raise NotAllowed(value)
        return value


class Host(Text):
    """A text that passes `test`; None, in a program, stands for every interface."""

    def check(self, value: object) -> object:
        """None is kept as it is."""
        return None if value is None else super().check(value)


class NameOrFactory(Text):
    """A text that passes `test`, or in a program the callable that it would stand for."""

    def check(self, value: object) -> object:
        """A str that passes the test, or a callable."""
        return value if callable(value) else super().check(value)


@dataclass(frozen=True)
class ListOf(ValueType):
    """Texts that pass `test`: repeated on the command line, a list in TOML, or one text cut by `separator`.

    `of_paths`: an item may be an `os.PathLike` too, and is kept as str; one alone is a list.
    """

    allowed: str = "text, not empty"
    test: Callable[[str], object] = bool
    metavar: str = "TEXT"
    separator: str = ","
    of_paths: bool = False

    def check(self, value: object) -> tuple[str, ...]:
        """A text with separators or a list of texts; kept as a tuple."""
        if isinstance(value, str):
            return self.parse(value)
        if self.of_paths and isinstance(value, os.PathLike):
            value = (value,)
        if not isinstance(value, list | tuple):
            raise NotAllowed(value)
        return tuple(map(self._item, value))

    def _item(self, item: object) -> str:
        text = os.fspath(item) if self.of_paths and isinstance(item, os.PathLike) else item
        if not isinstance(text, str) or not self.test(text):
            raise NotAllowed(item)
        return text

    def parse(self, text: str) -> tuple[str, ...]:
        """Cut at the separator; space around an item and empty items do not count."""
        return self.check([item.strip() for item in text.split(self.separator) if item.strip()])
