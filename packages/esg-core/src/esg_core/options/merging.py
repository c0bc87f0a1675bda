"""Merges options from several sources into one `Config`, and remembers where each value came from.

Precedence, highest first: command line or keyword argument, the variables `ESG_*`, the configuration file, the preset,
the default. The options that say where to listen are one decision: a source that names a listener displaces everything
that a lower one says about listeners, so `--port 9000` works with a file that has `uds`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from esg_core.errors import UsageError
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.config import Config
from esg_core.options.conflicts import DISPLACES, check_combinations
from esg_core.options.presets import PRESETS
from esg_core.options.sources import ConfigFile, Environment, Found, Reader, Setting


@dataclass(frozen=True)
class Settings:
    """The merged configuration, and where its values come from.

    `strangers` are variables that begin with `ESG_` and resemble no option; `of_uvicorn` maps variables that only
    uvicorn reads to ESG's. The caller should warn about both. `again` merges once more, with the configuration file as
    it is then, and raises like `load()`.
    """

    config: Config
    found: Found
    strangers: tuple[str, ...] = ()
    of_uvicorn: Mapping[str, str] = field(default_factory=dict)
    again: Callable[[], Config] = field(kw_only=True, compare=False)

    def origin(self, name: str) -> str:
        """Where the value of an option comes from: `--port`, `ESG_PORT`, `esg.toml`, `preset NAME` or `default`."""
        if name in self.found:
            return self.found[name].origin
        preset = self.config.preset
        return f"preset {preset}" if preset is not None and name in PRESETS[preset] else "default"


def load(caller: Reader, variables: Mapping[str, str] | None = None) -> Settings:
    """Merge the caller's options with the environment, the configuration file and the preset.

    `caller` is `Arguments(...)` for a command line and `Keywords({"app": app, **options})` for a program. `variables`
    defaults to the environment of the process. Raises `UsageError` with one line that calls the option what its source
    calls it.
    """
    environment = Environment(os.environ if variables is None else variables)
    found = _merged(caller.read(), environment.read())
    config_file = found.pop("config", None)
    if config_file is not None and config_file.value is not None:
        found = _merged(found, ConfigFile(str(config_file.value), config_file.spelled).read())
    found = {**_wanted(environment.read_fallbacks(), found), **found}
    _check(found, caller)
    options: dict[str, Any] = {name: setting.value for name, setting in found.items()}
    options["spellings"] = {name: _spell(name, found, caller) for name in SERVER_OPTIONS}
    return Settings(
        Config(**options),
        found,
        environment.strangers,
        environment.of_uvicorn,
        again=lambda: load(caller, variables).config,
    )


def _merged(high: Found, low: Found) -> dict[str, Setting]:
    listeners = [name for name in high.keys() & DISPLACES.keys() if high[name].value not in (None, ())]
    displaced = {other for name in listeners for other in DISPLACES[name]}
    return {**{name: setting for name, setting in low.items() if name not in displaced}, **high}


def _wanted(fallbacks: Found, found: Found) -> Found:
    """Drop `WEB_CONCURRENCY` when reloading: a variable that other programs share must not cause a conflict."""
    is_reloading = "reload" in found and found["reload"].value
    return {name: setting for name, setting in fallbacks.items() if not (name == "workers" and is_reloading)}


def _spell(name: str, found: Found, caller: Reader) -> str:
    """What the source that set an option calls it; if none did, what the caller would call it."""
    return found[name].spelled if name in found else caller.spell(name)


def _check(found: Found, caller: Reader) -> None:
    """Check what `Config` will check, but call options what their sources call them."""

    def spell(name: str) -> str:
        return _spell(name, found, caller)

    if "app" not in found:
        raise UsageError(f"{spell('app')} is missing: name the application as MODULE:ATTRIBUTE, such as main:app")
    values = {name: option.default for name, option in SERVER_OPTIONS.items()}
    preset = found.get("preset")
    if preset is not None and preset.value is not None:
        values.update(PRESETS[str(preset.value)])
    values.update({name: setting.value for name, setting in found.items()})
    check_combinations(values, found, spell)
