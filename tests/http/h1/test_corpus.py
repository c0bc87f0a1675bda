"""Each case of the corpus, over both parsers and however its bytes arrive (rules H-11, H-12, H-13, H-15, H-20)."""

import logging
import re
from collections.abc import Iterator

import pytest

from esg_core.testing import pieces, random_sizes
from tests.http.corpus import CASES
from tests.http.corpus.case import Call, Case
from tests.support.http.memory import Outcome, Seen, exchange
from tests.support.installed import PARSERS

SLOW = 3000
"""Bytes above which only the ends of a case are sent byte by byte."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

PHRASES = {400: b"Bad Request", 413: b"Content Too Large", 414: b"URI Too Long", 501: b"Not Implemented"}


def ways(case: Case) -> Iterator[tuple[str, list[bytes]]]:
    """The ways in which the bytes may arrive; for refusals, also with another request after them."""
    length = len(case.data)
    middle = [length - SLOW // 2] if length > SLOW else []
    yield "whole", [case.data]
    yield "byte by byte", list(pieces(case.data, [1] * (min(length, SLOW) // 2) + middle + [1] * (SLOW // 2)))
    longer = case.followed_by_canary().data if case.is_refusal else case.data
    yield "whole, and more", [longer]
    for seed in (1, 2):
        sizes = random_sizes(len(longer), seed, mean=max(7, length // 100))
        yield f"random segments {seed}", list(pieces(longer, sizes))


def check(case: Case, outcome: Outcome) -> None:
    check_calls(case, outcome.calls)
    check_responses(case, outcome)
    check_log(case, outcome)
    assert outcome.ended == case.closes


def check_calls(case: Case, calls: list[Seen]) -> None:
    complete = [seen for seen in calls if seen.complete]
    assert [seen.scope["path"] for seen in complete] == [call.path for call in case.calls]
    assert len(calls) - len(complete) <= int(case.in_body), "the application was called"
    for seen, call in zip(complete, case.calls, strict=True):
        check_call(seen, call)


def check_call(seen: Seen, call: Call) -> None:
    scope = seen.scope
    assert scope["type"] == "http"
    assert scope["method"] == call.method
    assert scope["raw_path"] == (call.raw_path or call.path.encode())
    assert scope["query_string"] == call.query
    assert scope["http_version"] == call.http_version
    assert seen.body == call.body
    for field in call.headers:
        assert field in scope["headers"]
    names = [name for name, _ in scope["headers"]]
    assert not set(call.absent) & set(names)
    assert all(name == name.lower() for name in names)


def check_responses(case: Case, outcome: Outcome) -> None:
    responses = outcome.responses()
    assert tuple(response.status for response in responses) == case.statuses
    says_close = [response.get(b"connection") == b"close" for response in responses]
    announced = case.closes and not case.eof and responses
    assert says_close == [False] * (len(responses) - 1) + [True] if announced else not any(says_close)
    for response in responses:
        assert response.get(b"server") == b"esg"
        assert response.get(b"date")
    if case.is_refusal:
        refusal = responses[-1]
        assert (refusal.get(b"content-type") or b"").startswith(b"text/plain")
        assert PHRASES.get(refusal.status, b"") in refusal.body
        assert len(refusal.body) < 200


def check_log(case: Case, outcome: Outcome) -> None:
    warnings = outcome.log.texts(logging.WARNING)
    assert len(warnings) == int(case.is_refusal), warnings
    assert len(outcome.log.records) == len(warnings)
    for text in warnings:
        assert "127.0.0.1:50000" in text
        assert not CONTROL.search(text)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outcome(case: Case, parser: str) -> None:
    seen: set[bytes] = set()
    for way, segments in ways(case):
        outcome = exchange(parser, segments, eof=case.eof, **case.options)
        try:
            check(case, outcome)
        except AssertionError as error:
            error.add_note(f"{case.id} ({case.rule}), {way}: {case.data[:500]!r}\nwritten: {outcome.written[:500]!r}")
            raise
        seen.add(final(outcome))
    assert len(seen) == 1, f"what is written depends on how the bytes arrive: {seen}"


def final(outcome: Outcome) -> bytes:
    """What was written, except the date and interim responses, which depend on when the application reads."""
    interim = re.compile(rb"HTTP/1\.1 1[0-9]{2} [^\r]*\r\n\r\n")
    return interim.sub(b"", outcome.visible()[1])


def test_ids_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_each_case_says_where_its_rule_stands() -> None:
    assert [case.id for case in CASES if not re.match(r"(RFC \d{4} |H-\d)", case.rule)] == []
