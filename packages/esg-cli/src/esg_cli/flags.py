"""The parameters of the command, one for each declared option, and how the help shows them.

Knows click. Names, help texts and completions come from the declarations, and click neither converts nor checks values,
so that options from every source have the same rules and messages.
"""

from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from esg_core.command_words import COMMANDS
from esg_core.options.catalogue import COMMON
from esg_core.options.option import Group, Option
from esg_core.options.value_types import Action, Flag, ListOf, Path

COLUMN = 30
"""The width of the flags in the help; after a longer one, the text begins on the next line."""

SHOWS_ALL = "esg_cli.shows_all"
"""The key of a context's `meta` that says that the help shows every option, not only the common ones."""


class FlagParameter(click.Option):
    """One option of the command; its value is None or empty unless it was given."""

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

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """One row of the help: `--[no-]access-log`, where click would list both, in a column aligned across groups."""
        record = super().get_help_record(ctx)
        assert record is not None  # no flag is hidden
        term = f"--[no-]{self.option.flag[2:]}" if self.secondary_opts else record[0]
        return term.ljust(COLUMN), record[1]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the words of a choice, or leave paths to the shell."""
        if isinstance(self.option.kind, Path):
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in self.option.kind.choices if word.startswith(incomplete)]


class ApplicationParameter(click.Argument):
    """The argument APP, in whose place the word of another command may stand."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the words of commands."""
        return [CompletionItem(word) for word in COMMANDS if word.startswith(incomplete)]


class GroupedCommand(click.Command):
    """A command that shows its options under the headings of their groups, and lets another run if its word is first.

    That is no `click.Group`, whose options would come before the word, and to which every word is a command.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command whose word comes first, or else of this one."""
        found = _command(args[0]) if args else None
        if found is None:
            return super().make_context(info_name, args, parent, **extra)
        return found.make_context(f"{info_name} {args[0]}", args[1:], parent, **{**self.context_settings, **extra})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of the context."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group that has options, and one for the other commands."""
        listed = [parameter for parameter in self.get_params(ctx) if SHOWS_ALL in ctx.meta or _is_common(parameter)]
        for group in Group:
            rows = [parameter.get_help_record(ctx) for parameter in listed if _group(parameter) is group]
            shown = [row for row in rows if row is not None]
            if shown:
                with formatter.section(group.value):
                    formatter.write_dl(shown, col_max=COLUMN)
        with formatter.section("Commands"):
            formatter.write_dl([_row(word) for word in COMMANDS], col_max=COLUMN)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say how many options there are besides those shown."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, FlagParameter)]
        more = sum(not _is_common(parameter) for parameter in options)
        if SHOWS_ALL not in ctx.meta:
            formatter.write_paragraph()
            formatter.write_text(f"{more} more options: {ctx.command_path} --help-all")


def parameters(options: Sequence[Option]) -> list[click.Parameter]:
    """The argument APP, a parameter for each option, and the flag that shows all of them."""
    argument = ApplicationParameter(["app"], required=False, metavar="APP")
    help_all = click.Option(
        ["--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_all,
        help="Show every option and exit.",
    )
    return [argument, *(FlagParameter(option) for option in options if option.name != "app"), help_all]


def _show_all(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the help with every option, and exit."""
    if wanted and not ctx.resilient_parsing:
        ctx.meta[SHOWS_ALL] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


def _command(word: str) -> click.Command | None:
    """The command whose word this is.

    The metadata of all packages is read only for a word that is neither a flag nor MODULE:ATTRIBUTE.
    """
    if word not in COMMANDS and (not word or word.startswith("-") or ":" in word):
        return None
    from esg_cli.words import find

    return find(word)


def _row(word: str) -> tuple[str, str]:
    """One row of the help, for a command."""
    known = COMMANDS[word]
    return known.usage.ljust(COLUMN), f"{known.summary} See {word} --help."


def _is_common(parameter: click.Parameter) -> bool:
    return not isinstance(parameter, FlagParameter) or parameter.option.name in COMMON


def _group(parameter: click.Parameter) -> Group | None:
    if isinstance(parameter, FlagParameter):
        return parameter.option.group
    return Group.CONFIGURATION if isinstance(parameter, click.Option) else None


def _default(option: Option) -> str:
    """The default in the form `  [default: 8000]`, or "" if it says nothing."""
    value = option.default
    if isinstance(value, tuple):
        value = ",".join(value)
    if value is None or value is False or value == "" or option.is_off(value):
        return ""
    if value is True:
        return "  [default: on]"
    return f"  [default: {value:g}]" if isinstance(value, float) else f"  [default: {value}]"
