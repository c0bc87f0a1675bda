"""The commands besides serving: `esg WORD ...` as click commands, made of what their packages declare (rule M-11).

Knows click and the contract `esg_core.commands`, not what a command does. Imported only when a command is used.
"""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from esg_core.commands import Command, Parameter
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
    """The command that a word stands for, None if there is none; raises as `find_command()`."""
    from esg_core.plugins import find_command

    found = find_command(word)
    return None if found is None else _made(word, found)


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
