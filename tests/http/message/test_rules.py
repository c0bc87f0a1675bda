"""The grammar and the meaning of a head, checked without a connection (rules H-11, H-12)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esg_core.errors import RequestError
from esg_http.h1.head_intake import HeadReader
from esg_http.h1.request_fields import read_start
from esg_http.message.grammar import (
    CHUNKED,
    REST,
    body_length,
    check_field_line,
    check_repeats,
    check_request_line,
    check_unfinished,
    content_length,
    is_host,
    split_target,
)
from esg_http.message.head_limits import HeadLimits

LIMITS = HeadLimits(request_line=200, fields=10, field_bytes=400)

PIECES = [
    b"GET",
    b" ",
    b"/",
    b"*",
    b"HTTP/",
    b"1.1",
    b"1.0",
    b"\r\n",
    b"\n",
    b"\r",
    b"Host:",
    b" t",
    b"a",
    b"\t",
    b"\0",
    b"\xff",
]


def error(status: int, check: object, *arguments: object) -> RequestError:
    """The refusal that a check must raise."""
    assert callable(check)
    with pytest.raises(RequestError) as caught:
        check(*arguments)
    assert caught.value.status == status
    assert caught.value.section.startswith("RFC 9")
    return caught.value


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"M / HTTP/1.0", b"OPTIONS * HTTP/1.1", b"GET http://t/ HTTP/1.1"])
def test_sound_request_lines(line: bytes) -> None:
    """H-11."""
    check_request_line(line)
    assert read_start(line[: line.rindex(b" ")]) is not None


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"", 400, "method"),
        (b"G(T / HTTP/1.1", 400, "method"),
        (b" / HTTP/1.1", 400, "method"),
        (b"GET / HTTP/2.0", 505, "version"),
        (b"GET / HTTP/2.1", 505, "version"),
        (b"M" * 65 + b" / HTTP/1.1", 501, "method"),
        (b"GET / HTTP/11", 400, "end with an HTTP version"),
        (b"GET / http/1.1", 400, "end with an HTTP version"),
        (b"GET /", 400, "end with an HTTP version"),
        (b"GET  HTTP/1.1", 400, "target"),
        (b"GET /a b HTTP/1.1", 400, "target"),
        (b"GET /\x7f HTTP/1.1", 400, "target"),
        (b"GET /\n HTTP/1.1", 400, "bare CR or LF"),
        (b"GET /\r HTTP/1.1", 400, "bare CR or LF"),
        (b"GET HTTP/1.1 HTTP/1.1", 400, "has no form"),
        (b"GET HTTP/ HTTP/1.1", 400, "has no form"),
    ],
)
def test_unsound_request_lines(line: bytes, status: int, reason: str) -> None:
    """H-11: the reason is in the log."""
    assert reason in str(error(status, check_request_line, line))


@pytest.mark.parametrize("line", [b"a:", b"a: b", b"a:\tb\t", b"!#$%&'*+-.^_`|~09AZaz: \xff"])
def test_sound_field_lines(line: bytes) -> None:
    """H-12."""
    check_field_line(line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b" a: b", "folded"),
        (b"\ta: b", "folded"),
        (b"a", "no colon"),
        (b"a : b", "white space"),
        (b"a\t: b", "white space"),
        (b": b", "not a token"),
        (b"a b: c", "not a token"),
        (b"a: b\nc", "bare CR or LF"),
        (b"a: b\rc", "bare CR or LF"),
        (b"a: b\0c", "control byte"),
        (b"aX: b\0c", "control byte"),
        (b"a: \x7f", "control byte"),
    ],
)
def test_unsound_field_lines(line: bytes, reason: str) -> None:
    """H-12."""
    assert reason in str(error(400, check_field_line, line))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join))
@example(b"GET HTTP/1.1 HTTP/1.1\r\nHost: t\r\n\r\n")
@example(b"GET / HTTP/1.1 HTTP/1.1\r\n\r\n")
def test_the_slow_way_and_the_fast_way_agree(data: bytes) -> None:
    """H-12: a head that the intake accepts line by line matches the grammar as a whole."""
    try:
        head = HeadReader(LIMITS).feed(data)
    except RequestError:
        return
    if head is not None:
        line, _, rest = head.partition(b" HTTP/")
        assert read_start(line) is not None
        assert REST.match(rest) is not None


@given(st.lists(st.sampled_from(PIECES), max_size=10).map(b"".join))
def test_what_can_still_become_a_line_is_not_refused(data: bytes) -> None:
    """H-11: no beginning of a sound request line is malformed."""
    for line in (b"GET /a?b HTTP/1.1", b"OPTIONS * HTTP/1.0"):
        for end in range(len(line) + 1):
            check_unfinished(line[:end], is_request_line=True)
    lines = data.split(b"\r\n")
    if len(lines) > 1:
        try:
            check_field_line(lines[0])
        except RequestError:
            return
        for end in range(len(lines[0]) + 1):
            check_unfinished(lines[0][:end], is_request_line=False)


@pytest.mark.parametrize(
    ("line", "is_request_line", "reason"),
    [
        (b"\x16\x03\x01", True, "TLS"),
        (b"GET / \n", True, "bare CR or LF"),
        (b"GET\r/", True, "bare CR or LF"),
        (b"\0", True, "request line is malformed"),
        (b"GET / x", True, "request line is malformed"),
        (b"a b", False, "no colon"),
        (b"\x16\x03\x01", False, "no colon"),
        (b"a: \0", False, "control byte"),
        (b"a: b\n", False, "bare CR or LF"),
    ],
)
def test_what_can_not_become_a_line(line: bytes, is_request_line: bool, reason: str) -> None:
    """H-11: refused at once, not after the deadline."""
    assert reason in str(error(400, check_unfinished, line, is_request_line))


@pytest.mark.parametrize(
    "value", [b"t", b"a.b-c_d~e", b"t:80", b"t:", b"1.2.3.4:65535", b"[::1]", b"[::1]:8000", b"%41", b"(sub)!$&'*+;="]
)
def test_hosts(value: bytes) -> None:
    """H-12."""
    assert is_host(value) is True


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b" ", b"a b", b"[\xff]", b"a\xff"),
        *rb"a/b a@b a?b a#b a,b a\b <a> %4 %zz :80 t:x t:65536 t:000080 t:80:80".split(),
        *rb"[ [] [::1 [::1]x [::1]:x [::1%25eth0] [1.2.3.4]".split(),
    ],
)
def test_no_hosts(value: bytes) -> None:
    """H-12."""
    assert is_host(value) is False


@pytest.mark.parametrize("value", [b"0", b"00", b"5", b"9" * 18])
def test_lengths(value: bytes) -> None:
    """H-12."""
    assert content_length(value) == int(value)


@pytest.mark.parametrize("value", [b"", b"+5", b"-5", b"5,5", b"0x5", b"5_0", b" 5", b"\xb2", b"1e3", b"9" * 19])
def test_no_lengths(value: bytes) -> None:
    """H-12."""
    error(400, content_length, value)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        (b"", 0),
        (b"content-length: 5\r\n", 5),
        (b"CONTENT-LENGTH:\t5 \r\n", 5),
        (b"x: content-length: 7\r\n", 0),
        (b"transfer-encoding: chunked\r\n", CHUNKED),
        (b"Transfer-Encoding:  CHUNKED\t\r\n", CHUNKED),
        (b"x-transfer-encoding: chunked\r\ncontent-length: 1\r\n", 1),
    ],
)
def test_framings(lines: bytes, length: int) -> None:
    """H-12: read from the lines themselves, whatever a parser makes of them."""
    assert body_length(b"HTTP/1.1\r\n" + lines + b"\r\n", old=False) == length


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"content-length: 5\r\ncontent-length: 5\r\n", 400),
        (b"content-length: 5\r\nContent-Length: 6\r\n", 400),
        (b"content-length: 5\r\ntransfer-encoding: chunked\r\n", 400),
        (b"content-length:\r\n", 400),
        (b"content-length: X5\r\n", 400),
        (b"transfer-encoding: Xchunked\r\n", 400),
        (b"transfer-encoding:\r\n", 400),
        (b"transfer-encoding: identity\r\n", 400),
        (b"transfer-encoding: chunked, gzip\r\n", 400),
        (b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", 400),
        (b"transfer-encoding: chunked;q=1\r\n", 400),
        (b"transfer-encoding: ,chunked\r\n", 400),
        (b"transfer-encoding: gzip, chunked\r\n", 501),
        (b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", 501),
    ],
)
def test_framings_that_are_refused(lines: bytes, status: int) -> None:
    """H-12."""
    error(status, body_length, b"HTTP/1.1\r\n" + lines + b"\r\n", False)


def test_no_length_is_that_of_a_chunked_body() -> None:
    """H-12."""
    assert CHUNKED < 0


def test_no_coding_in_http_1_0() -> None:
    """H-12."""
    error(400, body_length, b"HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", True)


def test_repeated_fields() -> None:
    """H-12: only Host must not be."""
    check_repeats([(b"cookie", b"a"), (b"cookie", b"b"), (b"host", b"t")])
    error(400, check_repeats, [(b"host", b"t"), (b"host", b"t")])


@pytest.mark.parametrize(
    ("method", "target", "authority", "path"),
    [
        ("OPTIONS", b"*", None, b"*"),
        ("OPTIONS", b"http://t/", b"t", b"/"),
        ("GET", b"http://t/a?b", b"t", b"/a?b"),
        ("GET", b"http://t", b"t", b"/"),
        ("GET", b"http://t?q", b"t", b"/?q"),
        ("GET", b"HTTPS://T:443/", b"T:443", b"/"),
        ("GET", b"http://t:/", b"t:", b"/"),
    ],
)
def test_other_forms_of_a_target(method: str, target: bytes, authority: bytes | None, path: bytes) -> None:
    """H-12."""
    assert split_target(method, target) == (authority, path)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("CONNECT", b"t:80", 501),
        ("CONNECT", b"/", 501),
        ("GET", b"*", 400),
        ("OPTIONS", b"t", 400),
        ("OPTIONS", b"**", 400),
        ("GET", b"t", 400),
        ("GET", b"ftp://t/", 400),
        ("GET", b"http:///", 400),
        ("GET", b"http://a@t/", 400),
    ],
)
def test_forms_of_a_target_that_are_refused(method: str, target: bytes, status: int) -> None:
    """H-11, H-12."""
    error(status, split_target, method, target)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (b"*", "has no form"),
        (b"xhttp://t/", "has no form"),
        (b"http:///", "authority of the request target is malformed"),
    ],
)
def test_what_is_wrong_with_a_target(target: bytes, reason: str) -> None:
    """H-11, H-12: it is in the log."""
    assert reason in str(error(400, split_target, "GET", target))
