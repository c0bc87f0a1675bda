"""The default line of the access log: `INFO:     127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200 OK`.

Pure except for the clock of timestamps. Optimised for speed: recurring texts (clients, methods, statuses) are built
once; the target is only scanned.
"""

import time
from functools import partial

from esg_core.access.escaping import PLAIN, Memo, client_text, safe_text, target_text
from esg_core.access.exchange import Line, ScopeLike
from esg_core.logs.colours import BOLD, RESET
from esg_core.logs.formatters import level_prefix, status_text, websocket_words
from esg_core.logs.timestamps import rfc3339
from esg_core.request_ids import id_in


def with_timestamp(line: Line) -> Line:
    """The function that formats the same line with a timestamp in front."""
    return lambda *exchange: f"{rfc3339(time.time())} {line(*exchange)}"


def with_id(line: Line) -> Line:
    """The function that formats the same line with the id of the request behind it."""
    return lambda scope, *more: f"{line(scope, *more)} [{id_in(dict(scope['headers'])) or '-'}]"


def accepted_line(coloured: bool) -> Line:
    """The function that formats the line of an accepted WebSocket: `INFO:     ... - "WebSocket /x?y" [accepted]`."""
    prefix = level_prefix("INFO", coloured)

    def line(scope: ScopeLike, target: bytes, status: int, size: int, seconds: float, aborted: bool) -> str:  # noqa: ARG001 - as below
        words, accepted = websocket_words(target_text(target), coloured)
        return f'{prefix} {client_text(scope["client"])} - "{words}" {accepted}'

    return line


def default_line(coloured: bool) -> Line:
    """The function that formats the line."""
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
