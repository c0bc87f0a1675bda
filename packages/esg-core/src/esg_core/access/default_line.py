"""The default line of the access log: `INFO:     127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200 OK`.

Pure. Made for speed: texts that recur (clients, methods, statuses) are made once, the target is only looked through.
"""

from functools import partial

from esg_core.access.escaping import PLAIN, Memo, client_text, safe_text, target_text
from esg_core.access.exchange import Line, ScopeLike
from esg_core.logs.colours import BOLD, RESET
from esg_core.logs.formatters import level_prefix, status_text


def default_line(coloured: bool) -> Line:
    """The function that makes the line."""
    clients = Memo(client_text)
    words = Memo(safe_text)
    statuses = Memo(partial(status_text, coloured=coloured))
    prefix = level_prefix("INFO", coloured)
    before, after = (BOLD, RESET) if coloured else ("", "")
    opening, closing = f' - "{before}', f'{after}" '

    def line(scope: ScopeLike, target: bytes, status: int, size: int, seconds: float, aborted: bool) -> str:  # noqa: ARG001 - a line of few words
        path = target.decode() if target.translate(PLAIN) == target else target_text(target)
        return (
            f"{prefix} {clients[scope['client']]}{opening}{words[scope['method']]} {path}"
            f" HTTP/{words[scope['http_version']]}{closing}{statuses[status]}"
        )

    return line


__all__ = ["default_line"]
