"""How records look (rule R-2), and what uvicorn's configurations find under ESG's names."""

import json
import logging
import sys

import pytest

from esg_core.logs import TRACE, AccessFormatter, DefaultFormatter, JSONFormatter
from esg_core.logs.colours import Bold, Cyan


def record(message: object = "hello", *args: object, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("esg.error", level, "file.py", 1, message, args, None)
    vars(made).update(extra)
    return made


ACCESS = ('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1234", "GET", "/x?y", "1.1", 404)


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (TRACE, "TRACE:    hello"),
        (logging.DEBUG, "DEBUG:    hello"),
        (logging.INFO, "INFO:     hello"),
        (logging.WARNING, "WARNING:  hello"),
        (logging.ERROR, "ERROR:    hello"),
        (logging.CRITICAL, "CRITICAL: hello"),
    ],
)
def test_messages_stand_below_each_other(level: int, line: str) -> None:
    logging.addLevelName(TRACE, "TRACE")
    assert DefaultFormatter(use_colors=False).format(record(level=level)) == line


def test_colours_do_not_move_the_message() -> None:
    assert DefaultFormatter(use_colors=True).format(record()) == "\x1b[32mINFO\x1b[0m:     hello"
    unknown = record(level=33)
    assert DefaultFormatter(use_colors=True).format(unknown) == "Level 33: hello"


def test_an_error_comes_with_its_traceback() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        made = record(level=logging.ERROR)
        made.exc_info = sys.exc_info()
    lines = DefaultFormatter(use_colors=False).format(made).splitlines()
    assert lines[0] == "ERROR:    hello"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: wrong"


def test_formats_of_ones_own_have_the_prefix_beside_the_fields_of_logging() -> None:
    formatter = DefaultFormatter("%(levelprefix)s [%(name)s] %(message)s", use_colors=False)
    assert formatter.format(record()) == "INFO:     [esg.error] hello"
    braces = DefaultFormatter("{levelprefix}|{message}", style="{", use_colors=False)
    assert braces.format(record()) == "INFO:    |hello"


def test_an_access_record_has_its_status_with_phrase() -> None:
    made = record(*ACCESS)
    line = 'INFO:     127.0.0.1:1234 - "GET /x?y HTTP/1.1" 404 Not Found'
    assert AccessFormatter(use_colors=False).format(made) == line
    coloured = AccessFormatter(use_colors=True).format(made)
    assert '"\x1b[1mGET /x?y HTTP/1.1\x1b[0m" \x1b[31m404 Not Found\x1b[0m' in coloured


@pytest.mark.parametrize(("method", "version", "status"), [("GET", "1.1", 101), ("CONNECT", "2", 200)])
def test_an_access_record_of_a_websocket_is_shown_as_one(method: str, version: str, status: int) -> None:
    made = record(*ACCESS[:2], method, "/ws", version, status)
    assert AccessFormatter(use_colors=False).format(made) == 'INFO:     127.0.0.1:1234 - "WebSocket /ws" [accepted]'


def test_what_stands_out_is_painted_where_colours_are_used_and_plain_elsewhere() -> None:
    made = record("%s runs on %s, %d times", Cyan(12), Bold("http://a"), 2)
    assert DefaultFormatter(use_colors=False).format(made) == "INFO:     12 runs on http://a, 2 times"
    painted = DefaultFormatter("%(message)s", use_colors=True).format(made)
    assert painted == "\x1b[36m12\x1b[0m runs on \x1b[1mhttp://a\x1b[0m, 2 times"
    assert json.loads(JSONFormatter().format(made))["message"] == made.getMessage() == "12 runs on http://a, 2 times"


def test_a_format_may_have_the_process_and_the_time() -> None:
    made = record()
    made.process, made.created = 12, 1_700_000_000.25
    fmt = "%(timestamp)s [%(pid)s] %(message)s"
    assert DefaultFormatter(fmt, use_colors=False).format(made) == "2023-11-14T22:13:20.250Z [12] hello"
    assert DefaultFormatter(fmt, use_colors=True).format(made) == "2023-11-14T22:13:20.250Z [\x1b[36m12\x1b[0m] hello"


def test_a_format_made_for_uvicorns_access_log_works() -> None:
    fmt = "%(asctime)s %(levelprefix)s %(client_addr)s | %(request_line)s | %(status_code)s"
    line = AccessFormatter(fmt, use_colors=False).format(record(*ACCESS))
    assert line.endswith("INFO:     127.0.0.1:1234 | GET /x?y HTTP/1.1 | 404 Not Found")


def test_other_records_that_come_to_the_access_formatter_are_shown() -> None:
    assert AccessFormatter(use_colors=False).format(record("seen %s", "it")) == "INFO:     seen it"


def test_a_status_without_a_name_stands_alone() -> None:
    made = record(*ACCESS[:-1], 299)
    assert AccessFormatter(use_colors=False).format(made).endswith(" 299")


def test_the_record_itself_stays_as_it_is_for_other_handlers() -> None:
    made = record(*ACCESS)
    before = dict(vars(made))
    AccessFormatter(use_colors=True).format(made)
    assert vars(made).keys() - before.keys() <= {"message", "asctime"}
    assert made.args == before["args"]


def test_json_has_one_object_a_record_with_all_that_is_extra() -> None:
    made = record("line\n%s", "two", level=logging.ERROR, request_id="abc", odd={1, 2}.__class__)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    try:
        raise ValueError("wrong\nhere")
    except ValueError:
        made.exc_info = sys.exc_info()
    made.stack_info = "Stack"
    line = JSONFormatter().format(made)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry.pop("exception").startswith("Traceback (most recent call last):\n")
    assert entry == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "error",
        "logger": "esg.error",
        "message": "line\ntwo",
        "request_id": "abc",
        "odd": "<class 'set'>",
        "stack": "Stack",
    }
