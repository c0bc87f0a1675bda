"""Each case of what RFC 9113 and RFC 7541 require, however its bytes are cut (rule 2-1)."""

import logging
from collections.abc import Iterator

import pytest

from esg_core.testing import pieces, random_sizes
from tests.http2.conformance import CASES
from tests.http2.conformance.case import Case, check
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.wire import Code, Frame, Kind, read

SHORT = 1500
"""Bytes up to which a case is also sent byte by byte."""


def ways(case: Case) -> Iterator[tuple[str, list[list[bytes]]]]:
    """The ways in which each segment may arrive."""
    yield "whole", [[segment] for segment in case.segments]
    total = sum(map(len, case.segments))
    if total <= SHORT:
        yield "byte by byte", [list(pieces(segment)) for segment in case.segments]
    else:
        sizes = random_sizes(total, 1, mean=total // 50)
        yield "random segments", [list(pieces(segment, sizes)) for segment in case.segments]


def run(case: Case, segments: list[list[bytes]]) -> tuple[list[Frame], bool, int]:
    """What the server wrote, whether it has ended the connection, and how many warnings it has logged."""
    with MemoryServer(Recorder()) as server:
        transport = server.connect()
        for pieces_of_one in segments:
            for piece in pieces_of_one:
                transport.feed(piece)
            server.loop.settle()
        has_ended = transport.is_closing() or transport.eof_written
        frames = list(read(bytes(transport.written)))
        if has_ended:
            server.loop.advance(2)
            assert transport.closed, "the connection is still open"
    return frames, has_ended, len(server.log.texts(logging.WARNING))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outcome(case: Case) -> None:
    for way, segments in ways(case):
        frames, has_ended, warnings = run(case, segments)
        try:
            assert frames[0].kind == Kind.SETTINGS, "the server's preface comes first"
            check(case, frames, has_ended)
            assert warnings == len(case.outcome.ends[:1]) + sum(
                Code.REFUSED_STREAM not in codes for codes in case.outcome.resets.values()
            )
        except AssertionError as error:
            sent = b" | ".join(case.segments)
            error.add_note(f"{case.id}, {way}: {sent[-300:]!r}\ncame: {[*map(str, frames)]}")
            raise


def test_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert [one for one in ids if ids.count(one) > 1] == []
