"""Requests and their fields (RFC 9113 section 8), especially those that must be stopped here.

A program behind this server that turns a malformed request into HTTP/1.1 could read another request in it.
"""

from collections.abc import Iterator

from tests.http2.conformance.case import Case, Outcome, breaks, ends, goes_on, serves
from tests.support.http2.wire import (
    AUTHORITY,
    GET,
    METHOD,
    PATH,
    POST,
    SCHEME,
    Kind,
    block,
    data,
    frame,
    headers,
    number,
    post,
)

Field = tuple[bytes, bytes]


def malformed(section: str, says: str, *fields: Field) -> Iterator[Case]:
    """A request with a broken head, with and without a body to come."""
    yield breaks(section, f"{says} (no body)", headers(1, fields))
    yield breaks(section, f"{says} (body)", headers(1, fields, end=False) + data(1, b"x", end=True))


def exchange() -> Iterator[Case]:
    """Section 8.1."""
    for method in (b"GET", b"OPTIONS", b"DELETE", b"TRACE", b"PATCH", b"get", b"M-SEARCH", b"!#$%&'*+-.^_`|~09aZ"):
        yield serves("8.1", f"{method.decode()}", headers(1, [(b":method", method), *GET[1:]]))
    head = Outcome(answers={1: (200, b"")})
    yield Case("8.1", "HEAD has no body", (headers(1, [(b":method", b"HEAD"), *GET[1:]]),), head)
    yield serves("8.1", "POST", post() + data(1, b"test", end=True), body=4)
    yield serves("8.1", "GET with a body", headers(1, GET, end=False) + data(1, b"test", end=True), body=4)
    with_trailers = post(1, (b"trailer", b"x-test")) + data(1, b"test") + headers(1, [(b"x-test", b"ok")])
    yield serves("8.1", "POST with trailers", with_trailers, body=4)
    yield serves("8.1", "trailers without a body", post() + headers(1, [(b"x-test", b"ok")]), body=0)
    yield serves("8.1", "trailers that are none", post() + data(1, b"x") + headers(1, []), body=1)
    yield breaks("8.1", "a second header section without END_STREAM", post() + headers(1, POST, end=False))
    more = post() + data(1, b"x") + headers(1, [(b"a", b"b")], end=False) + data(1, b"y", end=True)
    yield breaks("8.1", "trailers between DATA", more)
    yield breaks("8.1", "two trailer sections", post() + headers(1, [(b"a", b"b")], end=False) * 2)


def names_and_values() -> Iterator[Case]:
    """Sections 8.2 and 8.2.1."""
    names: tuple[bytes, ...] = (
        b"X-Test",
        b"tesT",
        b"",
        b"a b",
        b" a",
        b"a ",
        b"a:b",
        b"a:",
        b"a\0",
        b"a\r\nb",
        b"a\n",
        b"\x7f",
        b"\xe9",
    )
    names += (b"(a)", b"a,b", b"a/b", b"a=b", b"{a}", b"a\tb", b"\x1b", b"a\xa0")
    for name in names:
        yield from malformed("8.2.1", f"the name {name!r}", *GET, (name, b"v"))
        yield breaks("8.2.1", f"the name {name!r} in trailers", post() + headers(1, [(name, b"v")]))
    for value in (
        b"\0",
        b"a\0b",
        b"a\r",
        b"a\n",
        b"a\r\nx: y",
        b"\na",
        b" a",
        b"a ",
        b"\ta",
        b"a\t",
        b" ",
        b"\x1b",
        b"\x7f",
    ):
        yield from malformed("8.2.1", f"the value {value!r}", *GET, (b"x", value))
        yield breaks("8.2.1", f"the value {value!r} in trailers", post() + headers(1, [(b"x", value)]))
    visible = bytes(range(33, 127)) + b" \t" + bytes(range(128, 256))
    yield serves("8.2.1", "all that names and values may have", headers(1, [*GET, (b"!#$%&'*+-.^_`|~09az", visible)]))
    yield serves("8.2.1", "empty values", headers(1, [*GET, (b"x", b""), (b"y", b"")]))


def of_connections() -> Iterator[Case]:
    """Sections 8.2.2 and 8.2.3."""
    fields: list[Field] = [
        (b"connection", b"keep-alive"),
        (b"connection", b""),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"identity"),
        (b"transfer-encoding", b""),
        (b"upgrade", b"websocket"),
        (b"te", b"trailers, deflate;q=0.5"),
        (b"te", b"gzip"),
        (b"te", b""),
    ]
    for name, value in fields:
        says = f"{name.decode()}: {value.decode()}"
        yield from malformed("8.2.2", says, *GET, (name, value))
        yield breaks("8.2.2", f"{says} in trailers", post() + headers(1, [(name, value)]))
    yield from malformed("8.2.2", "te twice", *GET, (b"te", b"trailers"), (b"te", b"gzip"))
    yield serves("8.2.2", "te: trailers", headers(1, [*GET, (b"te", b"trailers")]))
    yield serves("8.2.3", "cookies in crumbs", headers(1, [*GET, (b"cookie", b"a=b"), (b"cookie", b"c=d")]))


def pseudo_fields() -> Iterator[Case]:
    """Sections 8.3 and 8.3.1."""
    missing = {b":method": GET[1:], b":scheme": (METHOD, PATH, AUTHORITY), b":path": (METHOD, SCHEME, AUTHORITY)}
    for name, fields in missing.items():
        yield from malformed("8.3.1", f"no {name.decode()}", *fields)
    yield from malformed("8.3.1", "neither :authority nor host", *GET[:3])
    yield from malformed("8.3.1", "nothing at all")
    for name, value in GET:
        yield from malformed("8.3.1", f"{name.decode()} twice", *GET, (name, value))
        yield from malformed("8.3.1", f"{name.decode()} with two values", (name, b"/other"), *GET)
        others = [field for field in GET if field[0] != name]
        yield from malformed("8.3", f"{name.decode()} after another field", *others, (b"x", b"y"), (name, value))
        trailers = post() + data(1, b"x") + headers(1, [(name, value)])
        yield breaks("8.3", f"{name.decode()} in trailers", trailers)
        yield from malformed("8.3.1", f"no value in {name.decode()}", *others, (name, b""))
        yield from malformed("8.2.1", f"{name.decode()} in upper case", *others, (name.upper(), value))
    yield from malformed("8.3", "an unknown pseudo-header field", *GET, (b":test", b"test"))
    yield from malformed("8.3", "a pseudo-header field without a name", *GET, (b":", b"test"))
    yield from malformed("8.3", "a pseudo-header field of responses", *GET, (b":status", b"200"))
    yield breaks("8.3", "the same in trailers", post() + headers(1, [(b":status", b"200")]))


def control_data() -> Iterator[Case]:
    """Section 8.3.1: what the pseudo-header fields may say."""
    for method in (b"GET / HTTP/1.1", b"G ET", b"GET ", b" GET", b"G(T", b"GET\r\n", b"G\0T", b"\xe9", b"GET:", b"a/b"):
        yield from malformed("8.3.1", f":method {method!r}", (b":method", method), *GET[1:])
    for scheme in (b"ht tp", b"http:", b"://", b"1http", b"http\r\nx: y", b"http/", b"\xe9", b"h\0"):
        yield from malformed("8.3.1", f":scheme {scheme!r}", METHOD, (b":scheme", scheme), PATH, AUTHORITY)
    paths: tuple[bytes, ...] = (
        b"x",
        b"*",
        b"/a b",
        b"/ HTTP/1.1\r\nx: y",
        b"/\r",
        b"/\n",
        b"/\0",
        b"/\t",
        b"/\x7f",
        b"/\xe9",
        b"/#",
        b"/a#b",
    )
    paths += (b"http://a.test/", b"//\\ ", b" /", b"/ ", b"?a=b", b"a.test:443", b"/\x1b", b"%2f")
    for path in paths:
        yield from malformed("8.3.1", f":path {path!r}", METHOD, SCHEME, (b":path", path), AUTHORITY)
    asterisk = (b":path", b"*")
    yield serves("8.3.1", "OPTIONS *", headers(1, [(b":method", b"OPTIONS"), SCHEME, asterisk, AUTHORITY]))
    yield serves("8.3.1", ":path with a query", headers(1, [METHOD, SCHEME, (b":path", b"/a?b=c&d"), AUTHORITY]))
    yield serves("8.3.1", ":path with two slashes", headers(1, [METHOD, SCHEME, (b":path", b"//a.test/"), AUTHORITY]))


def authorities() -> Iterator[Case]:
    """Section 8.3.1: :authority, and host beside it or in its place."""
    names: tuple[bytes, ...] = (
        b"user@a.test",
        b"user:word@a.test",
        b"a test",
        b"a.test/",
        b"a.test/x",
        b"a.test?x",
        b"a.test#x",
        b"a,b",
    )
    names += (
        b"a.test\r\nx: y",
        b"a.test:x",
        b"a.test:99999999",
        b"[::1",
        b"[::1]x",
        b"a\0",
        b"http://a.test",
        b"a\\b",
        b"\xe9",
    )
    names += (b"a.test ", b" a.test", b"a.test:80:80", b"@", b"<a>", b"a%zz")
    for name in names:
        yield from malformed("8.3.1", f":authority {name!r}", *GET[:3], (b":authority", name))
        yield from malformed("8.3.1", f"host {name!r}", *GET[:3], (b"host", name))
        yield from malformed("8.3.1", f":authority and host {name!r}", *GET, (b"host", name))
    for name in (b"b.test", b"a.test:81", b"a.test.", b""):
        yield from malformed("8.3.1", f"host {name!r} against :authority", *GET, (b"host", name))
    yield from malformed("8.3.1", "host twice", *GET, (b"host", b"a.test"), (b"host", b"a.test"))
    yield from malformed("8.3.1", "two hosts", *GET[:3], (b"host", b"a.test"), (b"host", b"b.test"))
    for name in (b"a.test", b"A.TEST", b"a.test:80"):
        yield serves("8.3.1", f"host {name!r} as :authority", headers(1, [*GET, (b"host", name)]))
    for name in (b"[::1]", b"[::1]:8000", b"127.0.0.1", b"a.test:8000", b"xn--bcher-kva.test", b"a_b.test"):
        yield serves("8.3.1", f":authority {name!r}", headers(1, [*GET[:3], (b":authority", name)]))
        yield serves("8.3.1", f"host {name!r}", headers(1, [*GET[:3], (b"host", name)]))


def lengths() -> Iterator[Case]:
    """Section 8.1.1: content-length against the bytes of DATA."""
    five = (b"content-length", b"5")
    yield serves(
        "8.1.1",
        "content-length is right",
        post(1, five) + data(1, b"test", end=False) + data(1, b"s", end=True),
        body=5,
    )
    padded = frame(Kind.DATA, 1, b"\x03test!\0\0\0", 9)
    yield serves("8.1.1", "padding is no content", post(1, five) + padded, body=5)
    yield serves(
        "8.1.1",
        "content-length is right, with trailers",
        post(1, five) + data(1, b"tests") + headers(1, [(b"a", b"b")]),
        body=5,
    )
    yield serves("8.1.1", "content-length 0 and no body", headers(1, [*POST, (b"content-length", b"0")]))
    yield breaks("8.1.1", "no body against content-length", headers(1, [*POST, five]))
    for says, body in {
        "DATA that is too short": data(1, b"test", end=True),
        "DATA that is too long": data(1, b"tests!", end=True),
        "DATA that is too long before its end": data(1, b"tests!"),
        "DATA frames that are too short": data(1, b"te") + data(1, b"st", end=True),
        "DATA frames that are too long": data(1, b"test") * 2 + data(1, b"s", end=True),
        "an empty DATA frame": data(1, end=True),
        "trailers instead of a body": headers(1, [(b"a", b"b")]),
        "trailers before the end of the body": data(1, b"test") + headers(1, [(b"a", b"b")]),
    }.items():
        yield breaks("8.1.1", says, post(1, five) + body)
    for value in (
        b"",
        b"-5",
        b"+5",
        b"5 ",
        b"0x5",
        b"5,5",
        b"5, 5",
        b"5;",
        b"5_0",
        b"1e1",
        b"9" * 30,
        b"\xb2",
        b"five",
    ):
        yield breaks(
            "8.1.1", f"content-length {value!r}", post(1, (b"content-length", value)) + data(1, b"tests", end=True)
        )
    for first, second in ((b"5", b"5"), (b"5", b"6"), (b"0", b"5")):
        twice = [*POST, (b"content-length", first), (b"content-length", second)]
        sent = headers(1, twice, end=False) + data(1, b"tests", end=True)
        yield breaks("8.1.1", f"content-length {first!r} and {second!r}", sent)


def others() -> Iterator[Case]:
    """Sections 8.4 and 8.5."""
    yield ends("8.4", "a client does not push", frame(Kind.PUSH_PROMISE, 1, number(2) + block(GET), 4))
    connect = (b":method", b"CONNECT")
    for says, fields in {
        "without :authority": (connect,),
        "with :path": (connect, PATH, AUTHORITY),
        "with :scheme": (connect, SCHEME, AUTHORITY),
        "with both": (connect, SCHEME, PATH, AUTHORITY),
    }.items():
        yield from malformed("8.5", f"CONNECT {says}", *fields)
    yield from malformed("RFC 8441 4", ":protocol without CONNECT", *GET, (b":protocol", b"websocket"))
    yield goes_on("8.7", "a request that was refused can be made again", post() + headers(3))


def cases() -> Iterator[Case]:
    for group in (
        exchange,
        names_and_values,
        of_connections,
        pseudo_fields,
        control_data,
        authorities,
        lengths,
        others,
    ):
        yield from group()
