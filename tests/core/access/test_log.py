"""When and how access lines are logged (rule R-3): in batches, or as ordinary records."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from esg_core import logs
from esg_core.access import AccessLog
from esg_core.access.log import BATCH, DELAY
from esg_core.errors import UsageError
from esg_core.options.config import Config
from esg_core.testing import ManualLoop
from tests.support.core.access_log import HOSTILE, scope

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

LINE = 'INFO:     127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200 OK\n'

Out = Callable[[], str]


@pytest.fixture
def loop() -> Any:
    with ManualLoop() as loop:
        yield loop


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Out:
    """What has been written to standard output since the last call."""
    return lambda: capsys.readouterr().out


class Kept(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def access_log(loop: asyncio.AbstractEventLoop, **options: Any) -> AccessLog:
    config = Config("app:app", **options)
    logs.configure(config)
    access = AccessLog.create(config, loop)
    assert access is not None
    return access


def record(access: AccessLog, target: bytes = b"/x?y", status: int = 200, **request: Any) -> None:
    access.record(scope(**request), target, status, 13, 0.25)


# In batches.


def test_lines_wait_for_others_but_no_longer_than_100_ms(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    record(access)
    loop.advance(DELAY / 2)
    record(access)
    loop.advance(DELAY / 2 - 0.001)
    assert out() == ""
    loop.advance(0.001)
    assert out() == LINE * 2
    assert DELAY <= 0.1


def test_a_batch_has_one_timer_and_an_idle_server_none(loop: ManualLoop) -> None:
    """Rule L-5."""
    access = access_log(loop)
    for _ in range(100):
        record(access)
        assert len(loop._scheduled) == 1  # type: ignore[attr-defined]
    loop.advance(1)
    assert not loop._scheduled  # type: ignore[attr-defined]


def test_a_large_batch_does_not_wait(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    for _ in range(BATCH // (len(LINE) - 1) + 2):
        record(access)
    assert len(out()) > BATCH


def test_flush_writes_at_once(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    access.flush()
    record(access)
    access.flush()
    assert out() == LINE
    record(access)
    logs.flush()
    assert out() == LINE


def test_an_error_comes_after_the_lines_before_it(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    record(access)
    logging.getLogger("esg.error").error("failed")
    assert out() == LINE + "ERROR:    failed\n"
    record(access)
    loop.advance(DELAY)
    assert out() == LINE


def test_no_record_is_made(loop: ManualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    access = access_log(loop)
    monkeypatch.setattr(logging.Logger, "makeRecord", None)
    record(access)


def test_the_access_log_can_be_off(loop: ManualLoop) -> None:
    assert AccessLog.create(Config("app:app", access_log=False), loop) is None


def test_a_format_that_cannot_be_read_is_an_error_at_the_start(loop: ManualLoop) -> None:
    with pytest.raises(UsageError, match="access_log_format"):
        access_log(loop, access_log_format="%(nothing)s")


def test_json_and_atoms_are_whole_lines(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop, access_log_format="json")
    record(access)
    access.flush()
    assert json.loads(out())["duration_ms"] == 250
    access = access_log(loop, access_log_format="%(h)s %(s)s")
    record(access)
    access.flush()
    assert out() == "127.0.0.1 200\n"


def test_a_request_that_could_not_be_parsed(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    access.record(None, b"", 400, 11, 0.0)
    access.record({**scope(), "method": "-", "http_version": "-"}, b"-", 400, 11, 0.0)
    access.flush()
    assert out().splitlines() == [
        'INFO:     - - "- - HTTP/-" 400 Bad Request',
        'INFO:     127.0.0.1:1234 - "- - HTTP/-" 400 Bad Request',
    ]


def test_on_a_terminal_nobody_waits(loop: ManualLoop, out: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    access = access_log(loop, use_colors=False)
    record(access)
    loop.settle()
    assert out() == LINE


def test_colours(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop, use_colors=True)
    record(access)
    access.flush()
    assert out().startswith("\x1b[32mINFO\x1b[0m:     127.0.0.1:1234")


def test_r5_timestamps(loop: ManualLoop, out: Out) -> None:
    """On lines in ESG's own format, collected or as records; other formats decide themselves what they show."""
    access = access_log(loop, log_timestamps=True)
    record(access)
    access.record_websocket(scope(), b"/ws", 101, 0.0)
    loop.advance(DELAY)
    logging.getLogger("esg.access").addFilter(lambda _: True)
    record(access)
    first, second, third = out().splitlines()
    assert re.fullmatch(rf"{TIME} {re.escape(LINE.rstrip())}", first)
    assert re.fullmatch(rf'{TIME} INFO:     127\.0\.0\.1:1234 - "WebSocket /ws" \[accepted\]', second)
    assert re.fullmatch(rf"{TIME} {re.escape(LINE.rstrip())}", third)
    access = access_log(loop, log_timestamps=True, access_log_format="%(m)s")
    record(access)
    access.flush()
    assert out() == "GET\n"


# WebSockets.


def test_r3_an_accepted_websocket_has_its_line_in_its_place(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    record(access, b"/1")
    access.record_websocket(scope(), b'/ws?"', 101, 0.0)
    access.record_websocket(scope(method="CONNECT", http_version="2"), b"/ws", 200, 0.0)
    record(access, b"/2")
    access.flush()
    assert [line.partition(" - ")[2] for line in out().splitlines()] == [
        '"GET /1 HTTP/1.1" 200 OK',
        '"WebSocket /ws?%22" [accepted]',
        '"WebSocket /ws" [accepted]',
        '"GET /2 HTTP/1.1" 200 OK',
    ]


@pytest.mark.parametrize(("form", "text"), [("%(r)s %(s)s", "GET /ws HTTP/1.1 101"), ("json", '"status":101')])
def test_r3_in_other_formats_it_is_the_response_that_it_is(loop: ManualLoop, out: Out, form: str, text: str) -> None:
    access = access_log(loop, access_log_format=form)
    access.record_websocket(scope(), b"/ws", 101, 0.25)
    access.tell("connection open", "client")
    access.flush()
    (line,) = out().splitlines()
    assert text in line


def test_r3_as_a_record_it_has_the_arguments_of_all_others(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    kept = Kept()
    logging.getLogger("esg.access").addHandler(kept)
    access.record_websocket(scope(), b"/ws", 101, 0.25)
    (made,) = kept.records
    assert made.args == ("127.0.0.1:1234", "GET", "/ws", "1.1", 101)
    assert out() == 'INFO:     127.0.0.1:1234 - "WebSocket /ws" [accepted]\n'


# Whether the duration is needed.


@pytest.mark.parametrize(("form", "timed"), [("default", False), ("json", True), ("%(s)s", False), ("%(L)s", True)])
def test_the_clock_is_asked_only_for_formats_with_a_duration(loop: ManualLoop, form: str, timed: bool) -> None:
    assert access_log(loop, access_log_format=form).timed is timed


def test_a_users_own_configuration_gets_the_duration(loop: ManualLoop) -> None:
    assert access_log(loop, log_config={"version": 1}).timed


# What an application does to its scope.


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"client": ["10.0.0.1", 0]}, '10.0.0.1 - "GET / HTTP/1.1" 200 OK'),
        ({"client": "10.0.0.1"}, '- - "GET / HTTP/1.1" 200 OK'),
        ({"client": {}}, '- - "GET / HTTP/1.1" 200 OK'),
        ({"method": b"GET\n"}, "127.0.0.1:1234 - \"b'GET\\x5cn' / HTTP/1.1\" 200 OK"),
        ({"method": ["GET"]}, "127.0.0.1:1234 - \"['GET'] / HTTP/1.1\" 200 OK"),
    ],
)
@pytest.mark.parametrize("as_records", [False, True])
def test_a_spoilt_scope_is_logged_as_far_as_it_goes(
    loop: ManualLoop, out: Out, changed: dict[str, Any], line: str, as_records: bool
) -> None:
    access = access_log(loop)
    if as_records:
        logging.getLogger("esg.access").addFilter(lambda _: True)
    record(access, b"/", **changed)
    access.flush()
    assert out() == f"INFO:     {line}\n"


@pytest.mark.parametrize("form", ["default", "json", "%(r)s %(a)s"])
def test_a_scope_that_was_emptied(loop: ManualLoop, out: Out, form: str) -> None:
    access = access_log(loop, access_log_format=form)
    access.record({}, b"/", 200, 0, 0.0)
    access.record({**scope(), "headers": None}, b"/", 200, 0, 0.0)
    access.flush()
    assert len(out().splitlines()) == 2


# As records.


def test_a_handler_of_ones_own_gets_ordinary_records(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    kept = Kept()
    logging.getLogger("esg.access").addHandler(kept)
    headers = [(b"x-request-id", b"abc"), (b"user-agent", b"curl/8")]
    record(access, headers=headers, extensions={"tls": {"tls_version": 0x0303}})
    (made,) = kept.records
    assert made.name == "esg.access"
    assert made.levelno == logging.INFO
    assert made.args == ("127.0.0.1:1234", "GET", "/x?y", "1.1", 200)
    assert made.getMessage() == '127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200'
    usual = vars(logging.makeLogRecord({})).keys() | {"message"}
    assert {name: value for name, value in vars(made).items() if name not in usual} == {
        "client_addr": "127.0.0.1:1234",
        "method": "GET",
        "full_path": "/x?y",
        "http_version": "1.1",
        "status_code": 200,
        "size": 13,
        "duration_ms": None,
        "request_id": "abc",
        "referer": None,
        "user_agent": "curl/8",
        "tls_version": "TLSv1.2",
        "aborted": False,
    }
    assert out() == LINE


def test_a_users_configuration_that_knows_nothing_of_esg_gets_records_at_the_root(loop: ManualLoop) -> None:
    access = access_log(loop, log_config={"version": 1}, log_level="debug")
    kept = Kept()
    logging.getLogger().addHandler(kept)
    record(access)
    (made,) = kept.records
    assert vars(made)["duration_ms"] == 250


@pytest.mark.parametrize("form", ["json", '%(h)s 100%% "%(r)s" %(s)s'])
def test_the_message_of_a_record_is_in_the_format_that_was_chosen(loop: ManualLoop, out: Out, form: str) -> None:
    access = access_log(loop, access_log_format=form)
    kept = Kept()
    logging.getLogger("esg.access").addHandler(kept)
    record(access, b"/100%25")
    (made,) = kept.records
    assert made.args == ("127.0.0.1:1234", "GET", "/100%25", "1.1", 200)
    assert out() == made.getMessage() + "\n"
    if form != "json":
        assert made.getMessage() == '127.0.0.1 100% "GET /100%25 HTTP/1.1" 200'


def test_a_filter_set_at_start_up_leaves_lines_out(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)

    def not_health(made: logging.LogRecord) -> bool:
        assert isinstance(made.args, tuple)
        return made.args[2] != "/health"

    logging.getLogger("esg.access").addFilter(not_health)
    record(access, b"/health")
    record(access, b"/x?y")
    assert out() == LINE


def test_a_formatter_set_at_start_up_counts(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    logging.getLogger("esg.access").handlers[0].setFormatter(logging.Formatter("%(levelname)s|%(message)s"))
    record(access)
    assert out() == 'INFO|127.0.0.1:1234 - "GET /x?y HTTP/1.1" 200\n'


@pytest.mark.parametrize(
    "silence",
    [
        lambda logger: logger.setLevel(logging.WARNING),
        lambda logger: setattr(logger, "disabled", True),
        lambda logger: logger.handlers.clear(),
        lambda logger: logger.addFilter(lambda _: False),
    ],
)
def test_an_application_can_silence_it(loop: ManualLoop, out: Out, silence: Callable[[logging.Logger], None]) -> None:
    access = access_log(loop)
    silence(logging.getLogger("esg.access"))
    record(access)
    access.flush()
    loop.advance(1)
    assert out() == ""


def test_a_change_while_it_runs_counts_from_the_next_batch(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)
    record(access)
    kept = Kept()
    logging.getLogger("esg.access").addHandler(kept)
    loop.advance(DELAY)
    record(access)
    logging.getLogger("esg.access").removeHandler(kept)
    record(access)
    loop.advance(DELAY)
    assert out() == LINE * 3
    assert len(kept.records) == 1


def test_a_record_factory_with_names_of_its_own_is_no_error(loop: ManualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = before(*args, **kwargs)
        made.request_id = "mine"
        return made

    logging.setLogRecordFactory(factory)
    try:
        access = access_log(loop)
        kept = Kept()
        logging.getLogger("esg.access").addHandler(kept)
        record(access)
    finally:
        logging.setLogRecordFactory(before)
    assert vars(kept.records[0])["request_id"] == "mine"


def test_a_configuration_that_fails_does_not_fail_the_request_and_is_told_once(loop: ManualLoop, out: Out) -> None:
    access = access_log(loop)

    def broken(_: logging.LogRecord) -> bool:
        raise RuntimeError("broken filter")

    logging.getLogger("esg.access").addFilter(broken)
    record(access)
    record(access)
    assert out().count("RuntimeError: broken filter") == 1


def test_records_cannot_be_forged_either(loop: ManualLoop, out: Out) -> None:
    """Rule R-3: log injection is impossible."""
    access = access_log(loop)
    kept = Kept()
    logging.getLogger("esg.access").addHandler(kept)
    headers = [(b"user-agent", HOSTILE), (b"referer", HOSTILE), (b"x-request-id", HOSTILE)]
    access.record(scope(headers=headers, method=HOSTILE.decode("latin-1")), HOSTILE, 200, 13, 0.25)
    assert len(out().splitlines()) == 1
    texts = [value for value in vars(kept.records[0]).values() if isinstance(value, str)]
    assert all(text.isprintable() for text in texts)
