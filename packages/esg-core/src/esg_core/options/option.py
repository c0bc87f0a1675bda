"""What an option is, and how a dataclass declares it; everything that shows or reads options is derived from this.

Knows no particular option: `esg_core.options.catalogue` has them, as fields of a dataclass:

    port: Annotated[int, Number(0, 65535)] = option(8000, Group.BINDING, "Port to listen on.")

The annotation holds the static type and the value type (what is allowed, how text is read); `option()` holds the
default and the help text. `options_of()` combines both; the flag, the variable, the key of the file, the checks, the
help and the page of the reference are derived from the result.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from esg_core.errors import UsageError
from esg_core.options.value_types import Action, Choice, Flag, ValueType

T = TypeVar("T")

Argument = str | bool | Sequence[str]
"""What a command line gives for an option: its text; for a flag, whether it is on; for a list, all its texts."""

Spell = Callable[[str], str]
"""Returns what the user calls an option: `port`, `--port` or `ESG_PORT`."""

PREFIX = "ESG_"
"""The prefix of all variables."""

LONGEST_SHOWN = 60


class Group(StrEnum):
    """The headings of the help and of the reference, in order."""

    BINDING = "Binding"
    APPLICATION = "Application"
    WSGI = "WSGI"
    DEVELOPMENT = "Development"
    PROTOCOLS = "Protocols"
    LIMITS = "Limits and timeouts"
    LOGGING = "Logging"
    TLS = "TLS"
    PROCESSES = "Processes"
    MONITORING = "Monitoring"
    CONFIGURATION = "Configuration"


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    `summary` is the one sentence that the command line shows; `details` is what the reference adds. `fallback` is the
    name of a variable shared with other programs, whose value replaces the default.
    """

    name: str
    kind: ValueType
    default: object
    group: Group
    summary: str
    details: str
    fallback: str
    metavar: str

    @property
    def required(self) -> bool:
        """Whether there is no default; then `default` is `dataclasses.MISSING`."""
        return self.default is dataclasses.MISSING

    @property
    def flag(self) -> str:
        """The name on the command line: `--timeout-keep-alive`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str | None:
        """The name in the environment: `ESG_TIMEOUT_KEEP_ALIVE`; None for an action."""
        return None if isinstance(self.kind, Action) else PREFIX + self.name.upper()

    def check(self, value: object) -> object:
        """A value of a program or a TOML file, as `Config` keeps it; raises `NotAllowed`."""
        if value is None and self.default is None:
            return None
        return self.kind.check(value)

    def is_off(self, value: object) -> bool:
        """Whether a value that `Config` keeps means that the limit or time-out is off."""
        return self.kind.can_be_off and value == math.inf

    def shown(self, value: object) -> str:
        """The value as source text, of bounded length, unless it is a secret; None for what is off."""
        return "***" if self.kind.secret else brief(None if self.is_off(value) else value)

    def wrong(self, shown: str) -> UsageError:
        """The error for a value that is not allowed; `shown` is option and value as the user wrote them."""
        return UsageError(f"{shown}: must be {self.kind.allowed}")


def about(group: Group, summary: str, details: str = "", *, fallback: str = "", metavar: str = "") -> dict[str, object]:
    """The metadata of a field that declares an option; see `Option` for the parameters."""
    return {"group": group, "summary": summary, "details": details, "fallback": fallback, "metavar": metavar}


def option(default: T, group: Group, summary: str, details: str = "", *, fallback: str = "", metavar: str = "") -> T:
    """A dataclass field that declares an option; typed as its default, as type checkers expect."""
    words = about(group, summary, details, fallback=fallback, metavar=metavar)
    return dataclasses.field(default=default, metadata=words)


def options_of(declaration: type) -> Mapping[str, Option]:
    """All options that a dataclass declares, by name, in order."""
    hints = get_type_hints(declaration, include_extras=True)
    return {field.name: _option(field, hints[field.name]) for field in dataclasses.fields(declaration)}


def _option(field: "dataclasses.Field[Any]", annotation: Any) -> Option:
    kind = _kind(annotation)
    metavar = field.metadata["metavar"] or kind.metavar or f"[{'|'.join(kind.choices)}]"
    words = {**field.metadata, "metavar": metavar if not isinstance(kind, Flag) else ""}
    return Option(field.name, kind, field.default, **words)


def _kind(annotation: Any) -> ValueType:
    if annotation is bool:
        return Flag()
    if get_origin(annotation) is Literal:
        return Choice(get_args(annotation))
    kind = annotation.__metadata__[0]
    assert isinstance(kind, ValueType)
    return kind


def unknown(written: str, known: Iterable[str], where: str = "") -> UsageError:
    """The error for a name that is no option; suggests a known name that resembles it."""
    return UsageError(f"{written}{where}: no such option{did_you_mean(written, known)}")


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the nearest known name, or nothing."""
    meant = nearest(written, known)
    return f"; did you mean {meant}?" if meant is not None else ""


def nearest(written: str, known: Iterable[str]) -> str | None:
    """The known name most similar to the written one; None if none is similar."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(written, known, n=1, cutoff=0.7)), None)


def brief(value: object) -> str:
    """The value as source text, of bounded length."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
