"""The command `esg-reload`: restarts any command when files change; also `python -m esg_reload`.

    esg-reload --watch src --include '*.html' -- python worker.py

Exit codes: 0 after a stop, 1 if the command then had to be killed, 2 for wrong use, 3 if it cannot be started.
"""

import argparse
import logging
import math
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from esg_reload import __version__
from esg_reload.files import DEFAULT_EXCLUDES, DEFAULT_INCLUDES, Files
from esg_reload.group import explained
from esg_reload.reloader import Reloader

CANNOT_START = 3

STDERR = 2


class _Parser(argparse.ArgumentParser):
    """Reports wrong use in one line, as all packages of ESG do."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"Error: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the options before `--`; the command comes after it."""
    options = _Parser(
        prog="esg-reload",
        usage="%(prog)s [OPTIONS] -- COMMAND [ARGUMENT...]",
        description="Run COMMAND, and restart it when files change.",
        epilog="--watch, --include and --exclude are repeatable. A pattern that matches a directory applies to "
        "everything in it. A default pattern is dropped by naming it in the opposite option.",
        allow_abbrev=False,
    )
    options.add_argument(
        "--watch", metavar="DIR", action="append", default=[], help="directory to watch, the current one by default"
    )
    options.add_argument(
        "--include",
        metavar="GLOB",
        action="append",
        default=[],
        help=f"files to watch, besides {' '.join(DEFAULT_INCLUDES)}",
    )
    options.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help=f"files not to watch, besides {' '.join(DEFAULT_EXCLUDES)}".replace("%", "%%"),
    )
    options.add_argument(
        "--delay",
        metavar="SECONDS",
        type=_seconds,
        default=0.25,
        help="time without changes before a restart (default: %(default)s)",
    )
    options.add_argument(
        "--grace",
        metavar="SECONDS",
        type=_seconds,
        default=1.0,
        help="time to end after SIGTERM, before SIGKILL (default: %(default)s)",
    )
    options.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; raises `SystemExit` if nothing can be run."""
    _fill_standard_descriptors()
    words = list(sys.argv[1:] if arguments is None else arguments)
    cut = words.index("--") if "--" in words else len(words)
    options = parser()
    given, strange = options.parse_known_args(words[:cut])
    command = words[cut + 1 :]
    if strange and strange[0].startswith("-"):
        options.error(f"{strange[0]}: no such option")
    if strange:
        begin = words.index(strange[0])
        meant = shlex.join([options.prog, *words[:begin], "--", *words[begin:cut]])
        options.error(f"{strange[0]}: put -- before the command: {meant}")
    if not command:
        options.error(f"put the command after --: {options.prog} --watch src -- python worker.py")
    try:
        files = Files(*given.watch, includes=given.include, excludes=given.exclude)
    except (NotADirectoryError, ValueError) as error:
        options.error(str(error))
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    logger = logging.getLogger(options.prog)
    try:
        return Reloader(command, files, delay=given.delay, grace=given.grace, logger=logger).run()
    except OSError as error:
        options.exit(CANNOT_START, f"Error: {explained(error)}\n")


def _fill_standard_descriptors() -> None:
    """Open the null device for closed ones: otherwise the next file gets such a number, and the command inherits it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a time: give seconds, 0 or more")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
