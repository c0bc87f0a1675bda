"""The commands besides serving: `esg WORD ...` as click commands, made of what their packages declare (rule M-11).

Knows click and the contract `esg_core.commands`, not what a command does. A package is imported only when its command
is used.
"""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from esg_core.commands import COMMANDS, Command, Parameter
from esg_core.options.value_types import Flag, Path


class _ArgumentOfCommand(click.Argument):
    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        choices = "|".join(parameter.kind.choices)
        super().__init__([parameter.name], required=True, metavar=choices or parameter.written)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the words of a choice."""
        return _completed(self.parameter, incomplete)


class _OptionOfCommand(click.Option):
    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        super().__init__(
            [parameter.name, parameter.written],
            is_flag=isinstance(parameter.kind, Flag),
            default=None,
            metavar=parameter.kind.metavar or None,
            help=parameter.summary,
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Leave paths to the shell."""
        return _completed(self.parameter, incomplete)


def find(word: str) -> click.Command | None:
    """The command behind the first word of a command line, None if that word is none; raises as `find_command()`.

    The metadata of all packages is read only for a word that is neither a flag nor MODULE:ATTRIBUTE.
    """
    if word not in COMMANDS and (not word or word.startswith("-") or ":" in word):
        return None
    from esg_core.plugins import find_command

    found = find_command(word)
    return None if found is None else _made(word, found)


def rows() -> list[tuple[str, str]]:
    """What the help lists: how ESG's own commands are called, and what they do."""
    return [(known.usage, f"{known.summary} See {word} --help.") for word, known in COMMANDS.items()]


def completed(incomplete: str) -> list[CompletionItem]:
    """The words that begin so."""
    return [CompletionItem(word) for word in COMMANDS if word.startswith(incomplete)]


def _made(word: str, declared: Command) -> click.Command:
    parameters = [_ArgumentOfCommand(one) if one.is_argument else _OptionOfCommand(one) for one in declared.parameters]
    return click.Command(word, params=list(parameters), callback=_callback(declared), help=declared.help)


def _callback(declared: Command) -> Callable[..., int]:
    def run(**given: str | bool | None) -> int:
        return declared.run({one.name: one.read(given[one.name]) for one in declared.parameters})

    return run


def _completed(parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    if isinstance(parameter.kind, Path):
        return [CompletionItem(incomplete, type="file")]
    return [CompletionItem(word) for word in parameter.kind.choices if word.startswith(incomplete)]
