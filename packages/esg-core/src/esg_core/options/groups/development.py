"""Options for the time while the application is being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from esg_core.options.option import Group, option
from esg_core.options.validators import is_path, is_pattern
from esg_core.options.value_types import ListOf, Seconds

Directories = Annotated[Sequence[str], ListOf("directories", is_path, "DIR", of_paths=True)]
Patterns = Annotated[Sequence[str], ListOf("patterns of file names, such as *.html", is_pattern, "GLOB", of_paths=True)]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DevelopmentOptions:
    """Restarts when files change."""

    reload: bool = option(
        False,
        Group.DEVELOPMENT,
        "Restart when files change.",
        "Needs the package `esg-reload`, and the application as MODULE:ATTRIBUTE. A restart waits 0.8 seconds at most "
        "for running requests; `limit_max_requests` and `shutdown_delay` do not count.",
    )
    reload_dir: Directories = option(
        (),
        Group.DEVELOPMENT,
        "Directory to watch; by default the current one. Repeatable.",
        "By default, `app_dir` is watched too. All that is inside is watched with it.",
    )
    reload_include: Patterns = option(
        (),
        Group.DEVELOPMENT,
        "Files to watch beside *.py. Repeatable.",
        "A pattern fits the end of a path; what fits a directory counts for everything in it. `*.py` is dropped by "
        "excluding it.",
    )
    reload_exclude: Patterns = option(
        (),
        Group.DEVELOPMENT,
        "Files not to watch beside .*, .py[cod], .sw.*, ~*. Repeatable.",
        "A file that an include names without wildcards is watched nevertheless. A default is dropped by including it.",
    )
    reload_delay: Annotated[float, Seconds(can_be_off=False)] = option(
        0.25,
        Group.DEVELOPMENT,
        "How long nothing must have changed before a restart.",
        "Many changes at once are one restart.",
    )
