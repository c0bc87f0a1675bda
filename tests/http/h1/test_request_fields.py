"""What the start and the fields of a request mean (rules H-2, H-5, H-13, H-14)."""

from typing import Any

import pytest

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.call.target import Target
from esg_http.h1.request_fields import NO_FIELDS, RequestFields, RequestStart, read_start
from esg_http.message.grammar import CHUNKED

HOST = (b"host", b"t")


def fields(*headers: tuple[bytes, bytes], old: bool = False, host: bool = True) -> RequestFields:
    """The fields of a request with these headers, as a parser would give them."""
    given: Headers = [HOST, *headers] if host else list(headers)
    lines = b"".join(b"%b: %b\r\n" % field for field in given)
    return RequestFields(b"1.%d\r\n" % (not old) + lines + b"\r\n", old, given)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"GET /", RequestStart("GET", b"/", Target("/", b"/", b""))),
        (b"get /?a", RequestStart("get", b"/?a", Target("/", b"/", b"a"))),
        (b"OPTIONS *", RequestStart("OPTIONS", b"*", None)),
        (b"GET http://t/", RequestStart("GET", b"http://t/", None)),
        (b"CONNECT /", RequestStart("CONNECT", b"/", None)),
        (b"CONNECTED /", RequestStart("CONNECTED", b"/", Target("/", b"/", b""))),
        (b"", None),
        (b"GET", None),
        (b"GET ", None),
        (b"GET / ", None),
        (b"GET  /", None),
        (b" /", None),
        (b"GET / x", None),
        (b"G\xc9T /", None),
        (b"GET /\xc9", None),
        (b"\r\nGET /", None),
    ],
)
def test_starts(start: bytes, expected: RequestStart | None) -> None:
    """H-11, H-12."""
    assert read_start(start) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        ([(b"connection", b"close")], {"closes": True}),
        ([(b"connection", b"keep-alive")], {"says_keep_alive": True}),
        ([(b"connection", b"keep-alive, CLOSE")], {"closes": True}),
        ([(b"connection", b"x"), (b"connection", b"close")], {"closes": True}),
        ([(b"connection", b"closed")], {}),
        ([(b"connection", b"Xclose")], {}),
        ([(b"connection", b"x;close")], {}),
        ([(b"connection", b"\tclose ;x")], {"closes": True}),
        ([(b"content-length", b"5")], {"length": 5}),
        ([(b"expect", b"100-continue")], {"expects_continue": True}),
        ([(b"te", b"x"), (b"te", b"trailers")], {"wants_trailers": True, "is_special": True}),
        ([(b"te", b"trailers")], {"wants_trailers": True, "is_special": True}),
        ([(b"te", b"gzip;q=1, Trailers;q=0.5")], {"wants_trailers": True, "is_special": True}),
        ([(b"te", b"gzip")], {}),
        ([(b"content-length", b"5"), (b"expect", b"100-Continue")], {"length": 5, "expects_continue": True}),
        ([(b"expect", b"200-ok")], {}),
        ([(b"transfer-encoding", b"chunked")], {"length": CHUNKED}),
        ([(b"x-forwarded-for", b"1.2.3.4")], {"is_forwarded": True, "is_special": True}),
        ([(b"forwarded", b"for=1.2.3.4")], {"is_forwarded": True, "is_special": True}),
        (
            [(b"connection", b"Upgrade, x"), (b"upgrade", b"WebSocket, h2c")],
            {"upgrades": {b"websocket", b"h2c"}, "is_special": True},
        ),
        (
            [(b"connection", b"upgrade"), (b"upgrade", b"a,"), (b"upgrade", b"b/1;c")],
            {"upgrades": {b"a", b"b/1"}, "is_special": True},
        ),
        ([(b"upgrade", b"websocket")], {}),
        ([(b"connection", b"x"), (b"upgrade", b"websocket")], {}),
        ([(b"connection", b"upgrade")], {}),
    ],
)
def test_meanings(headers: Headers, expected: dict[str, Any]) -> None:
    """H-2, H-5, H-13, H-14: everything else means nothing."""
    says: dict[str, Any] = {"closes": False, "says_keep_alive": False, "wants_trailers": False, "length": 0}
    says |= {"expects_continue": False, "is_forwarded": False, "upgrades": set(), "is_special": False}
    got = fields(*headers)
    assert {name: getattr(got, name) for name in says} == says | expected
    assert got.headers == [HOST, *headers]


def test_http_1_0_says_less() -> None:
    """H-2, H-5, H-13, H-14: it closes, whatever its fields say, and knows no 100, trailers or upgrades."""
    headers = [(b"connection", b"keep-alive, upgrade"), (b"te", b"trailers"), (b"expect", b"100-continue")]
    got = fields(*headers, (b"upgrade", b"websocket"), (b"content-length", b"5"), old=True)
    assert (got.closes, got.says_keep_alive, got.wants_trailers, got.expects_continue) == (True, False, False, False)
    assert (set(got.upgrades), got.length) == (set(), 5)


def test_an_old_request_is_special() -> None:
    """H-2."""
    assert fields(old=True).is_special
    assert fields(old=True).old
    assert not fields().old


def test_fields_remember_the_bytes_they_were_read_from() -> None:
    """H-20: so that the same ones need not be read again."""
    assert fields((b"a", b"b")).block == b"1.1\r\nhost: t\r\na: b\r\n\r\n"


def test_fields_before_any_request() -> None:
    """H-2: they mean nothing, and belong to no head."""
    assert NO_FIELDS.block == b""
    says = (NO_FIELDS.old, NO_FIELDS.closes, NO_FIELDS.says_keep_alive, NO_FIELDS.wants_trailers)
    assert says == (False, False, False, False)


def test_hosts() -> None:
    """H-12: one, unless it is an HTTP/1.0 request."""
    assert fields().host == b"t"
    assert fields(host=False, old=True).host is None
    assert fields((b"host", b""), host=False).host == b"", "RFC 9112 section 3.2: where the target has no authority"
    for wrong in ((), (HOST, HOST), (HOST, (b"host", b"other")), ((b"host", b"a b"),)):
        with pytest.raises(RequestError) as caught:
            fields(*wrong, host=False)
        assert caught.value.status == 400
    with pytest.raises(RequestError):
        fields((b"host", b"a b"), host=False, old=True)


def test_framing_is_refused_where_it_is_read() -> None:
    """H-12: even if a parser has merged what the client has repeated."""
    block = b"1.1\r\nhost: t\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n"
    with pytest.raises(RequestError):
        RequestFields(block, False, [HOST, (b"content-length", b"5")])
    with pytest.raises(RequestError):
        fields((b"transfer-encoding", b"chunked"), old=True)
