"""M-10: whatever a client sends, it gets one clear status and one line, and the server is not disturbed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esg_admin.request_reader import LONGEST_BODY, LONGEST_HEAD
from tests.support.admin.client import TOKEN, Client
from tests.support.admin.source import StillSource

HOST = b"host: 127.0.0.1\r\n"
AUTHORIZATION = b"authorization: Bearer " + TOKEN + b"\r\n"

BAD = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "an empty line first": (b"\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a bare LF": (b"GET / HTTP/1.1\n" + HOST + b"\r\n", 400),
    "a bare CR": (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\rx: y\r\n\r\n", 400),
    "a byte of 0": (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\0\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost : 127.0.0.1\r\n\r\n", 400),
    "a folded line": (b"GET / HTTP/1.1\r\n" + HOST + b"x: a\r\n b\r\n\r\n", 400),
    "a field without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "two tokens": (b"GET /stats HTTP/1.1\r\n" + HOST + AUTHORIZATION * 2 + b"\r\n", 400),
    "two lengths": (b"GET / HTTP/1.1\r\n" + HOST + b"content-length: 0\r\n" * 2 + b"\r\n", 400),
    "a length that is none": (b"GET / HTTP/1.1\r\n" + HOST + b"content-length: +1\r\n\r\n", 400),
    "digits of others": (b"GET / HTTP/1.1\r\n" + HOST + b"content-length: \xb2\r\n\r\n", 400),
    "a target that is no path": (b"GET metrics HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is only a query": (b"GET ?token HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an asterisk": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a path that is not there": (b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a path with dots": (b"GET /../metrics HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "POST to figures": (b"POST /metrics HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "GET of an action": (b"GET /drain HTTP/1.1\r\n" + HOST + AUTHORIZATION + b"\r\n", 405),
    "a long body": (b"POST /drain HTTP/1.1\r\n" + HOST + b"content-length: 1025\r\n\r\n", 413),
    "a longer body": (b"POST /drain HTTP/1.1\r\n" + HOST + b"content-length: 1" + b"0" * 5000 + b"\r\n\r\n", 413),
    "a long first line": (b"GET /" + b"a" * LONGEST_HEAD, 414),
    "an expectation": (b"POST /drain HTTP/1.1\r\n" + HOST + b"expect: 100-continue\r\n\r\n", 417),
    "a long head": (b"GET / HTTP/1.1\r\nx: " + b"a" * LONGEST_HEAD, 431),
    "many fields": (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000, 431),
    "another method": (b"DELETE /drain HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a chunked body": (b"POST /drain HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n", 501),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/3.1": (b"GET / HTTP/3.1\r\n\r\n", 505),
}


@pytest.fixture
def source() -> StillSource:
    return StillSource()


@pytest.mark.parametrize("piece", [1, 1000, 100_000])
@pytest.mark.parametrize("what", BAD)
def test_m10_bad_input_gets_one_status_and_one_line(what: str, piece: int, source: StillSource) -> None:
    """In pieces of any size; nothing has been done."""
    data, status = BAD[what]
    client = Client(source)
    for at in range(0, len(data), piece):
        client.exchange.feed(data[at : at + piece])
    answered = client.answer()
    assert answered.status == status
    assert answered.fields["connection"] == "close"
    assert answered.fields["content-type"] == "text/plain; charset=utf-8"
    assert answered.text.endswith("\n")
    assert answered.text.count("\n") == 1
    assert (source.acted, source.asked) == ([], [])


@pytest.mark.parametrize(("path", "allow"), [("/metrics", "GET, HEAD"), ("/stacks", "GET, HEAD"), ("/drain", "POST")])
def test_m10_405_says_what_is_allowed(path: str, allow: str, source: StillSource) -> None:
    client = Client(source)
    client.ask(path, "POST" if allow != "POST" else "HEAD")
    assert client.answer().status == 405
    assert client.answer().fields["allow"] == allow


@pytest.mark.parametrize("size", [0, 1, LONGEST_BODY])
def test_m10_a_body_is_waited_for_and_dropped(size: int, source: StillSource) -> None:
    client = Client(source)
    client.ask("/drain", "POST", content_length=str(size), authorization=f"Bearer {TOKEN.decode()}")
    for _ in range(size):
        assert not client.exchange.is_over
        client.exchange.feed(b"x")
    client.exchange.feed(b"GET / HTTP/1.1\r\n\r\n")  # one request a connection
    assert client.answer().status == 202
    assert len(source.acted) == 1


def test_m10_a_head_as_long_as_allowed_is_served(source: StillSource) -> None:
    start = b"GET /health HTTP/1.1\r\n" + HOST + b"x: "
    client = Client(source)
    client.exchange.feed(start + b"a" * (LONGEST_HEAD - len(start) - 4) + b"\r\n\r\n")
    assert client.answer().status == 200
    client = Client(source)
    client.exchange.feed(start + b"a" * (LONGEST_HEAD - len(start) - 3) + b"\r\n\r\n")
    assert client.answer().status == 431


@pytest.mark.parametrize(
    ("start", "fields"),
    [
        ("GET /health HTTP/1.0", ""),
        ("GET /health?x=%00&token=y HTTP/1.1", "host: [::1]:9099\r\n"),
        ("GET http://127.0.0.1:9099/health HTTP/1.1", "Host: evil.example\r\n"),
        ("GET /health HTTP/1.9", "HOST:127.0.0.1\r\nx: a\r\nx:\tb\r\ny:\r\n"),
    ],
)
def test_m10_what_is_right_is_served(start: str, fields: str, source: StillSource) -> None:
    client = Client(source)
    client.exchange.feed(f"{start}\r\n{fields}\r\n".encode())
    assert client.answer().status == 200


def test_m10_a_target_without_a_path_is_the_page(source: StillSource) -> None:
    client = Client(source)
    client.exchange.feed(b"GET http://localhost HTTP/1.1\r\n\r\n")
    assert client.answer().fields["content-type"].startswith("text/html")


def test_m10_a_request_that_does_not_come_in_time(source: StillSource) -> None:
    client = Client(source)
    client.exchange.feed(b"GET /met")
    client.exchange.expire()
    assert (client.answer().status, client.answer().text) == (408, "the request has not come in time\n")
    client.exchange.expire()
    assert client.written.count(b"HTTP/1.1") == 1


def test_m10_the_rest_of_a_request_that_came_too_late_does_nothing(source: StillSource) -> None:
    client = Client(source)
    client.exchange.feed(b"POST /drain HTTP/1.1\r\nHost: localhost\r\n")
    client.exchange.expire()
    client.exchange.feed(b"Authorization: Bearer %b\r\n\r\n" % TOKEN)
    assert (client.answer().status, source.acted) == (408, [])


def test_m10_a_connection_that_was_never_used_is_closed_without_a_word(source: StillSource) -> None:
    client = Client(source)
    client.exchange.expire()
    assert (client.exchange.is_over, client.written) == (True, b"")


def test_m10_the_time_for_a_request_does_not_end_what_waits_for_an_answer(source: StillSource) -> None:
    client = Client(source)
    client.ask("/stacks")
    client.exchange.expire()
    assert not client.exchange.is_over
    source.answer()
    assert client.answer().status == 200


LINES = [b"GET ", b"POST ", b"/", b"/drain", b"/stats", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"\n", HOST, AUTHORIZATION]
VALUES = [b"content-length: ", b"transfer-encoding: chunked\r\n", b"7", b"\0", b"\xff", b" ", b":"]
PARTS = st.sampled_from([*LINES, *VALUES])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # what is slow is a busy machine
@given(pieces=st.lists(st.one_of(PARTS, st.binary(max_size=40)), max_size=40))
def test_m10_no_bytes_at_all_raise(pieces: list[bytes]) -> None:
    """And all pieces in one give the same as one after the other."""
    one, many = Client(StillSource()), Client(StillSource())
    for piece in pieces:
        many.exchange.feed(piece)
    one.exchange.feed(b"".join(pieces))
    for client in (one, many):
        client.exchange.expire()
        client.exchange.lost()
    assert _without_nonce(one.written) == _without_nonce(many.written)
    assert one.written.count(b"HTTP/1.1 ") <= 1


def _without_nonce(written: bytes) -> bytes:
    return written.partition(b"content-security-policy")[0]
