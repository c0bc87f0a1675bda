"""Whatever a client sends, both parsers give the same outcome, however the bytes arrive (rules H-1, H-12, H-20).

`ESG_FUZZ_EXAMPLES` sets the number of examples for each property; without it they are few and always the same.
"""

import logging
import os
import re
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from esg_core.errors import RequestError
from esg_core.testing import pieces
from tests.support.http.bodies import WholeBody
from tests.support.http.memory import Outcome, Seen, comparable, exchange
from tests.support.http.mutations import mutated, segmented, streams
from tests.support.installed import PARSER, PARSERS

EXAMPLES = os.environ.get("ESG_FUZZ_EXAMPLES")

fuzz = settings(
    max_examples=int(EXAMPLES or 200),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

INTERIM = re.compile(rb"HTTP/1\.1 1[0-9]{2} [^\r]*\r\n\r\n")

SMALL: dict[str, Any] = {"limit_request_line": 200, "limit_request_headers": 10, "limit_request_header_size": 500}


def check_sound(outcome: Outcome) -> None:
    """What a server wrote is HTTP, and only the client was at fault."""
    responses = outcome.responses()
    assert {response.status for response in responses} <= {200, 400, 413, 414, 431, 501, 505}
    refusals = [response for response in responses if response.status != 200]
    assert len(refusals) <= 1
    assert len(outcome.log.texts(logging.WARNING)) == len(refusals)
    assert outcome.log.texts(logging.ERROR) == []
    assert sum(response.get(b"connection") == b"close" for response in responses) == int(outcome.ended)
    if refusals:
        assert responses[-1] is refusals[0]
        assert responses[-1].get(b"connection") == b"close"


def lasting(outcome: Outcome) -> tuple[object, ...]:
    """What must not depend on segments; what an application does before the end of a body may."""
    _, written, ended = outcome.visible()
    return kept(outcome.calls), INTERIM.sub(b"", written), ended


def kept(calls: list[Seen]) -> list[object]:
    return [(comparable(seen.scope), seen.body) for seen in calls if seen.complete]


@pytest.mark.needs("httptools")
@fuzz
@given(segmented(streams()), st.booleans())
def test_both_parsers_give_the_same_outcome(segments: list[bytes], eof: bool) -> None:
    """H-1, H-12."""
    outcomes = [exchange(parser, segments, eof=eof) for parser in PARSERS]
    assert outcomes[0].visible() == outcomes[1].visible()
    assert outcomes[0].log.texts(logging.WARNING) == outcomes[1].log.texts(logging.WARNING)
    if not eof:
        check_sound(outcomes[0])


@fuzz
@given(segmented(streams()), st.sampled_from(PARSERS))
@example([b"GET / HTTP/1.1\n\nGET / HTTP/0.9\r\nHost: t\r\n\r\n"], PARSER)
@example([b"\0" + 64 * b"M" + b" / HTTP/1.1\r\nHost: t\r\n\r\n"], PARSER)
@example([b"M\r" + 64 * b"M" + b" / HTTP/1.1\r\nHost: t\r\n\r\n"], PARSER)
def test_segments_do_not_matter(segments: list[bytes], parser: str) -> None:
    """H-12, H-20."""
    data = b"".join(segments)
    whole = lasting(exchange(parser, [data]))
    assert lasting(exchange(parser, segments)) == whole
    assert lasting(exchange(parser, pieces(data))) == whole


@fuzz
@given(segmented(streams()), st.sampled_from(PARSERS))
def test_segments_do_not_matter_near_the_limits(segments: list[bytes], parser: str) -> None:
    """H-20: except for the status of what is both malformed and too large."""
    data = b"".join(segments)
    whole = exchange(parser, [data], **SMALL)
    pieced = exchange(parser, segments, **SMALL)
    assert kept(pieced.calls) == kept(whole.calls)
    assert [response.status < 400 for response in pieced.responses()] == [
        response.status < 400 for response in whole.responses()
    ]
    assert pieced.ended == whole.ended


CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("over", range(-3, 4))
@pytest.mark.parametrize(
    ("before", "filler", "behind", "size"),
    [
        (b"GET /", b"a", b" HTTP/1.1\r\nHost: t\r\n\r\n", 200 - len("GET / HTTP/1.1")),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: ", b"v", b"\r\n\r\n", 500 - len("Host: t\r\nX: \r\n")),
        (b"GET / HTTP/1.1\r\nHost: t\r\n", b"x:\r\n", b"\r\n", 9),
        (
            CHUNKED_HEAD + b"0\r\nX: ",
            b"v",
            b"\r\n\r\n",
            500 - len("X: "),
        ),
        (CHUNKED_HEAD + b"1;", b"e", b"\r\nx\r\n0\r\n\r\n", 499),
    ],
    ids=["line", "size", "fields", "trailer", "extension"],
)
def test_limits_are_the_same_for_any_segments(
    parser: str, before: bytes, filler: bytes, behind: bytes, size: int, over: int
) -> None:
    """H-20: a head just within the limits is served whether it comes in one segment or drips in."""
    data = before + filler * (size + over) + behind
    whole = exchange(parser, [data], **SMALL)
    for sizes in (1, 7, [len(data) - 1], [len(data) - 2], [len(data) - 3], [len(data) - 4]):
        assert lasting(exchange(parser, pieces(data, sizes), **SMALL)) == lasting(whole)
    assert [response.status < 400 for response in whole.responses()] == [over <= 0]


@fuzz
@given(st.lists(st.sampled_from([b"a", b" ", b":", b"\r\n", b"/", b"GET / HTTP/1.1\r\n", b"X: y\r\n", b"Host: t\r\n"])))
def test_an_unfinished_head_is_bounded(parts: list[bytes]) -> None:
    """H-20: no input makes a server wait for more of a head than its limits allow."""
    data = (b"".join(parts) or b"G") * 2000
    outcome = exchange(PARSER, pieces(data[:3000], 50), **SMALL)
    assert outcome.calls or outcome.ended


# The chunked coding, beside the parsers' own decoders.

Chunk = tuple[bytes, bytes, bytes]
"""Data, extensions, and how the size is written."""

CHUNKS = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=40),
        st.sampled_from([b"", b";a", b";a=b", b';a="b;\\"c"', b";a;b=c"]),
        st.sampled_from([b"%x", b"%X", b"000%x"]),
    ),
    max_size=8,
)
NEXT = b"GET /next"
TRAILERS = st.sampled_from([b"", b"X: y\r\n", b"X: y\r\nZ:\r\n"])


def encode(chunks: list[Chunk], trailers: bytes) -> bytes:
    coded = [size % len(data) + extension + b"\r\n" + data + b"\r\n" for data, extension, size in chunks]
    return b"".join((*coded, b"0\r\n", trailers, b"\r\n"))


def decode(segments: list[bytes]) -> tuple[bytes, bytes | None]:
    """Content and, if the body is complete, what follows it."""
    body = WholeBody(65536)
    content = b""
    for number, segment in enumerate(segments):
        part, rest = body.feed(segment)
        content += part
        if rest is not None:
            return content, rest + b"".join(segments[number + 1 :])
    return content, None


def decode_with_h11(data: bytes) -> tuple[bytes, bytes] | None:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    parser.receive_data(CHUNKED_HEAD + data)
    content = b""
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            return None
        if isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            return content, bytes(parser.trailing_data[0])
        elif not isinstance(event, h11.Request):
            return None


def decode_with_httptools(data: bytes) -> bytes | None:
    """The content of a complete body; llhttp does not say what follows it."""
    import httptools

    class Sink:
        def __init__(self) -> None:
            self.content = b""
            self.complete = False

        def on_body(self, data: bytes) -> None:
            self.content += data

        def on_message_complete(self) -> None:
            self.complete = True

    sink = Sink()
    try:
        httptools.HttpRequestParser(sink).feed_data(
            b"POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + data
        )
    except httptools.HttpParserError:
        return sink.content if sink.complete else None
    return sink.content if sink.complete else None


@pytest.mark.needs("httptools")
@fuzz
@given(CHUNKS, TRAILERS, st.data())
def test_valid_chunks_are_decoded(
    chunks: list[tuple[bytes, bytes, bytes]], trailers: bytes, data: st.DataObject
) -> None:
    """RFC 9112 7.1: as h11 and llhttp do, in any segments, taking nothing of the next request."""
    coded = encode(chunks, trailers)
    content = b"".join(part for part, _, _ in chunks)
    segments = data.draw(segmented(st.just(coded + NEXT)))
    assert decode(segments) == decode_with_h11(b"".join(segments)) == (content, NEXT)
    assert decode(list(pieces(coded))) == (content, b"")
    assert decode_with_httptools(coded) == content


@pytest.mark.needs("httptools")
@fuzz
@given(mutated())
@example(b"0\r\nX: y\r\n\r\nmore")
def test_what_is_accepted_is_what_others_see(data: bytes) -> None:
    """RFC 9112 11.1: no body that ESG takes for complete means something else to h11 or llhttp."""
    try:
        content, rest = decode([data])
    except RequestError:
        return
    if rest is not None:
        assert decode_with_h11(data) == (content, rest)
        assert decode_with_httptools(data) == content
