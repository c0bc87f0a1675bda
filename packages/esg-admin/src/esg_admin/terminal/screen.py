"""Draws what `esg top` shows with rich: live on a terminal, or once, as plain text.

Knows rich, which is optional: only `esg top` imports it, inside functions.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from esg_admin.terminal.figures import Documents
from esg_admin.terminal.view import Column, columns, lines, title
from esg_admin.terminal.writing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

WIDE = 100
"""Columns of a terminal that has room for all of the table."""

FIXED_ROWS = 11
"""Rows that stand above the first worker, and one below the last."""

HEADING = 12
FIGURE = 12
"""Widths of the first two columns above the table."""


class Screen:
    """Standard output: a terminal, or anything else."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console: Console = Console(highlight=False, markup=False, emoji=False)
        self.is_live = self._console.is_terminal and not self._console.is_dumb_terminal

    def show_once(self, documents: Documents, address: str) -> None:
        """Write everything, as text."""
        self._console.print(_drawing(documents, address, "", (self._console.width, None)))

    @contextmanager
    def live(self) -> "Iterator[Callable[[Documents, str, str], None]]":
        """Take the terminal over; the function that it gives shows documents, an address and a problem."""
        from rich.live import Live

        with Live(console=self._console, screen=True, auto_refresh=False) as drawn:

            def show(documents: Documents, address: str, problem: str) -> None:
                size = self._console.size
                drawn.update(_drawing(documents, address, problem, (size.width, size.height)), refresh=True)

            yield show


def _drawing(documents: Documents, address: str, problem: str, size: tuple[int, int | None]) -> "Group":
    from rich.console import Group

    width, height = size
    most = None if height is None else max(1, height - FIXED_ROWS)
    shown = [column for column in columns(documents) if width >= WIDE or not column.extra]
    count = len(shown[0].cells)
    if most is not None and count > most:
        rest = _line(f"and {count - most + 1} more workers, on a higher terminal", "dim")
        return Group(*_head(documents, address, problem), _table(shown, most - 1), rest)
    return Group(*_head(documents, address, problem), _table(shown, count))


def _head(documents: Documents, address: str, problem: str) -> "list[Text]":
    """One line each, cut where the terminal ends."""
    said, is_well = title(documents.last)
    state = _line(f"lost: {printable(problem)}" if problem else f"live from {printable(address)}, q quits", "dim")
    if problem:
        state.stylize("bold red")
    drawn = [_line(said, "bold" if is_well else "bold yellow"), state, _line("", "")]
    for heading, figure, details in lines(documents):
        text = _line(f"{heading:{HEADING}}{figure:>{FIGURE}}  {details}", "")
        text.stylize("dim", 0, HEADING)
        text.stylize("bold", HEADING, HEADING + FIGURE)
        drawn.append(text)
    return drawn


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
