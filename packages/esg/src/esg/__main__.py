"""The command `esg`, also as `python -m esg`."""

from typing import NoReturn

from esg.serving import be_child_if_frozen, run
from esg_cli.command import main as command


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    be_child_if_frozen()
    command(run=run)


if __name__ == "__main__":
    main()
