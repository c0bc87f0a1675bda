"""The command `esg`: from the command line to an exit code.

Knows the terminal and nothing of serving. The options are declared in `esg_core.options.catalogue`; arguments,
variables and files are merged in `esg_core.options.merging`; the caller chooses what serves. Every error is one line on
standard error (rules C-1 to C-3). Slow modules are imported when needed, because `esg --help` should appear at once.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from esg_cli.flags import GroupedCommand, parameters
from esg_core import __version__
from esg_core.errors import CommandError, StartupError, UsageError
from esg_core.options.catalogue import COMMAND_OPTIONS, SERVER_OPTIONS
from esg_core.options.option import Argument, did_you_mean

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.options.merging import Settings

    Run = Callable[[Config, Callable[[], Config]], int]

NAME = "esg"

INTERRUPTED = 130
"""The exit code of a command that CTRL+C has ended, as shells have it; serving itself has its own."""

FAMILY = ("esg-core", "esg-cli", "esg-reload")
"""ESG's packages that are not in the table of protocols and loops."""

SHORT_ELSEWHERE = {
    "-b": "--bind",
    "-c": "--config",
    "-p": "--port",
    "-w": "--workers",
    "-v": "--version",
    "-V": "--version",
}
"""Short flags of gunicorn, hypercorn and most commands."""

HELP = """\
Serve the ASGI application APP, given as MODULE:ATTRIBUTE: esg main:app

Each option can also be set by a variable (ESG_PORT=9000) or in a file
(--config); the command line wins, then variable, file and preset.
Times are in seconds, and a time-out of 0 means no limit.
"""


def main(argv: Sequence[str] | None = None, run: "Run | None" = None) -> NoReturn:
    """Run the command with these arguments, by default those of the process, and exit (rule C-2).

    `run`, by default that of `esg_core.run`, serves and returns the exit code. It gets a `Config`, and a function that
    makes a new one from the same arguments and the current configuration file.
    """
    try:
        code = _run(argv, run)
    except (StartupError, UsageError, CommandError) as error:
        from esg_core.lifecycle.failures import report

        code = report(error)
    sys.exit(code)


def _run(argv: Sequence[str] | None, run: "Run | None") -> int:
    typed = _parse(argv)
    if isinstance(typed, int):
        return typed
    if typed.pop("version", False):
        click.echo(version())
        return 0
    is_check = typed.pop("check", False)
    settings = _load(typed)
    return _check(settings) if is_check else _serve(settings, run)


def _parse(argv: Sequence[str] | None) -> dict[str, Argument] | int:
    """The options given on the command line; an exit code if click has shown the help, or run another command."""
    try:
        values = command.main(argv, NAME, standalone_mode=False)
    except click.NoSuchOption as error:
        hint = _hint(error.option_name) if _path(error) == NAME else f"; see {_path(error)} --help"
        raise UsageError(f"{error.option_name}: no such option{hint}") from None
    except click.ClickException as error:
        raise UsageError(f"{error.format_message().rstrip('.')}; see {_path(error)} --help") from None
    except click.Abort:
        return INTERRUPTED
    if isinstance(values, int):
        return values
    return {name: value for name, value in values.items() if value not in (None, ())}


def _path(error: click.ClickException) -> str:
    """The command that the user got wrong: `esg`, or `esg top`."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context is not None else NAME


def _hint(flag: str) -> str:
    """What an unknown flag may have meant; other servers have `-w`, for example."""
    if flag[:2] in SHORT_ELSEWHERE:
        return f"; did you mean {SHORT_ELSEWHERE[flag[:2]]}?"
    return did_you_mean(flag, [option.flag for option in OPTIONS]) or f"; see {NAME} --help-all"


def _load(typed: Mapping[str, Argument]) -> "Settings":
    from esg_core.options.merging import load
    from esg_core.options.sources import Arguments

    settings = load(Arguments(typed))
    if settings.strangers:
        click.echo(f"Warning: not an option of {NAME}: {', '.join(settings.strangers)}", err=True)
    for theirs, ours in settings.of_uvicorn.items():
        click.echo(f"Warning: {theirs} has no effect: {NAME} reads {ours}", err=True)
    return settings


def _serve(settings: "Settings", run: "Run | None") -> int:
    if run is not None:
        return run(settings.config, settings.again)
    from esg_core.run import run as run_server

    return run_server(settings.config, again=settings.again)


def _check(settings: "Settings") -> int:
    from esg_core.options.effective import effective_configuration
    from esg_core.run import check

    with contextlib.redirect_stdout(sys.stderr):  # log and print output is not part of the listing
        became = check(settings.config)
    click.echo(effective_configuration(settings, became), nl=False)
    return 0


def version() -> str:
    """`Running esg 0.1.0 with CPython 3.11.7 on Linux`, then a line with ESG's packages and one with the others."""
    import platform

    from esg_core.plugins import KNOWN

    needs = {package: None for group in KNOWN.values() for known in group.values() for package in known.needs}
    ours = dict.fromkeys((*FAMILY, *(package for package in needs if package.startswith(NAME))))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return "\n".join(
        (
            f"Running {NAME} {_version_of(NAME) or __version__} with {python} on {platform.system()}",
            _versions(ours),
            _versions(package for package in needs if package not in ours),
        )
    )


def _versions(packages: Iterable[str]) -> str:
    return ", ".join(f"{package} {_version_of(package) or 'not installed'}" for package in packages)


def _version_of(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


OPTIONS = (*SERVER_OPTIONS.values(), *COMMAND_OPTIONS.values())

command = GroupedCommand(
    NAME,
    params=parameters(OPTIONS),
    callback=dict,
    help=HELP,
    context_settings={"max_content_width": 80, "help_option_names": ["-h", "--help"]},
)
"""The click command: calling it returns the options, None or empty for those that were not given."""
