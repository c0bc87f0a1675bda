"""Client text in log lines: printable ASCII, whatever was sent (rule R-3)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.access.escaping import ENTRIES, LONGEST, Memo, client_text, safe_text, target_text
from esg_core.logs.timestamps import rfc3339

HARMLESS = re.compile(r'[^\x00-\x1f"\\\x7f-\U0010ffff]*')


@given(st.binary())
@settings(deadline=None)
def test_a_target_cannot_leave_its_place(target: bytes) -> None:
    text = target_text(target)
    assert HARMLESS.fullmatch(text)
    assert " " not in text


@given(st.text())
@settings(deadline=None)
def test_other_text_cannot_leave_its_place(text: str) -> None:
    assert HARMLESS.fullmatch(re.sub(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4,})", "", safe_text(text)))


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (b"/", "/"),
        (b"/x?y=1&z=%20~", "/x?y=1&z=%20~"),
        (b"/a b", "/a%20b"),
        (b"/\r\nINFO: forged", "/%0D%0AINFO:%20forged"),
        (b"/\x1b[31m", "/%1B[31m"),
        (b'/" 200 OK', "/%22%20200%20OK"),
        (b"/\xc3\xbc", "/%C3%BC"),
        (b"/\\", "/%5C"),
    ],
)
def test_a_target_is_written_as_in_a_url(target: bytes, text: str) -> None:
    assert target_text(target) == text


@pytest.mark.parametrize(
    ("client", "text"),
    [
        (("127.0.0.1", 1234), "127.0.0.1:1234"),
        (("::1", 1234), "[::1]:1234"),
        (("203.0.113.7", 0), "203.0.113.7"),
        (("2001:db8::1", 0), "2001:db8::1"),
        (("/run/app.sock", None), "/run/app.sock"),
        (("evil\n\x1b[0m", 1), r"evil\x0a\x1b[0m:1"),
        (("\u202e", 1), r"\u202e:1"),
        (("", 0), "-"),
        (None, "-"),
    ],
)
def test_clients(client: tuple[str, int | None] | None, text: str) -> None:
    assert client_text(client) == text


def test_times_are_those_of_rfc_3339_in_utc() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_700_000_000.9996) == "2023-11-14T22:13:20.999Z"


def test_a_memo_makes_each_text_once() -> None:
    made: list[int] = []

    def make(key: int) -> str:
        made.append(key)
        return str(key)

    memo = Memo(make)
    assert [memo[1], memo[2], memo[1]] == ["1", "2", "1"]
    assert made == [1, 2]


def test_a_memo_is_bounded_in_number_and_size() -> None:
    memo: Memo[int] = Memo(str)
    for key in range(10 * ENTRIES):
        assert memo[key] == str(key)
        assert len(memo) <= ENTRIES
    long: Memo[str] = Memo(str)
    assert long["x" * (LONGEST + 1)] == "x" * (LONGEST + 1)
    assert not long
