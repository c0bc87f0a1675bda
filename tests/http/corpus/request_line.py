"""The request line: method, spaces, version (RFC 9112 section 3), and what is sent instead of one."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, get, head, refused, served

HOST = b"Host: t"


def line(request_line: bytes) -> bytes:
    return head(request_line, HOST)


def valid() -> Iterator[Case]:
    yield served("line/minimal", "RFC 9112 3", get(), Call(headers=((b"host", b"t"),)))
    yield served("line/empty-line-before", "RFC 9112 2.2", b"\r\n" + get(), Call())
    yield served("line/two-empty-lines-before", "H-12", b"\r\n\r\n" + get(), Call())
    yield served("line/empty-lines-between", "H-12", get() + b"\r\n\r\n" + get(target=b"/2"), Call(), Call(path="/2"))
    yield served("line/http-1.0", "RFC 9112 2.3", b"GET / HTTP/1.0\r\n\r\n", Call(http_version="1.0"), closes=True)
    yield served("line/http-1.0-host", "H-2", line(b"GET / HTTP/1.0"), Call(http_version="1.0"), closes=True)
    for method in (b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"PUT", b"POST", b"PRI", b"QUERY", b"PURGE"):
        yield served(
            f"line/method-{method.decode()}", "RFC 9110 9.1", line(method + b" / HTTP/1.1"), Call(method.decode())
        )
    for name, token in {
        "lower-case": "get",
        "one-letter": "X",
        "webdav": "VERSION-CONTROL",
        "longer-than-a-known-one": "GETS",
        "shorter-than-a-known-one": "GE",
        "ice": "SOURCE",
        "all-token-characters": "!#$%&'*+-.^_`|~09azAZ",
        "long": "M" * 64,
    }.items():
        yield served(f"line/method-{name}", "H-12", line(token.encode() + b" / HTTP/1.1"), Call(token))


METHODS = {
    "empty": line(b" / HTTP/1.1"),
    "nul": line(b"G\0T / HTTP/1.1"),
    "bracket": line(b"GE(T / HTTP/1.1"),
    "colon": line(b"GET: / HTTP/1.1"),
    "slash": line(b"G/T / HTTP/1.1"),
    "at": line(b"G@T / HTTP/1.1"),
    "quote": line(b'"GET" / HTTP/1.1'),
    "8-bit": line(b"G\xc9T / HTTP/1.1"),
    "latin-y": line(b"G\x85T / HTTP/1.1"),
    "del": line(b"GET\x7f / HTTP/1.1"),
    "escape": line(b"\x1bGET / HTTP/1.1"),
    "comma": line(b"GET,POST / HTTP/1.1"),
}

SPACING = {
    "space-before": line(b" GET / HTTP/1.1"),
    "tab-before": line(b"\tGET / HTTP/1.1"),
    "two-spaces-after-method": line(b"GET  / HTTP/1.1"),
    "two-spaces-before-version": line(b"GET /  HTTP/1.1"),
    "tab-after-method": line(b"GET\t/ HTTP/1.1"),
    "tab-before-version": line(b"GET /\tHTTP/1.1"),
    "tab-and-space": line(b"GET \t/ HTTP/1.1"),
    "vertical-tab": line(b"GET\x0b/\x0bHTTP/1.1"),
    "form-feed": line(b"GET\x0c/\x0cHTTP/1.1"),
    "nbsp": line(b"GET\xa0/\xa0HTTP/1.1"),
    "space-after-version": line(b"GET / HTTP/1.1 "),
    "tab-after-version": line(b"GET / HTTP/1.1\t"),
    "no-target": line(b"GET HTTP/1.1"),
    "empty-target": line(b"GET  HTTP/1.1"),
    "method-only": line(b"GET"),
    "four-words": line(b"GET / / HTTP/1.1"),
    "space-in-target": line(b"GET /a b HTTP/1.1"),
    "target-is-a-version": line(b"GET HTTP/1.1 HTTP/1.1"),
    "target-begins-like-a-version": line(b"GET HTTP/1.0/ HTTP/1.1"),
    "version-inside": line(b"GET / HTTP/1.1 HTTP/1.1"),
    "header-as-request-line": head(HOST, b"A: b"),
}

LINE_ENDS = {
    "bare-lf": b"GET / HTTP/1.1\nHost: t\r\n\r\n",
    "bare-cr": b"GET / HTTP/1.1\rHost: t\r\n\r\n",
    "cr-cr-lf": b"GET / HTTP/1.1\r\r\nHost: t\r\n\r\n",
    "cr-in-target": b"GET /\r HTTP/1.1\r\nHost: t\r\n\r\n",
    "cr-before-version": b"GET / \rHTTP/1.1\r\nHost: t\r\n\r\n",
    "lf-in-target": b"GET /\nX: / HTTP/1.1\r\nHost: t\r\n\r\n",
    "lf-before-request": b"\n" + get(),
    "cr-before-request": b"\r" + get(),
    "three-empty-lines": b"\r\n\r\n\r\n" + get(),
    "many-empty-lines": b"\r\n" * 5000 + get(),
    "space-line-before": b" \r\n" + get(),
    "lf-only": b"GET / HTTP/1.1\nHost: t\n\n",
    "garbage-after-body": get() + b"\0\0\0\0\r\n\r\n",
}

VERSIONS = {
    "none": b"GET /\r\n\r\n",
    "none-with-host": line(b"GET /"),
    "empty": line(b"GET / "),
    "lower-case": line(b"GET / http/1.1"),
    "mixed-case": line(b"GET / Http/1.1"),
    "two-digits": line(b"GET / HTTP/1.10"),
    "leading-zero": line(b"GET / HTTP/01.1"),
    "leading-zeros": line(b"GET / HTTP/001.001"),
    "no-minor": line(b"GET / HTTP/1."),
    "no-major": line(b"GET / HTTP/.1"),
    "no-dot": line(b"GET / HTTP/11"),
    "major-only": line(b"GET / HTTP/1"),
    "two-only": line(b"GET / HTTP/2"),
    "comma": line(b"GET / HTTP/1,1"),
    "plus": line(b"GET / HTTP/+1.1"),
    "minus": line(b"GET / HTTP/-1.1"),
    "hex": line(b"GET / HTTP/0x1.1"),
    "letter": line(b"GET / HTTP/a.b"),
    "trailing-letter": line(b"GET / HTTP/1.1x"),
    "three-parts": line(b"GET / HTTP/1.1.1"),
    "space-inside": line(b"GET / HTTP/ 1.1"),
    "space-before-slash": line(b"GET / HTTP /1.1"),
    "arabic-digits": line("GET / HTTP/\u0661.\u0661".encode()),
    "nul": line(b"GET / HTTP/1.1\0"),
    "rtsp": line(b"GET / RTSP/1.0"),
    "ice": line(b"SOURCE / ICE/1.0"),
    "sip": line(b"OPTIONS sip:t SIP/2.0"),
    "https": line(b"GET / HTTPS/1.1"),
    "prefix": line(b"GET / XHTTP/1.1"),
    "shttp": line(b"GET / Secure-HTTP/1.4"),
}

MINORS = [b"1.2", b"1.3", b"1.9"]
"""Future versions, which are served as 1.1 (RFC 9110 section 2.5)."""

NOT_SUPPORTED = {
    "0.9": line(b"GET / HTTP/0.9"),
    "0.0": line(b"GET / HTTP/0.0"),
    "2.0": line(b"GET / HTTP/2.0"),
    "3.0": line(b"GET / HTTP/3.0"),
    "9.9": line(b"GET / HTTP/9.9"),
    "8.8-and-long-target": line(b"GET /" + b"a" * 300 + b" HTTP/8.8"),
}

OTHER_PROTOCOLS = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32)) + b"\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
    "smtp": b"EHLO t\r\n\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "proxy-protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n" + get(),
    "proxy-protocol-2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
    "response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "json": b'{"method": "GET"}\r\n\r\n',
}


WRONG_TWICE = {
    "space-in-target-and-0.9": line(b"G ET / HTTP/0.9"),
    "method-and-2.0": line(b"G(T / HTTP/2.0"),
    "8-bit-target-and-2.0": line(b"GET /\xe9 HTTP/2.0"),
    "fragment-and-2.0": line(b"GET /#f HTTP/2.0"),
    "bare-lf-and-2.0": line(b"GET / HTTP/1.1\n\nGET / HTTP/2.0"),
    "no-target-and-2.0": line(b"GET HTTP/2.0"),
}
"""Lines of another version that are also malformed."""


def cases() -> Iterator[Case]:
    yield from valid()
    yield from all_refused("version", "RFC 9112 3", WRONG_TWICE)
    yield from all_refused("method", "RFC 9110 9.1", METHODS)
    yield from all_refused("line", "RFC 9112 3", SPACING)
    for name, data in LINE_ENDS.items():
        before = (Call(),) if name == "garbage-after-body" else ()
        yield refused(f"line/{name}", "RFC 9112 2.2", data, 400, *before)
    yield from all_refused("version", "RFC 9112 2.3", VERSIONS)
    yield from all_refused("version", "RFC 9110 15.6.6", NOT_SUPPORTED, 505)
    for version in MINORS:
        name = version.decode()
        yield served(f"version/{name}", "RFC 9110 2.5", line(b"GET / HTTP/" + version), Call(http_version="1.1"))
        yield refused(f"version/{name}-without-host", "RFC 9112 3.2", b"GET / HTTP/%b\r\n\r\n" % version, 400)
    yield served("method/longest", "H-11", line(b"M" * 64 + b" / HTTP/1.1"), Call("M" * 64))
    yield refused("method/too-long", "H-11", line(b"M" * 65 + b" / HTTP/1.1"), 501)
    yield refused("method/longer-than-a-line", "H-11", line(b"M" * 20000 + b" / HTTP/1.1"), 501)
    yield refused("method/without-an-end", "H-11", b"M" * 20000, 501)
    off = {"http2": False}
    yield refused("version/http2-preface", "RFC 9110 15.6.6", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, options=off)
    yield from all_refused("not-http", "H-11", OTHER_PROTOCOLS)
