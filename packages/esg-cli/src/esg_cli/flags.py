"""The parameters of the command, one for each declared option, and how the help shows them.

Knows click. Nothing is said twice: names, words and what completion offers come from the declaration, and click
neither converts nor checks a value, so that every place an option may come from has the same rules and messages.
"""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from esg_core.options.option import Group, Option
from esg_core.options.value_types import Action, Flag, ListOf, Path

COLUMN = 30
"""How wide flags are in the help at most; the words of a longer one begin on the next line."""


class FlagParameter(click.Option):
    """One option of the command; its value is None or empty unless it was typed."""

    def __init__(self, option: Option) -> None:
        self.option = option
        switch, action = isinstance(option.kind, Flag), isinstance(option.kind, Action)
        both_ways = f"{option.flag}/--no{option.flag[1:]}" if switch and not action else option.flag
        super().__init__(
            [option.name, both_ways],
            is_flag=switch,
            default=None,
            multiple=isinstance(option.kind, ListOf),
            metavar=option.metavar or None,
            help=option.summary + _default(option),
        )

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """`--[no-]access-log` on one line, where click would need two, and one column for all groups."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        term = f"--[no-]{self.option.flag[2:]}" if self.secondary_opts else record[0]
        return term.ljust(COLUMN), record[1]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The words of a choice, or the shell's own completion of paths."""
        if isinstance(self.option.kind, Path):
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in self.option.kind.choices if word.startswith(incomplete)]


class GroupedCommand(click.Command):
    """A command whose help shows the options under the headings of their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group that has options."""
        for group in Group:
            rows = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx) if _group(parameter) is group]
            shown = [row for row in rows if row is not None]
            if shown:
                with formatter.section(group.value):
                    formatter.write_dl(shown, col_max=COLUMN)


def parameters(options: Sequence[Option]) -> list[click.Parameter]:
    """The argument APP and a parameter for each option."""
    argument = click.Argument(["app"], required=False, metavar="APP")
    return [argument, *(FlagParameter(option) for option in options if option.name != "app")]


def _group(parameter: click.Parameter) -> Group | None:
    if isinstance(parameter, FlagParameter):
        return parameter.option.group
    return Group.CONFIGURATION if isinstance(parameter, click.Option) else None


def _default(option: Option) -> str:
    """`  [default: 8000]`, for a default that is worth showing."""
    value = option.default
    if isinstance(value, tuple):
        value = ",".join(value)
    if value is None or value is False or value == "":
        return ""
    if value is True:
        return "  [default: on]"
    return f"  [default: {value:g}]" if isinstance(value, float) else f"  [default: {value}]"
