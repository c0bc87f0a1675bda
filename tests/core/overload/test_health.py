"""Liveness and readiness (rule A-8)."""

import pytest

from esg_core.errors import UsageError
from esg_core.overload.health import Health

HEALTH = Health("/live", "/ready")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "ready", "status", "body"),
    [
        ("/live", True, 200, b"ok"),
        ("/live", False, 200, b"ok"),
        ("/ready", True, 200, b"ok"),
        ("/ready", False, 503, b"not ready"),
    ],
)
def test_liveness_always_readiness_when_ready(path: str, ready: bool, status: int, body: bytes, method: str) -> None:
    answer = HEALTH.answer(path, method, ready)
    assert answer is not None
    assert (answer.status, answer.body) == (status, body)
    assert dict(answer.headers) == {
        b"content-type": b"text/plain; charset=utf-8",
        b"cache-control": b"no-store",
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", ""])
@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_other_methods_are_told_which_are_allowed(path: str, method: str) -> None:
    answer = HEALTH.answer(path, method, ready=False)
    assert answer is not None
    assert answer.status == 405
    assert (b"allow", b"GET, HEAD") in answer.headers


@pytest.mark.parametrize("path", ["/", "", "/live/", "/LIVE", "/live/x", "/readyz", "*"])
def test_all_other_paths_are_the_applications(path: str) -> None:
    assert HEALTH.answer(path, "GET", ready=True) is None


def test_an_answer_may_be_changed_by_a_hook_without_changing_the_next() -> None:
    """Rule R-1: on-response gets the headers of health responses too."""
    first = HEALTH.answer("/live", "GET", ready=True)
    assert first is not None
    first.headers.append((b"x", b"y"))
    second = HEALTH.answer("/live", "GET", ready=True)
    assert second is not None
    assert (b"x", b"y") not in second.headers


@pytest.mark.parametrize(
    ("health_path", "ready_path", "message"),
    [
        ("live", "/ready", "health-path: 'live' must begin with a slash"),
        ("/live", "", "ready-path: '' must begin with a slash"),
        ("/same", "/same", "health-path and ready-path must differ: both are '/same'"),
    ],
)
def test_paths_that_cannot_work_are_refused_at_start(health_path: str, ready_path: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Health(health_path, ready_path)
    assert str(caught.value) == message
