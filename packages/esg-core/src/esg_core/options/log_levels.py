"""Log levels: their names, their numbers, and the value type of the option `log_level`.

Knows no logger. The numbers are those of Python's `logging`, which a plain `Config` does not import.
"""

from typing import ClassVar

from esg_core.options.value_types import NotAllowed, ValueType

TRACE = 5
"""The level below debug: logs what every connection does."""

LEVELS = {"critical": 50, "error": 40, "warning": 30, "info": 20, "debug": 10, "trace": TRACE}

_NAMES = {number: name for name, number in LEVELS.items()}


class Level(ValueType):
    """The name of a level in any case, or its number; kept as the name if there is one."""

    allowed: ClassVar[str] = f"one of {', '.join(LEVELS)}, or a number, 1 or more"
    choices = tuple(LEVELS)

    def check(self, value: object) -> str | int:
        """A str that is a name, or an int as in `logging`: `logging.INFO` is 20."""
        if isinstance(value, str) and value.lower() in LEVELS:
            return value.lower()
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise NotAllowed(value)
        return _NAMES.get(value, int(value))

    def parse(self, text: str) -> str | int:
        """A name, or decimal digits."""
        return self.check(int(text) if text.isdecimal() else text)


def level_number(level: str | int) -> int:
    """The number of a level as `Config` keeps it."""
    return LEVELS[level] if isinstance(level, str) else level
