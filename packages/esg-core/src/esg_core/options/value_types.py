"""The types of values that options take: what is allowed, how it is read from text, how it is kept.

Knows no option and no source of values. `check(value)` takes a value from a program or a TOML file and returns it as
`Config` keeps it; `parse(text)` does the same for text from the command line or the environment. Both raise
`NotAllowed` with the part that is wrong; `allowed` completes the sentence "must be ...".
"""

import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from esg_core.options.validators import is_import_string

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_MODE = re.compile("(?:0o?)?([0-7]{3})")


class NotAllowed(ValueError):
    """A value that is not allowed; `value` is the part that is wrong: of a list, the one item."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.value = value


class ValueType:
    """What an option takes. `metavar` stands for the value in the help; `secret` values are never shown."""

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
        """The same for text from the command line or the environment."""
        return self.check(text)


class Switch(ValueType):
    """True or false, as a word on the command line too: `--name false`."""

    allowed = "true or false"
    metavar = "true|false"

    def check(self, value: object) -> bool:
        """A bool; 1 and "yes" are for `parse()`."""
        if not isinstance(value, bool):
            raise NotAllowed(value)
        return value

    def parse(self, text: str) -> bool:
        """true, yes, on, 1 or their opposites, in any case."""
        try:
            return WORDS[text.lower()]
        except KeyError:
            raise NotAllowed(text) from None


class Flag(Switch):
    """True or false: `--name` and `--no-name` on the command line."""

    metavar = ""


class Action(Flag):
    """A flag of the command line alone, which asks for something other than serving."""


@dataclass(frozen=True)
class Number(ValueType):
    """A number from `minimum` to `maximum`, kept as an int if it `is_whole`, else as a float.

    With `excludes_minimum`, it must be greater. With `can_be_off`, 0, None and `inf` mean "off", which is kept as
    `inf`: code that obeys the option compares with it as with any other value.
    """

    minimum: float = 0
    maximum: float = math.inf
    unit: str = ""
    can_be_off: bool = False
    is_whole: bool = True
    excludes_minimum: bool = False
    metavar: str = "N"

    @property
    def allowed(self) -> str:
        """The range in words."""
        kind = "a whole number" if self.is_whole else "a number"
        what = f"{kind} of {self.unit}" if self.unit else kind
        if self.can_be_off:
            return f"{what}, or 0 for no limit"
        if self.excludes_minimum:
            return f"{what} greater than {self.minimum:g}, at most {self.maximum:g}"
        return f"{what} from {self.minimum:g} to {self.maximum:g}" if self.maximum < math.inf else self._or_more(what)

    def _or_more(self, what: str) -> str:
        return f"{what}, {self.minimum:g} or more"

    def check(self, value: object) -> float:
        """An int or a float in the range; a bool is not a number here."""
        number = math.inf if value is None and self.can_be_off else value
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise NotAllowed(value)
        if self.can_be_off and number in (0, math.inf):
            return math.inf
        if not self._allows(number):
            raise NotAllowed(value)
        return int(number) if self.is_whole else float(number)

    def _allows(self, number: float) -> bool:
        if self.is_whole and not isinstance(number, int):
            return False
        if self.excludes_minimum and number == self.minimum:
            return False
        return self.minimum <= number <= min(self.maximum, sys.float_info.max)

    def parse(self, text: str) -> float:
        """A decimal number, as in Python: `15`, and where it need not be whole `0.5`."""
        try:
            number = int(text) if self.is_whole else float(text)
        except ValueError:
            raise NotAllowed(text) from None
        if number == math.inf:
            raise NotAllowed(text)
        try:
            return self.check(number)
        except NotAllowed:
            raise NotAllowed(text) from None


@dataclass(frozen=True)
class Text(ValueType):
    """Text that passes `test`; `allowed` describes what the test accepts."""

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
    """One of a few words, in any case."""

    choices: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The words."""
        return "one of " + ", ".join(self.choices) if len(self.choices) > 1 else self.choices[0]

    def check(self, value: object) -> str:
        """A str that is one of the words, kept as it is written there."""
        for choice in self.choices:
            if isinstance(value, str) and value.lower() == choice.lower():
                return choice
        raise NotAllowed(value)


class Path(ValueType):
    """The path of a file or directory, kept as str; whether it exists is not checked."""

    allowed = "a path"
    metavar = "PATH"

    def check(self, value: object) -> object:
        """A str or an `os.PathLike` of one, not empty."""
        path = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(path, str) or not path or "\0" in path:
            raise NotAllowed(value)
        return path


class Permissions(ValueType):
    """The mode of a file, kept as three octal digits; in a program, a number too: `0o660`."""

    allowed = "permissions in octal, such as 660"
    metavar = "MODE"

    def check(self, value: object) -> str:
        """Digits, also with a leading 0 or 0o, or a number up to 0o777."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o777:
            return f"{value:03o}"
        found = _MODE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise NotAllowed(value)
        return found[1]


@dataclass(frozen=True)
class Account(ValueType):
    """A user or group by name or number, kept as str; whether it exists is not checked."""

    metavar: str
    allowed: ClassVar[str] = "a name or a number"

    def check(self, value: object) -> str:
        """A str without colons and control characters, or a whole number."""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else value
        if not isinstance(text, str) or not text.isprintable() or not text or ":" in text:
            raise NotAllowed(value)
        return text


class Directory(Path):
    """The path of a directory; empty means the current directory at the time of use."""

    allowed = "a directory"
    metavar = "DIR"

    def check(self, value: object) -> object:
        """Also an empty str."""
        return value if value == "" else super().check(value)


class PathOrTable(Path):
    """A path, or the contents of the file as a mapping: in a program or as a table of the configuration file.

    None is kept: the program does it itself.
    """

    allowed = "a path, or a table of settings in a program or a configuration file"

    def check(self, value: object) -> object:
        """A mapping and None are kept as they are; anything else must be a path."""
        return value if value is None or isinstance(value, Mapping) else super().check(value)


@dataclass(frozen=True)
class Importable(ValueType):
    """`module:attribute`, or in a program the callable itself."""

    metavar: str = "MODULE:ATTRIBUTE"
    allowed: ClassVar[str] = "MODULE:ATTRIBUTE, such as main:app"

    def check(self, value: object) -> object:
        """Checks the syntax only: nothing is imported here."""
        fits = is_import_string(value) if isinstance(value, str) else callable(value)
        if not fits:
            raise NotAllowed(value)
        return value


class Host(Text):
    """Text that passes `test`; in a program, None means every interface."""

    def check(self, value: object) -> object:
        """None or a str that passes the test."""
        return None if value is None else super().check(value)


class NameOrFactory(Text):
    """Text that passes `test`, or in a program the callable that it would name."""

    def check(self, value: object) -> object:
        """A str that passes the test, or a callable."""
        return value if callable(value) else super().check(value)


@dataclass(frozen=True)
class ListOf(ValueType):
    """Texts that pass `test`: repeated on the command line, a list in TOML, or one text split at `separator`.

    With `of_paths`, an item may also be an `os.PathLike`, which is kept as str; a single one counts as a list.
    """

    allowed: str = "text, not empty"
    test: Callable[[str], object] = bool
    metavar: str = "TEXT"
    separator: str = ","
    of_paths: bool = False

    def check(self, value: object) -> tuple[str, ...]:
        """A list of texts, or one text with separators; kept as a tuple."""
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
        """Split at the separator; space around items and empty items are dropped."""
        return self.check([item.strip() for item in text.split(self.separator) if item.strip()])
