"""What is too large (rules H-11, H-20): 413, 414, 431, before it is read."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, chunked, get, post, refused, served

HELLO = Call("POST", body=b"hello")
SMALL_BODY = {"limit_request_body": 5}


def many_fields(count: int) -> bytes:
    """A request with that many fields in total."""
    return get(*(b"X-%d: %d" % (number, number) for number in range(count - 1)))


def heads() -> Iterator[Case]:
    yield served("limit/line-16000", "H-20", get(target=b"/" + b"a" * 16_000), Call(path="/" + "a" * 16_000))
    yield refused("limit/line", "RFC 9110 15.5.15", get(target=b"/" + b"a" * 16_400), 414)
    yield refused("limit/query", "RFC 9110 15.5.15", get(target=b"/?" + b"a" * 16_400), 414)
    yield refused("limit/line-without-end", "H-20", b"GET /" + b"a" * 20_000, 414)
    yield served("limit/fields-128", "H-20", many_fields(128), Call(headers=((b"x-126", b"126"),)))
    yield refused("limit/fields", "RFC 6585 5", many_fields(129), 431)
    yield refused("limit/fields-1000", "RFC 6585 5", many_fields(1000), 431)
    yield refused("limit/fields-without-end", "H-20", many_fields(1000)[:-2], 431)
    value = b"v" * 65_000
    yield served("limit/field-65000", "H-20", get(b"X: " + value), Call(headers=((b"x", value),)))
    yield refused("limit/field", "RFC 6585 5", get(b"X: " + b"v" * 65_600), 431)
    yield refused("limit/field-name", "RFC 6585 5", get(b"N" * 65_600 + b": v"), 431)
    yield refused("limit/field-without-end", "H-20", get(b"X: " + b"v" * 70_000)[:-4], 431)
    hundred = (b"X-%d: %b" % (number, b"v" * 700) for number in range(100))
    yield refused("limit/fields-together", "RFC 6585 5", get(*hundred), 431)
    second = get() + get(b"X: " + b"v" * 65_600)
    yield refused("limit/second-request", "H-20", second, 431, Call())


def own_limits() -> Iterator[Case]:
    long = b"/" + b"b" * 70_000 + b"?c"
    yield served(
        "limit/line-beyond-16-bits",
        "H-20",
        get(target=long),
        Call(path="/" + "b" * 70_000, query=b"c"),
        options={"limit_request_line": 100_000},
    )
    yield refused("limit/line-100", "H-20", get(target=b"/" + b"a" * 100), 414, options={"limit_request_line": 100})
    yield refused("limit/fields-10", "H-20", many_fields(11), 431, options={"limit_request_headers": 10})
    yield served("limit/fields-10-are-10", "H-20", many_fields(10), Call(), options={"limit_request_headers": 10})
    big = get(b"X: " + b"v" * 70_000)
    yield served("limit/size-raised", "H-20", big, Call(), options={"limit_request_header_size": 100_000})
    small = {"limit_request_header_size": 1000}
    yield refused("limit/size-lowered", "H-20", get(b"X: " + b"v" * 1000), 431, options=small)
    extensions = b"".join(b"1;%b\r\nx\r\n" % (b"e" * 100) for _ in range(20)) + b"0\r\n\r\n"
    yield refused("limit/extensions-lowered", "H-20", chunked(extensions), 431, options=small, in_body=True)


def bodies() -> Iterator[Case]:
    yield served("limit/body-just", "H-20", post(b"Content-Length: 5", body=b"hello"), HELLO, options=SMALL_BODY)
    yield refused("limit/body", "RFC 9110 15.5.14", post(b"Content-Length: 6", body=b"hello!"), 413, options=SMALL_BODY)
    yield refused("limit/body-not-sent", "RFC 9110 15.5.14", post(b"Content-Length: 600000"), 413, options=SMALL_BODY)
    expecting = post(b"Expect: 100-continue", b"Content-Length: 6")
    yield refused("limit/body-expected", "H-5", expecting, 413, options=SMALL_BODY)
    just = chunked(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
    yield served("limit/chunks-just", "H-20", just, HELLO, options=SMALL_BODY)
    over = chunked(b"3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n")
    yield refused("limit/chunks", "RFC 9110 15.5.14", over, 413, options=SMALL_BODY, in_body=True)
    huge = chunked(b"fffffff\r\nhello!")
    yield refused("limit/chunk", "RFC 9110 15.5.14", huge, 413, options=SMALL_BODY, in_body=True)


def cases() -> Iterator[Case]:
    yield from heads()
    yield from own_limits()
    yield from bodies()
