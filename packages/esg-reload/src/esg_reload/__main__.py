"""The command `esg-reload`: restarts any command when files change; also `python -m esg_reload`.

    esg-reload --watch src --include '*.html' -- python worker.py

Exit codes: 0 after a stop, 1 if the command had to be killed then, 2 for wrong use, 3 if it cannot even be started.
"""

import argparse
import logging
import math
import sys
from collections.abc import Sequence

from esg_reload import __version__
from esg_reload.files import DEFAULT_EXCLUDES, DEFAULT_INCLUDES, Files
from esg_reload.group import explained
from esg_reload.reloader import Reloader

CANNOT_START = 3


def parser() -> argparse.ArgumentParser:
    """The options, which stand before `--`; the command stands behind it."""
    options = argparse.ArgumentParser(
        prog="esg-reload",
        usage="%(prog)s [OPTIONS] -- COMMAND [ARGUMENT...]",
        description="Run COMMAND, and restart it when files change.",
        epilog="A pattern that fits a directory counts for everything in it. A default pattern is dropped by naming "
        "it in the opposite option.",
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
        help=f"files to watch, beside {' '.join(DEFAULT_INCLUDES)}",
    )
    options.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help=f"files not to watch, beside {' '.join(DEFAULT_EXCLUDES)}".replace("%", "%%"),
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
    """Run the command line and return the exit code; wrong use raises `SystemExit` with code 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    cut = words.index("--") if "--" in words else len(words)
    options = parser()
    given = options.parse_args(words[:cut])
    command = words[cut + 1 :]
    if not command:
        options.error("name the command behind --: esg-reload --watch src -- python worker.py")
    try:
        files = Files(*given.watch, includes=given.include, excludes=given.exclude)
    except (NotADirectoryError, ValueError) as error:
        options.error(str(error))
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    return _run(Reloader(command, files, delay=given.delay, grace=given.grace, logger=logging.getLogger(options.prog)))


def _run(reloader: Reloader) -> int:
    try:
        return reloader.run()
    except OSError as error:
        sys.stderr.write(f"esg-reload: error: {explained(error)}\n")
        return CANNOT_START


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time: give seconds, 0 or more")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
