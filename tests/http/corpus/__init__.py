"""Requests as raw bytes, malformed, ambiguous and odd but valid, each with the rule it tests and its outcome."""

from tests.http.corpus import (
    chunks,
    connection,
    content_length,
    fields,
    host,
    limits,
    pipelining,
    request_line,
    target,
    transfer_encoding,
)
from tests.http.corpus.case import Case

CASES: tuple[Case, ...] = tuple(
    case
    for group in (
        request_line,
        target,
        fields,
        host,
        content_length,
        transfer_encoding,
        chunks,
        connection,
        pipelining,
        limits,
    )
    for case in group.cases()
)

__all__ = ["CASES"]
