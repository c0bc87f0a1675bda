"""The words of ESG's own commands besides serving, so that they are known without their packages (rule M-11).

Knows nothing else and imports nothing: the first word of every command line is looked up here.
"""

from collections.abc import Mapping


class KnownCommand:
    """One of ESG's own commands: what the help says of it, its import string, and the package that has it."""

    def __init__(self, usage: str, summary: str, target: str, package: str) -> None:
        self.usage = usage
        self.summary = summary
        self.target = target
        self.package = package


COMMANDS: Mapping[str, KnownCommand] = {
    "top": KnownCommand("top ADDRESS", "Live figures of a server.", "esg_admin.terminal.commands:top", "esg-admin"),
    "ctl": KnownCommand(
        "ctl ADDRESS ACTION", "Ask or control a server.", "esg_admin.terminal.commands:ctl", "esg-admin"
    ),
}
"""By the word that comes first on the command line."""
