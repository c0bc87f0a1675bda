"""Lists the effective configuration as TOML, each value with its source: what `--check` prints.

The text can be used as a configuration file: it gives the same `Config`. What TOML cannot express is in comments:
options that are not set, secrets, and objects of a program.
"""

from collections.abc import Iterator, Mapping

from esg_core import __version__
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.conflicts import DISPLACES
from esg_core.options.merging import Settings
from esg_core.options.option import Group, Option
from esg_core.options.toml import inline


def effective_configuration(settings: Settings, became: Mapping[str, str] | None = None) -> str:
    """The whole configuration, ending with a line break. `became` maps options that are `auto` to their choices."""
    return "\n".join(_lines(settings, became or {})) + "\n"


def _lines(settings: Settings, became: Mapping[str, str]) -> Iterator[str]:
    yield f"# Effective configuration of ESG {__version__}; each value is followed by its source"
    for group in Group:
        members = [option for option in SERVER_OPTIONS.values() if option.group is group]
        yield from ("", f"# {group}") if members else ()
        yield from (_line(option, settings) + _here(became.get(option.name)) for option in members)


def _line(option: Option, settings: Settings) -> str:
    name, value, origin = option.name, getattr(settings.config, option.name), settings.origin(option.name)
    if settings.config.bind and name in DISPLACES["bind"]:
        return f"# {name} has no effect: bind replaces it"
    if option.is_off(value):
        return f"{name} = 0  # {origin}: off"
    if value is None:
        return f"# {name} is not set"
    if option.kind.secret:
        return f"# {name} is set and not shown  # {origin}"
    try:
        return f"{name} = {inline(value)}  # {origin}"
    except TypeError:
        return f"# {name} is {option.shown(value)}  # {origin}"


def _here(choice: str | None) -> str:
    return "" if choice is None else f"; here {choice}"
