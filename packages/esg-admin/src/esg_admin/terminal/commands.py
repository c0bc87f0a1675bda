"""Declares `esg top` and `esg ctl`: the entry points of the group `esg.commands`.

Knows what they take. What they do is imported when it is used, because completion in a shell imports this.
"""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from esg_admin.terminal.client import FORMS, Client, Refused, is_target
from esg_core.admin.token_file import read_token
from esg_core.commands import Command, Parameter
from esg_core.errors import UsageError
from esg_core.installing import how_to_install
from esg_core.options.value_types import Choice, Flag, Number, Path, Text

ADDRESS = Parameter("address", Text(FORMS, is_target, "ADDRESS"), is_argument=True)
TOKEN_FILE = Parameter("token_file", Path(), "File with the token, where the server wants one.")

TOP_HELP = """\
Show the figures of the server whose admin address is ADDRESS (HOST:PORT,
unix:PATH or a URL): live in a terminal, where q quits, or else once, as text.
"""

CTL_HELP = """\
Ask the server whose admin address is ADDRESS (HOST:PORT, unix:PATH or a URL)
for its figures, or have it do something.

Exit codes: 0 done, 1 the server refused, 2 wrong use, 3 no answer.
"""


def _top(values: Mapping[str, Any]) -> int:
    if importlib.util.find_spec("rich") is None:
        raise UsageError(f"esg top needs rich: {how_to_install('rich')}")
    from esg_admin.terminal.top import run

    _write_any_text()
    return run(_client(values), values["address"], values["interval"])


def _ctl(values: Mapping[str, Any]) -> int:
    from esg_admin.terminal.ctl import refused, run

    _write_any_text()
    try:
        _print(run(_client(values), values["action"], values["json"]))
    except Refused as error:
        if values["json"]:
            _print(refused(error))
        raise
    return 0


def _client(values: Mapping[str, Any]) -> Client:
    path = values["token_file"]
    return Client(values["address"], None if path is None else read_token(path, f"--token-file {path}").decode("ascii"))


def _write_any_text() -> None:
    """Without an error where the locale lacks a character."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


INTERVAL = Number(0.1, 86400, unit="seconds", is_whole=False, metavar="SECONDS")

WHAT = ("stats", "workers", "stacks", "requests", "restart", "add", "remove", "drain", "reopen")

top = Command(
    TOP_HELP,
    (
        ADDRESS,
        TOKEN_FILE,
        Parameter("interval", INTERVAL, "Time between figures.  [default: 1]", 1.0),
    ),
    _top,
)

ctl = Command(
    CTL_HELP,
    (
        ADDRESS,
        Parameter("action", Choice(WHAT), is_argument=True),
        Parameter("json", Flag(), "Print JSON, in one line.", default=False),
        TOKEN_FILE,
    ),
    _ctl,
)
