"""Each byte stands where HTTP allows it and nowhere else (rules H-11, H-12): all 256, at each place of a message."""

import string
from collections.abc import Callable

import pytest

from esg_core.errors import RequestError
from esg_http.h1.request_fields import read_start
from esg_http.message.field_names import is_name
from esg_http.message.grammar import (
    REST,
    check_field_line,
    check_request_line,
    check_unfinished,
    content_length,
    is_host,
)
from tests.support.http.bodies import WholeBody

DIGITS = string.digits.encode()
HEX = string.hexdigits.encode()
LETTERS = string.ascii_letters.encode()
TOKEN = b"!#$%&'*+-.^_`|~" + DIGITS + LETTERS
"""RFC 9110 section 5.6.2."""

VISIBLE = bytes(range(0x21, 0x7F))
ABOVE_ASCII = bytes(range(0x80, 0x100))
VALUE = b"\t " + VISIBLE + ABOVE_ASCII
"""RFC 9110 section 5.5."""

TARGET = VISIBLE.replace(b"#", b"").replace(b"\\", b"")
"""Visible ASCII except the number sign (RFC 9112 section 3.2)."""

QUOTED = VALUE.replace(b'"', b"").replace(b"\\", b"")
"""RFC 9110 section 5.6.4."""

HOST = b"-._~!$&'()*+;=" + DIGITS + LETTERS
"""RFC 3986 section 3.2.2, without the comma of two joined fields."""

Judge = Callable[[bytes], object]


def accepted(judge: Judge) -> bytes:
    """The bytes that `judge` accepts."""
    return bytes(byte for byte in range(256) if passes(judge, bytes((byte,))))


def passes(judge: Judge, byte: bytes) -> bool:
    try:
        return judge(byte) not in (None, False)
    except RequestError:
        return False


def refusal(check: Callable[[bytes], None], line: bytes) -> int:
    """The status that a check refuses a line with, or 0."""
    try:
        check(line)
    except RequestError as error:
        return error.status
    return 0


def sound(check: Callable[..., None], *arguments: object) -> bool:
    """True if a check that returns nothing raises nothing."""
    check(*arguments)
    return True


def chunks(data: bytes) -> bool:
    """True if these bytes can begin a chunked body, at once and one by one."""
    whole = passes(WholeBody(1000).feed, data)
    body = WholeBody(1000)
    assert all(passes(body.feed, data[at : at + 1]) for at in range(len(data))) == whole
    return whole


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        (lambda byte: sound(check_request_line, b"G%bT / HTTP/1.1" % byte), TOKEN),
        (lambda byte: sound(check_request_line, b"GET /%ba HTTP/1.1" % byte), TARGET),
        (lambda byte: sound(check_request_line, b"GET / HTTP/1.%b" % byte), DIGITS),
        (lambda byte: sound(check_request_line, b"GET / HTTP/%b.1" % byte), b"1"),
        (lambda byte: sound(check_request_line, b"GET / HTTP/1%b1" % byte), b"."),
        (lambda byte: read_start(b"G%bT /" % byte), TOKEN),
        (lambda byte: read_start(b"GET /%ba" % byte), TARGET),
        (lambda byte: read_start(b"GET%b/" % byte), b" "),
        (lambda byte: REST.match(b"1.%b\r\n\r\n" % byte), DIGITS),
        (lambda byte: REST.match(b"1%b1\r\n\r\n" % byte), b"."),
        (lambda byte: REST.match(b"1.1\r\na%ba: b\r\n\r\n" % byte), TOKEN + b":"),
        (lambda byte: REST.match(b"1.1\r\na: b%bb\r\n\r\n" % byte), VALUE),
        (lambda byte: sound(check_field_line, b"a%ba: b" % byte), TOKEN + b":"),
        (lambda byte: sound(check_field_line, b"a: b%bb" % byte), VALUE),
        (is_name, TOKEN),
    ],
)
def test_bytes_of_a_head(judge: Judge, expected: bytes) -> None:
    """H-11, H-12."""
    assert set(accepted(judge)) == set(expected)


def test_an_invalid_version_and_one_that_is_not_served() -> None:
    """H-11: two one-digit numbers are a version, answered with 505."""
    for byte in range(256):
        for line in (b"GET / HTTP/%c.1", b"GET / HTTP/1.%c"):
            is_served = byte in (b"1" if b"%c." in line else DIGITS)
            status = refusal(check_request_line, line % byte)
            assert status == (0 if is_served else 505 if byte in DIGITS else 400), line % byte


def test_a_head_ends_with_an_empty_line() -> None:
    """H-12."""
    for sound_head in (b"1.1\r\n\r\n", b"1.1\r\na: b\r\n\r\n"):
        matched = REST.match(sound_head + b"\r\n")
        assert matched is not None
        assert matched.end() == len(sound_head)
        for end in range(len(sound_head)):
            assert REST.match(sound_head[:end]) is None
            assert REST.match(sound_head[:end] + b" ") is None


@pytest.mark.parametrize(
    ("before", "is_request_line", "expected"),
    [
        (b"", True, TOKEN + b"\r"),
        (b"G", True, TOKEN + b" \r"),
        (b"GET ", True, TARGET + b"\r"),
        (b"GET /", True, TARGET + b" \r"),
        (b"GET / ", True, b"HTP/.\r" + DIGITS),
        (b"", False, TOKEN + b"\r"),
        (b"a", False, TOKEN + b":\r"),
        (b"a:", False, VALUE + b"\r"),
        (b"a: b", False, VALUE + b"\r"),
        (b"a: b\r", False, b""),
    ],
)
def test_bytes_that_may_come_next(before: bytes, is_request_line: bool, expected: bytes) -> None:
    """H-11: a line that no further byte can make valid is refused at the first wrong one."""

    def judge(byte: bytes) -> bool:
        return sound(check_unfinished, before + byte, is_request_line)

    assert set(accepted(judge)) == set(expected)


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        (lambda byte: is_host(b"a%bc" % byte), HOST),
        (lambda byte: is_host(b"%%%b4" % byte), HEX),
        (lambda byte: is_host(b"%%4%b" % byte), HEX),
        (lambda byte: is_host(b"t:%b" % byte), DIGITS),
        (lambda byte: is_host(b"t:1%b" % byte), DIGITS),
        (lambda byte: is_host(b"[::1]%b" % byte), b":"),
        (lambda byte: is_host(b"[::%b]" % byte), HEX + b":"),
        (lambda byte: content_length(b"1%b" % byte), DIGITS),
    ],
)
def test_bytes_of_values(judge: Judge, expected: bytes) -> None:
    """H-12."""
    assert set(accepted(judge)) - {0x3A} == set(expected) - {0x3A}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"", b"\r\n", HEX),
        (b"1", b"\r\n", HEX),
        (b"1;", b"\r\n", TOKEN),
        (b"1;a", b"b\r\n", TOKEN + b"=;"),
        (b"1 ", b";a\r\n", b" \t"),
        (b"1; ", b"a\r\n", TOKEN + b" \t"),
        (b"1;a=", b"b\r\n", TOKEN + b" \t"),
        (b"1;a=b", b"b\r\n", TOKEN + b";"),
        (b"1;a ", b"=b\r\n", b" \t"),
        (b'1;a="b', b'b"\r\n', QUOTED + b"\\"),
        (b'1;a="\\', b'"\r\n', VALUE),
        (b'1;a="b"', b"b\r\n", b";"),
        (b"1;a=", b'"\r\n', b'"'),
        (b"1\r\na\r", b"", b"\n"),
        (b"1\r\na", b"\n", b"\r"),
        (b"0\r\nb", b"c: d\r\n\r\n", TOKEN + b":"),
        (b"0\r\nb: c", b"d\r\n\r\n", VALUE),
    ],
)
def test_bytes_of_chunks(before: bytes, after: bytes, expected: bytes) -> None:
    """H-12: RFC 9112 section 7.1; whole or byte by byte."""
    assert set(accepted(lambda byte: chunks(before + byte + after))) == set(expected)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (b"", HEX),
        (b"1", HEX + b" \t;\r"),
        (b"1" * 15, b" \t;\r"),
        (b"1;", VALUE + b"\r"),
        (b"1 a", VALUE + b"\r"),
        (b"1;a\r", b"\n"),
        (b"0\r\na: b\r", b"\n"),
    ],
)
def test_bytes_of_chunks_that_may_come_next(before: bytes, expected: bytes) -> None:
    """H-12: a chunk line that no further byte can make valid is refused at the first wrong one."""
    assert set(accepted(lambda byte: chunks(before + byte))) == set(expected)
