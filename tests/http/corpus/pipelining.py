"""Several requests on one connection (RFC 9112 section 9.3.2): in order, none lost, none invented."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, chunked, get, head, post, refused, served, waits

POSTED = post(b"Content-Length: 5", body=b"hello")
CHUNKS = chunked(b"5\r\nhello\r\n0\r\n\r\n")
HELLO = Call("POST", body=b"hello")


def numbered(count: int) -> tuple[bytes, tuple[Call, ...]]:
    requests = b"".join(get(target=b"/%d" % number) for number in range(count))
    return requests, tuple(Call(path=f"/{number}") for number in range(count))


def cases() -> Iterator[Case]:
    for count in (2, 3, 50):
        data, calls = numbered(count)
        yield served(f"pipeline/{count}", "H-6", data, *calls)
    yield served("pipeline/bodies", "H-6", POSTED + CHUNKS + POSTED + get(), HELLO, HELLO, HELLO, Call())
    yield served("pipeline/empty-lines-between", "RFC 9112 2.2", POSTED + b"\r\n" + get(), HELLO, Call())
    yield served("pipeline/head", "H-3", head(b"HEAD / HTTP/1.1", b"Host: t") + get(), Call("HEAD"), Call())
    yield served("pipeline/other-hosts", "RFC 9112 3.2", get() + head(b"GET / HTTP/1.1", b"Host: u"), Call(), Call())
    old = head(b"GET /old HTTP/1.0")
    yield served(
        "pipeline/1.0-last", "H-2", get() + old + get(), Call(), Call(path="/old", http_version="1.0"), closes=True
    )
    yield served("pipeline/1.0-first", "H-2", old + get(), Call(path="/old", http_version="1.0"), closes=True)
    yield served(
        "pipeline/close-in-the-middle",
        "RFC 9112 9.6",
        get() + get(b"Connection: close", target=b"/2") + get(target=b"/3"),
        Call(),
        Call(path="/2"),
        closes=True,
    )
    yield served(
        "pipeline/garbage-after-close", "RFC 9112 9.6", get(b"Connection: close") + b"\0garbage", Call(), closes=True
    )
    yield served("pipeline/end", "H-9", get() + get(target=b"/2"), Call(), Call(path="/2"), closes=True, eof=True)
    yield waits("pipeline/half-a-second", "H-6", get() + b"GET /2 HTTP/1.1\r\nHo", Call())
    yield Case(
        "pipeline/half-a-second-and-end", "RFC 9112 8", get() + b"GET /2", (200,), (Call(),), closes=True, eof=True
    )
    yield waits("pipeline/one-byte-of-a-second", "H-6", get() + b"G", Call())
    yield waits("pipeline/cr-of-a-second", "H-6", get() + b"\r", Call())
    yield refused("pipeline/bad-second", "H-11", get() + b"GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400, Call())
    yield refused("pipeline/garbage-second", "H-11", get() + b"\x16\x03\x01\r\n\r\n", 400, Call())
    yield refused("pipeline/version-second", "H-12", get() + b"GET / HTTP/2.0\r\n\r\n", 505, Call())
    yield refused("pipeline/bad-third", "H-11", POSTED + CHUNKS + b"GET\r\n\r\n", 400, HELLO, HELLO)
    yield refused("pipeline/body-too-long", "RFC 9112 6.3", POSTED + b"too long\r\n\r\n", 400, HELLO)
    yield refused("pipeline/bad-first", "H-11", b"GET / HTTP/1.1\r\n\r\n" + get())
    yield refused("pipeline/chunks-after-length", "RFC 9112 6.3", POSTED + b"0\r\n\r\n" + get(), 400, HELLO)
    second = post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    yield refused("pipeline/both-framings-second", "RFC 9112 6.3", CHUNKS + second, 400, HELLO)
    yield refused("pipeline/bad-chunk-second", "RFC 9112 7.1", POSTED + chunked(b"x\r\n"), 400, HELLO, in_body=True)
    yield from with_the_same_fields()


def with_the_same_fields() -> Iterator[Case]:
    """A server may remember the fields of the last request; everything else is checked again."""
    first, again = get(), b" HTTP/1.1\r\nHost: t\r\n\r\n"
    other = Call(headers=((b"host", b"other"),))
    yield served("again/other-authority", "RFC 9112 3.2.2", first + b"GET http://other/" + again, Call(), other)
    yield served("again/same-authority", "RFC 9112 3.2.2", first + b"GET http://t/2" + again, Call(), Call(path="/2"))
    yield served("again/asterisk", "RFC 9112 3.2.4", first + b"OPTIONS *" + again, Call(), Call("OPTIONS", "*"))
    yield refused("again/asterisk-with-get", "RFC 9112 3.2.4", first + b"GET *" + again, 400, Call())
    yield refused("again/connect", "H-12", first + b"CONNECT t:80" + again, 501, Call())
    yield refused("again/target", "RFC 9112 3.2", first + b"GET /\xe9" + again, 400, Call())
    yield refused("again/two-spaces", "RFC 9112 3", first + b"GET  /" + again, 400, Call())
    yield refused("again/no-target", "RFC 9112 3", first + b"GET" + again, 400, Call())
    yield refused("again/version-twice", "RFC 9112 3", first + b"GET / HTTP/1.1" + again, 400, Call())
    yield refused("again/line-too-long", "H-20", first + b"GET /" + b"a" * 16_400 + again, 414, Call())
    yield served("again/head", "H-3", first + b"HEAD /" + again + first, Call(), Call("HEAD"), Call())
    yield refused("again/other-version", "H-12", first + get().replace(b"1.1", b"2.1"), 505, Call())
    old = Call(http_version="1.0")
    yield served("again/old-version", "H-2", first + get().replace(b"1.1", b"1.0"), Call(), old, closes=True)
    posted = post(b"Content-Length: 5", body=b"hello")
    yield served("again/body", "RFC 9112 6.2", posted + posted + get(), HELLO, HELLO, Call())
    yield served("again/chunks", "RFC 9112 7.1", CHUNKS + CHUNKS + get(), HELLO, HELLO, Call())
    yield refused("again/body-too-long", "RFC 9112 6.3", posted + posted + b"more\r\n", 400, HELLO, HELLO)
    target = b"GET / HTTP/1.1/ HTTP/1.1\r\nHost: t\r\n\r\n"
    yield refused("again/version-in-target", "RFC 9112 3", first + target, 400, Call())
    yield refused("again/target-is-a-version", "RFC 9112 3.2", first + b"GET HTTP/1.1" + again, 400, Call())
