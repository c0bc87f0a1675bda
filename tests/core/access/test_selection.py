"""What is left out of the access log, and what is never left out (rule A-9)."""

import logging
from collections.abc import Iterator

import pytest

from esg_core import logs
from esg_core.access import AccessLog
from esg_core.access.selection import LONGEST, REMEMBERED, Selection
from esg_core.errors import UsageError
from esg_core.options.config import Config
from esg_core.testing import ManualLoop
from tests.support.core.access_log import scope

CASES = [
    ("/health", "GET", b"/health", 200, False),
    ("/health", "GET", b"/health?deep=1", 503, False),
    ("/health", "POST", b"/health", 200, False),
    ("/health", "GET", b"/healthy", 200, True),
    ("/health", "GET", b"/x?/health", 200, True),
    ("GET /health*", "GET", b"/health/live", 200, False),
    ("get /health*", "GET", b"/health", 200, False),
    ("GET /health*", "HEAD", b"/health", 200, True),
    ("GET /health* 2xx", "GET", b"/health", 204, False),
    ("GET /health* 2xx", "GET", b"/health", 503, True),
    ("/a/? 404", "GET", b"/a/b", 404, False),
    ("/a/? 404", "GET", b"/a/bc", 404, True),
    ("/a/? 404", "GET", b"/a/b", 403, True),
    ("*.png", "GET", b"/deep/in/a.png", 304, False),
    ("/v[12]/*", "GET", b"/v2/", 200, False),
    ("/v[12]/*", "GET", b"/v3/", 200, True),
    ("/ws*  101", "GET", b"/ws/chat", 101, False),
]


@pytest.mark.parametrize(("pattern", "method", "target", "status", "is_kept"), CASES)
def test_a9_a_pattern(pattern: str, method: str, target: bytes, status: int, is_kept: bool) -> None:
    selection = Selection(["/other", pattern], 1, lambda: 0.0)
    for _ in range(2):  # as read, and as remembered
        assert selection.keeps(scope(method=method), target, status, False) == is_kept


@pytest.mark.parametrize(
    "pattern", ["health", "GET", "GET health", "/a 2x", "/a 0xx", "/a 2000", "G T /a 200 x", " ", "/a b"]
)
def test_a9_a_pattern_that_is_none_is_an_error(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"^access_log_exclude.*must be \[METHOD\] PATH \[STATUS\]"):
        Config("app:app", access_log_exclude=[pattern])


@pytest.mark.parametrize("share", [-0.1, 1.1, True, "some"])
def test_a9_a_share_that_is_none_is_an_error(share: float) -> None:
    with pytest.raises(UsageError, match=r"^access_log_sample.*from 0 to 1"):
        Config("app:app", access_log_sample=share)


def test_a9_a_sample_has_the_share_that_was_asked_for_and_all_errors() -> None:
    chances = iter([0.0, 0.24, 0.25, 0.99])
    selection = Selection([], 0.25, lambda: next(chances))
    assert [selection.keeps(scope(), b"/", 200, False) for _ in range(4)] == [True, True, False, False]
    assert selection.keeps(scope(), b"/", 400, False)
    assert selection.keeps(scope(), b"/", 599, False)
    assert selection.keeps(scope(), b"/", 200, True)


def test_a9_what_is_excluded_stays_out_even_if_it_is_an_error() -> None:
    assert not Selection(["/x"], 0.5, lambda: 0.0).keeps(scope(), b"/x", 500, True)


def test_a9_clients_cannot_make_it_remember_more() -> None:
    """Rule H-20."""
    selection = Selection(["/x*"], 1, lambda: 0.0)
    for number in range(2 * REMEMBERED + 1):
        assert not selection.keeps(scope(), b"/x%d" % number, 200, False)
    assert not selection.keeps(scope(), b"/x" + b"y" * LONGEST, 200, False)
    remembered = selection._remembered
    assert len(remembered) <= REMEMBERED
    assert max(len(path) for _, path in remembered) <= LONGEST


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.mark.parametrize("form", ["default", "json", "%(r)s"])
def test_a9_what_is_left_out_makes_neither_a_line_nor_a_record(
    loop: ManualLoop, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config("app:app", access_log_exclude=["/metrics"], access_log_sample=0, access_log_format=form)
    logs.configure(config)
    access = AccessLog.create(config, loop)
    assert access is not None
    monkeypatch.setattr(logging.Logger, "makeRecord", None)
    access.record(scope(), b"/metrics", 500, 0, 0.0)
    access.record(scope(), b"/metrics?x", 200, 0, 0.0, aborted=True)
    access.record(scope(), b"/", 200, 0, 0.0)
    assert not access.record_websocket(scope(), b"/", 101, 0.0)
    access.record({"type": "http", "client": None, "method": [], "http_version": 0, "headers": []}, b"/", 200, 0, 0.0)
    access.record(scope(), b"/", 404, 0, 0.0)
    access.record(None, b"", 400, 0, 0.0)
    access.flush()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "404" in lines[0] or form == "%(r)s"


def test_a9_with_the_users_own_handlers_too(loop: ManualLoop, caplog: pytest.LogCaptureFixture) -> None:
    config = Config("app:app", log_config=None, access_log_exclude=["/metrics"])
    access = AccessLog.create(config, loop)
    assert access is not None
    with caplog.at_level(logging.INFO, "esg.access"):
        access.record(scope(), b"/metrics", 200, 0, 0.0)
        access.record(scope(), b"/", 200, 0, 0.0)
    assert [record.__dict__["full_path"] for record in caplog.records] == ["/"]
