"""What an application may put into its messages (rule H-10, ASGI HTTP 2.5)."""

from array import array
from http import HTTPStatus

import pytest

from esg_core.errors import ApplicationError
from esg_http.call.message_checks import as_bytes, checked_headers, checked_status


@pytest.mark.parametrize("status", [200, 204, 299, 404, 999, HTTPStatus.OK])
def test_a_status_is_a_plain_int(status: int) -> None:
    """H-10."""
    checked = checked_status(status)
    assert checked == status
    assert type(checked) is int


@pytest.mark.parametrize("status", ["200", 200.0, None, True, b"200"])
def test_what_is_no_status(status: object) -> None:
    """H-10: named by its type."""
    with pytest.raises(ApplicationError, match=f"not {type(status).__name__} "):
        checked_status(status)


@pytest.mark.parametrize("status", [-1, 0, 100, 199, 1000, HTTPStatus.CONTINUE])
def test_what_is_no_status_of_a_final_response(status: int) -> None:
    """H-10."""
    with pytest.raises(ApplicationError, match=f"^{int(status)} is not the status"):
        checked_status(status)


def test_headers_are_any_iterable() -> None:
    """H-10: a generator is read once, a list is copied."""
    fields = [(b"a", b"b")]
    for given in (fields, tuple(fields), iter(fields), dict(fields).items()):
        checked = checked_headers(given)
        assert checked == fields
        assert checked is not fields


@pytest.mark.parametrize("headers", [None, 5, True])
def test_what_is_no_headers(headers: object) -> None:
    """H-10."""
    with pytest.raises(ApplicationError, match=f"not {type(headers).__name__} "):
        checked_headers(headers)


@pytest.mark.parametrize("body", [b"ab", bytearray(b"ab"), memoryview(b"ab"), memoryview(array("H", [0x6261]))])
def test_a_body_is_anything_that_holds_bytes(body: object) -> None:
    """H-10."""
    taken = as_bytes(body)
    assert taken == b"ab"
    assert type(taken) is bytes


@pytest.mark.parametrize("body", [None, "ab", 2, [97], True])
def test_what_is_no_body(body: object) -> None:
    """H-10."""
    with pytest.raises(ApplicationError, match=f"not {type(body).__name__} "):
        as_bytes(body)
