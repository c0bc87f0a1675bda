"""Draws what `esg top` shows with rich: live on a terminal, or once, as plain text.

Knows rich, which is optional: only `esg top` imports it, inside functions.
"""

from collections.abc import Callable
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING

from esg_admin.terminal.figures import Documents
from esg_admin.terminal.view import Column, columns, lines, title
from esg_admin.terminal.writing import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

Show = Callable[[Documents, str], None]

WIDE = 100
"""Columns of a terminal that has room for all of the table."""

LOST = "lost"

HEADING = 12
FIGURE = 12
"""Widths of the first two columns above the table."""


class Screen:
    """Standard output: a terminal, or anything else."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        self.is_live = self._console.is_terminal and not self._console.is_dumb_terminal

    def show_once(self, documents: Documents, address: str) -> None:
        """Write everything, as text."""
        self._console.print(drawing(documents, address, self._console.width, None))

    @contextmanager
    def live(self, address: str) -> "Iterator[Show]":
        """Take the terminal over; the function that it gives shows documents, and a problem if there is one."""
        from rich.live import Live

        with Live(console=self._console, screen=True, auto_refresh=False) as drawn:

            def show(documents: Documents, problem: str) -> None:
                state = f"{LOST}: {problem}" if problem else f"live, q quits; {address}"
                size = self._console.size
                drawn.update(drawing(documents, state, size.width, size.height), refresh=True)

            yield show


def drawing(documents: Documents, state: str, width: int, height: int | None) -> "Group":
    """Everything, in the rows that there are; no height is as many as it takes."""
    from rich.console import Group

    head = _head(documents, state, width)
    shown = [column for column in columns(documents) if width >= WIDE or not column.extra]
    count = len(shown[0].cells)
    room = count if height is None else max(1, height - len(head) - 1)
    if count <= room:
        return Group(*head, _table(shown, count))
    return Group(*head, _table(shown, room - 1), _line(f"and {count - room + 1} more workers", "dim"))


def _head(documents: Documents, state: str, width: int) -> "list[Text]":
    """One line each, cut where the terminal ends; but a problem is whole, in as many as it needs."""
    said, is_well = title(documents.last)
    style = "bold red" if state.startswith(LOST) else "dim"
    told = [_line(line, style) for line in wrap(printable(state), width)]
    drawn = [_line(said, "bold" if is_well else "bold yellow"), *told, _line("", "")]
    for heading, figure, details in lines(documents):
        text = _line(f"{heading:{HEADING}}{figure:>{FIGURE}}  {details}", "")
        text.stylize("dim", 0, HEADING)
        text.stylize("bold", HEADING, HEADING + FIGURE)
        drawn.append(text)
    return [*drawn, _line("", "")]


def _line(text: str, style: str) -> "Text":
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _table(shown: list[Column], rows: int) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for at, column in enumerate(shown):
        table.add_column(column.heading, justify="left" if at == 1 else "right", no_wrap=True)
    for row in list(zip(*(column.cells for column in shown), strict=True))[:rows]:
        table.add_row(*row)
    return table
