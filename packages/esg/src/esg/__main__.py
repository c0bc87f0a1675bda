"""The command `esg`, also as `python -m esg`."""

from typing import NoReturn

from esg.serving import run
from esg_cli.command import main as command


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    command(run=run)


if __name__ == "__main__":
    main()
