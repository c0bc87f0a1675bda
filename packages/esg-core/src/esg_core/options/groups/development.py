"""Options for development: reloading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.shorthands import Duration
from esg_core.options.option import Group, option
from esg_core.options.validators import is_path, is_pattern
from esg_core.options.value_types import ListOf

Directories = Annotated[Sequence[str], ListOf("directories", is_path, "DIR", of_paths=True)]
Patterns = Annotated[Sequence[str], ListOf("patterns of file names, such as *.html", is_pattern, "GLOB", of_paths=True)]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DevelopmentOptions:
    """Reloading when files change."""

    reload: bool = option(
        False,
        Group.DEVELOPMENT,
        "Restart the server when files change.",
        "Needs the package `esg-reload`, and the application as MODULE:ATTRIBUTE. A restart waits at most 0.8 seconds "
        "for running requests; `limit_max_requests` and `shutdown_delay` are ignored.",
    )
    reload_dir: Directories = option(
        (),
        Group.DEVELOPMENT,
        "Directory to watch; the current directory by default. Repeatable.",
        "Subdirectories are watched too. By default, so is `app_dir`.",
    )
    reload_include: Patterns = option(
        (),
        Group.DEVELOPMENT,
        "Files to watch in addition to *.py. Repeatable.",
        "A pattern is matched against the end of a path; one that matches a directory covers everything in it. To drop "
        "`*.py`, exclude it.",
    )
    reload_exclude: Patterns = option(
        (),
        Group.DEVELOPMENT,
        "Files to ignore in addition to .*, .py[cod], .sw.*, ~*. Repeatable.",
        "A file that `reload_include` names without wildcards is watched anyway. To drop a default, include it.",
    )
    reload_delay: Duration = option(
        0.25,
        Group.DEVELOPMENT,
        "How long files must be unchanged before a restart.",
        "A burst of changes then causes only one restart.",
    )
