"""Connection, Upgrade and Expect (RFC 9110 sections 7.6.1, 7.8, 10.1.1, RFC 9112 section 9)."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, get, head, post, served

SECOND = get(target=b"/2")

CLOSING: dict[str, tuple[bytes, ...]] = {
    "close": (b"Connection: close",),
    "close-upper-case": (b"Connection: CLOSE",),
    "close-first": (b"Connection: close, foo",),
    "close-last": (b"Connection: foo,close",),
    "close-and-keep-alive": (b"Connection: close, keep-alive",),
    "keep-alive-and-close": (b"Connection: keep-alive, close",),
    "close-in-second-field": (b"Connection: keep-alive", b"Connection: close"),
    "close-in-first-field": (b"Connection: close", b"Connection: keep-alive"),
    "close-after-empty": (b"Connection: ,, close",),
    "close-with-tabs": (b"Connection:\tclose\t",),
    "close-and-upgrade": (b"Connection: upgrade, close", b"Upgrade: foo"),
}

STAYING: dict[str, tuple[bytes, ...]] = {
    "none": (),
    "keep-alive": (b"Connection: keep-alive",),
    "keep-alive-upper-case": (b"Connection: Keep-Alive",),
    "unknown": (b"Connection: foo",),
    "empty": (b"Connection:",),
    "closed-is-not-close": (b"Connection: closed",),
    "close-in-quotes": (b'Connection: "close"',),
    "proxy-connection": (b"Proxy-Connection: close",),
    "names-content-length": (b"Connection: content-length", b"Content-Length: 0"),
    "names-host": (b"Connection: host",),
    "te": (b"Connection: te", b"TE: trailers"),
}

UPGRADES: dict[str, tuple[bytes, ...]] = {
    "foo": (b"Connection: upgrade", b"Upgrade: foo/1"),
    "h2c": (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "http-2": (b"Connection: upgrade", b"Upgrade: HTTP/2.0"),
    "tls": (b"Connection: upgrade", b"Upgrade: TLS/1.0, HTTP/1.1"),
    "without-connection": (b"Upgrade: foo",),
    "without-upgrade": (b"Connection: upgrade",),
    "empty": (b"Connection: upgrade", b"Upgrade:"),
    "two": (b"Connection: upgrade", b"Upgrade: foo", b"Upgrade: bar"),
    "keep-alive": (b"Connection: keep-alive, Upgrade", b"Upgrade: foo"),
}

EXPECTATIONS: dict[str, bytes] = {
    "100-continue": b"Expect: 100-continue",
    "other-case": b"Expect: 100-Continue",
    "unknown": b"Expect: 200-ok",
    "empty": b"Expect:",
}


def upgrades() -> Iterator[Case]:
    for name, lines in UPGRADES.items():
        yield served(f"upgrade/{name}", "H-13", get(*lines) + SECOND, Call(), Call(path="/2"))
        with_length = post(*lines, b"Content-Length: 5", body=b"hello")
        yield served(
            f"upgrade/{name}-and-body", "H-13", with_length + SECOND, Call("POST", body=b"hello"), Call(path="/2")
        )
        with_chunks = post(*lines, b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
        yield served(
            f"upgrade/{name}-and-chunks", "H-13", with_chunks + SECOND, Call("POST", body=b"hello"), Call(path="/2")
        )
    websocket = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    old = head(b"GET / HTTP/1.0", b"Host: t", *websocket, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    yield served("upgrade/http-1.0", "RFC 9110 7.8", old, Call(http_version="1.0"), closes=True)
    posted = post(*websocket, b"Content-Length: 5", body=b"hello")
    yield served("upgrade/posted-websocket", "H-13", posted + SECOND, Call("POST", body=b"hello"), Call(path="/2"))


def expectations() -> Iterator[Case]:
    for name, line in EXPECTATIONS.items():
        body = post(line, b"Content-Length: 5", body=b"hello")
        yield served(f"expect/{name}", "H-5", body + SECOND, Call("POST", body=b"hello"), Call(path="/2"))
        yield served(f"expect/{name}-without-body", "H-5", get(line) + SECOND, Call(), Call(path="/2"))
    chunks = post(b"Expect: 100-continue", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    yield served("expect/chunks", "H-5", chunks + SECOND, Call("POST", body=b"hello"), Call(path="/2"))
    old = head(b"POST / HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 5") + b"hello"
    yield served(
        "expect/http-1.0", "RFC 9110 10.1.1", old, Call("POST", body=b"hello", http_version="1.0"), closes=True
    )


def cases() -> Iterator[Case]:
    for name, lines in CLOSING.items():
        yield served(f"connection/{name}", "RFC 9112 9.6", get(*lines) + SECOND, Call(), closes=True)
    for name, lines in STAYING.items():
        yield served(f"connection/{name}", "RFC 9112 9.3", get(*lines) + SECOND, Call(), Call(path="/2"))
    for name, value in {"keep-alive": b"keep-alive", "close": b"close", "none": b""}.items():
        data = head(b"GET / HTTP/1.0", b"Host: t", b"Connection: " + value) + SECOND
        yield served(f"connection-1.0/{name}", "H-2", data, Call(http_version="1.0"), closes=True)
    yield from upgrades()
    yield from expectations()
