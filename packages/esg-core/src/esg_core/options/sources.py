"""The sources of options: arguments of the command, keywords of a program, the environment, a file.

Each reader checks the names and values of its source, and its errors call an option what that source calls it:
`--port`, `port`, `ESG_PORT`, `port in esg.toml`. Readers do not know each other: `esg_core.options.merging` decides
which one wins.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from esg_core.errors import UsageError, reason_of
from esg_core.options.catalogue import COMMAND_OPTIONS, SERVER_OPTIONS
from esg_core.options.option import PREFIX, Argument, Option, nearest, unknown
from esg_core.options.toml import inline
from esg_core.options.uvicorn_names import translated, without_effect
from esg_core.options.value_types import ListOf, NotAllowed

PASSED_OVER = frozenset({"ESG_VERSION"})
"""Variables with our prefix and another meaning: container images name their contents like this."""

_SERVICE_LINK = re.compile(r"\w+_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_\w+)")

_TYPED = {**SERVER_OPTIONS, **COMMAND_OPTIONS}
_KEYWORDS = {**SERVER_OPTIONS, "config": COMMAND_OPTIONS["config"]}
_VARIABLES = {option.variable: option for option in _KEYWORDS.values()}


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of an option, what its source calls the option, and a short name of the source."""

    value: object
    spelled: str
    origin: str


Found = Mapping[str, Setting]


class Reader(Protocol):
    """The caller's source of options: the command line or the keywords of a program."""

    def read(self) -> Found:
        """All options that the source sets, by name; raises `UsageError`."""

    def spell(self, name: str) -> str:
        """What the source calls an option."""


class Arguments:
    """The command line, parsed; `values` holds only what was typed."""

    def __init__(self, values: Mapping[str, Argument]) -> None:
        self._values = values

    def read(self) -> Found:
        """All options that were typed."""
        return {name: self._setting(_TYPED[name], value) for name, value in self._values.items()}

    def spell(self, name: str) -> str:
        """`--port`; the application is `APP`."""
        if name == "app":
            return "APP"
        flag = _TYPED[name].flag
        return flag.replace("--", "--no-", 1) if self._values.get(name) is False else flag

    def _setting(self, option: Option, value: Argument) -> Setting:
        spelled = self.spell(option.name)
        try:
            return Setting(_parsed(option, value), spelled, spelled)
        except NotAllowed as error:
            raise option.wrong(f"{spelled} {_plain(option, error.value)}") from None


class Keywords:
    """The keyword arguments of a program: `esg.run(app, port=9000)`; an `app` of None counts as missing.

    Takes those that only `uvicorn.run()` has as well (rule U-8).
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = {name: value for name, value in values.items() if name != "app" or value is not None}

    def read(self) -> Found:
        """All keywords that were passed, including those that are None."""
        return {name: self._setting(name, *called) for name, called in translated(self._values).items()}

    def spell(self, name: str) -> str:
        """The name as it is."""
        return name

    def _setting(self, name: str, called: str, value: object) -> Setting:
        option = _KEYWORDS.get(name)
        if option is None:
            raise unknown(name, _KEYWORDS)
        try:
            return Setting(option.check(value), called, "keyword argument")
        except NotAllowed as error:
            raise option.wrong(f"{called}={option.shown(error.value)}") from None


class Environment:
    """The variables `ESG_*`. Empty ones count as not set; those that Kubernetes sets for a service are ignored.

    Applications may use the prefix too: a variable that is no option is an error if it resembles one; otherwise it is
    taken for the application's, and is one of the `strangers`. `of_uvicorn` maps variables that uvicorn's command would
    read to ours.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._ours = {
            name: text
            for name, text in variables.items()
            if name.startswith(PREFIX) and text and name not in PASSED_OVER and not _is_service_link(name, text)
        }
        self.strangers = tuple(sorted(name for name in self._ours if name not in _VARIABLES))
        self.of_uvicorn = {
            theirs: ours
            for theirs, ours in without_effect(variables).items()
            if not _is_service_link(theirs, variables[theirs])
        }

    def read(self) -> Found:
        """All options that have a variable."""
        for name in self.strangers:
            meant = nearest(name.removeprefix(PREFIX).lower(), _KEYWORDS)
            if meant is not None:
                raise UsageError(f"{name}: no such option; did you mean {_KEYWORDS[meant].variable}?")
        return {
            _VARIABLES[name].name: _variable(_VARIABLES[name], name, text)
            for name, text in self._ours.items()
            if name in _VARIABLES
        }

    def read_fallbacks(self) -> Found:
        """Variables shared with other programs, for options that nothing else sets."""
        options = [option for option in SERVER_OPTIONS.values() if self._variables.get(option.fallback)]
        return {option.name: _variable(option, option.fallback, self._variables[option.fallback]) for option in options}


class ConfigFile:
    """A file in TOML, or the table `[tool.esg]` of a `pyproject.toml`; keys may be written with `-` instead of `_`.

    `spelled` is how the user named the file: `--config`.
    """

    def __init__(self, path: str, spelled: str) -> None:
        self._path = path
        self._spelled = spelled

    def read(self) -> Found:
        """All keys of the file."""
        settings: dict[str, Setting] = {}
        for key, value in self._table().items():
            name = key.replace("-", "_")
            if name in settings:
                raise UsageError(f"{name} in {self._path}: set twice, with - and with _")
            settings[name] = self._setting(name, key, value)
        return settings

    def _setting(self, name: str, key: str, value: object) -> Setting:
        option = SERVER_OPTIONS.get(name)
        if option is None and isinstance(value, Mapping):
            raise UsageError(f"[{self._table_name(key)}] in {self._path}: no such table; {self._advice(value)}")
        if option is None:
            raise unknown(key, SERVER_OPTIONS, f" in {self._path}")
        try:
            return Setting(option.check(value), key, self._path)
        except NotAllowed as error:
            raise option.wrong(f"{key} = {_as_toml(option, error.value)} in {self._path}") from None

    @property
    def _is_pyproject(self) -> bool:
        return os.path.split(self._path)[1] == "pyproject.toml"

    def _table_name(self, key: str) -> str:
        return f"tool.esg.{key}" if self._is_pyproject else key

    def _advice(self, table: Mapping[str, object]) -> str:
        """Where the keys of a table belong, with one of them as the example."""
        key = next((key for key in table if key.replace("-", "_") in SERVER_OPTIONS), "port")
        place = "directly below [tool.esg]" if self._is_pyproject else "outside any table"
        return f"keys are flat: write {key} {place}"

    def _table(self) -> Mapping[str, object]:
        table = self._contents()
        if not self._is_pyproject:
            return table
        tool = table.get("tool")
        ours = tool.get("esg") if isinstance(tool, Mapping) else None
        if not isinstance(ours, Mapping):
            raise UsageError(f"{self._spelled} {self._path}: has no table [tool.esg]")
        return ours

    def _contents(self) -> Mapping[str, object]:
        import tomllib
        from pathlib import Path

        try:
            return tomllib.loads(Path(self._path).read_text(encoding="utf-8"))
        except OSError as error:
            reason = reason_of(error)
        except ValueError as error:
            reason = f"not valid TOML: {error}"
        raise UsageError(f"{self._spelled} {self._path}: {reason}")


def _parsed(option: Option, value: Argument) -> object:
    if isinstance(value, str):
        return option.kind.parse(value)
    if isinstance(option.kind, ListOf) and not isinstance(value, bool):
        return tuple(item for text in value for item in option.kind.parse(text))
    return option.check(value)


def _variable(option: Option, name: str, text: str) -> Setting:
    try:
        return Setting(option.kind.parse(text), name, name)
    except NotAllowed as error:
        raise option.wrong(f"{name}={_plain(option, error.value)}") from None


def _plain(option: Option, value: object) -> str:
    """Text as the user typed it if that is readable, otherwise as source text."""
    if isinstance(value, str) and re.fullmatch(r"[!-~]{1,60}", value) and not option.kind.secret:
        return value
    return option.shown(value)


def _as_toml(option: Option, value: object) -> str:
    try:
        text = repr(value) if isinstance(value, float) else inline(value)
    except TypeError:
        text = str(value)
    return text if len(text) <= 60 and not option.kind.secret else option.shown(value)


def _is_service_link(name: str, text: str) -> bool:
    """Whether Kubernetes set the variable for a service whose name begins with `esg`: `ESG_PORT=tcp://10.0.0.1:80`."""
    return _SERVICE_LINK.fullmatch(name) is not None or (name.endswith("_PORT") and "://" in text)
