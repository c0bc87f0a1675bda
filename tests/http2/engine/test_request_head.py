"""What the header section of a request means, and what makes it malformed (RFC 9113 section 8, RFC 9114 section 4)."""

import pytest

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.multiplexed.priority import Priority, read_priority
from esg_http.multiplexed.request_head import Malformed, RequestHead

METHOD, SCHEME, PATH, AUTHORITY = (
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"a.b"),
)
GET = [METHOD, SCHEME, PATH, AUTHORITY]


def test_host_comes_from_the_authority_and_first() -> None:
    """RFC 9113 section 8.3.1, ASGI HTTP 2.5."""
    head = RequestHead([*GET, (b"accept", b"*/*"), (b"host", b"A.b:443")])
    assert head.headers == [(b"host", b"a.b"), (b"accept", b"*/*")]
    assert (head.method, head.target) == ("GET", b"/")


def test_host_alone_will_do() -> None:
    assert RequestHead([METHOD, SCHEME, PATH, (b"host", b"a.b")]).headers == [(b"host", b"a.b")]


def test_cookie_crumbs_are_one_field() -> None:
    """RFC 9113 section 8.2.3."""
    head = RequestHead([*GET, (b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2")])
    assert head.headers[1:] == [(b"accept", b"x"), (b"cookie", b"a=1; b=2")]


def test_the_asterisk_is_a_path_of_options() -> None:
    assert RequestHead([(b":method", b"OPTIONS"), SCHEME, (b":path", b"*"), AUTHORITY]).target == b"*"


def test_extended_connect_names_its_protocol() -> None:
    """RFC 8441 section 4."""
    head = RequestHead([(b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, PATH, AUTHORITY])
    assert head.protocol == b"websocket"
    assert head.is_special


def test_connect_is_not_served() -> None:
    with pytest.raises(RequestError) as caught:
        RequestHead([(b":method", b"CONNECT"), (b":authority", b"a.b:443")])
    assert caught.value.status == 501


@pytest.mark.parametrize(
    "fields",
    [
        [SCHEME, PATH, AUTHORITY],
        [METHOD, PATH, AUTHORITY],
        [METHOD, SCHEME, AUTHORITY],
        [METHOD, SCHEME, PATH],
        [METHOD, *GET],
        [*GET, (b":status", b"200")],
        [*GET, (b":other", b"x")],
        [METHOD, SCHEME, (b"accept", b"x"), PATH, AUTHORITY],
        [*GET, (b":protocol", b"websocket")],
        [(b":method", b"CONNECT"), SCHEME, PATH, AUTHORITY],
        [(b":method", b""), SCHEME, PATH, AUTHORITY],
        [(b":method", b"GET / HTTP/1.1"), SCHEME, PATH, AUTHORITY],
        [(b":method", b"G(T"), SCHEME, PATH, AUTHORITY],
        [METHOD, (b":scheme", b"ht tp"), PATH, AUTHORITY],
        *[
            [METHOD, SCHEME, (b":path", path), AUTHORITY]
            for path in (b"", b"x", b"*", b"/a b", b"/a\r\nx: y", b"/\0", b"/\x7f", b"/\xff", b"/#x", b"http://a.b/")
        ],
        *[
            [METHOD, SCHEME, PATH, (b":authority", name)]
            for name in (b"", b"a b", b"u@a.b", b"a.b/x", b"a.b\r\nx: y", b"a.b:x", b"[::1", b"a,b")
        ],
        [*GET, (b"host", b"other.test")],
        [METHOD, SCHEME, PATH, (b"host", b"a.b"), (b"host", b"a.b")],
        *[[*GET, (name, b"x")] for name in (b"", b"Accept", b"a b", b"a:b", b"a\0", b"a\r\nb", b"\xff")],
        *[[*GET, (b"x", value)] for value in (b"\0", b"a\r\nb: c", b"a\nb", b"a\rb", b" a", b"a ", b"\ta", b"\x01")],
        *[
            [*GET, (name, b"x")]
            for name in (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
        ],
        [*GET, (b"te", b"gzip")],
        [*GET, (b"te", b"gzip"), (b"te", b"trailers")],
        [*GET, (b"te", b"trailers, gzip")],
        *[[*GET, (b"content-length", length)] for length in (b"", b"-1", b"+1", b"0x1", b"1,1", b"1_0", b"9" * 30)],
        [*GET, (b"content-length", b"1"), (b"content-length", b"1")],
    ],
)
def test_malformed_requests(fields: Headers) -> None:
    """RFC 9113 sections 8.1.1, 8.2 and 8.3, RFC 9114 sections 4.1.2, 4.2 and 4.3: all of these must be stopped here."""
    with pytest.raises(Malformed, match=r"^malformed request: "):
        RequestHead(fields)


@pytest.mark.parametrize(
    ("field", "priority"),
    [
        (b"", Priority(3, False)),
        (b"u=0", Priority(0, False)),
        (b"u=5, i", Priority(5, True)),
        (b"i=?1,u=7", Priority(7, True)),
        (b"i, i=?0", Priority(3, False)),
        (b"u=8", Priority(3, False)),
        (b"u=1;x=2, other=(a b)", Priority(1, False)),
        (b"\xff;;==,,", Priority(3, False)),
    ],
)
def test_priorities(field: bytes, priority: Priority) -> None:
    """RFC 9218 section 4."""
    assert read_priority(field) == priority
