"""What the workers of a running server publish of their connections, read as the workers read it."""

import contextlib
from contextlib import ExitStack
from pathlib import Path

from esg_core.sockets.board import Board


def published(stack: ExitStack, parent: int) -> Board:
    """The board of a running server, until the end of the stack."""
    for link in Path(f"/proc/{parent}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if "memfd:esg-shares" in str(link.readlink()):
                file = stack.enter_context(link.open("r+b", buffering=0))
                return stack.enter_context(contextlib.closing(Board.attach(file.fileno())))
    raise AssertionError("there is no board")


def counted(board: Board) -> list[int]:
    """How many connections each row has that accepts, the fewest first."""
    return sorted(held - 1 for held in board.held() if held)
