"""The request target: its four forms, escapes and forbidden bytes (RFC 9112 section 3.2, RFC 3986)."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, get, head, refused, served

ORIGIN: dict[str, tuple[bytes, Call]] = {
    "empty-query": (b"/?", Call(path="/")),
    "query": (b"/a?b=1&c", Call(path="/a", query=b"b=1&c")),
    "question-marks": (b"/a??b?", Call(path="/a", query=b"?b?")),
    "two-slashes": (b"//t/a", Call(path="//t/a")),
    "dot-segments": (b"/a/../b/./c", Call(path="/a/../b/./c")),
    "escaped-space": (b"/a%20b", Call(path="/a b", raw_path=b"/a%20b")),
    "escaped-slash": (b"/a%2Fb%2f", Call(path="/a/b/", raw_path=b"/a%2Fb%2f")),
    "escaped-utf-8": (b"/%E2%82%AC", Call(path="/\u20ac", raw_path=b"/%E2%82%AC")),
    "escaped-bad-utf-8": (b"/%ff", Call(path="/\ufffd", raw_path=b"/%ff")),
    "escaped-half-utf-8": (b"/%e2%82", Call(path="/\ufffd", raw_path=b"/%e2%82")),
    "escaped-surrogate": (b"/%ed%a0%80", Call(path="/\ufffd\ufffd\ufffd", raw_path=b"/%ed%a0%80")),
    "escaped-nul": (b"/%00", Call(path="/\0", raw_path=b"/%00")),
    "escaped-line-end": (b"/%0d%0aX:%20y", Call(path="/\r\nX: y", raw_path=b"/%0d%0aX:%20y")),
    "escaped-terminal-code": (b"/%1b[31m", Call(path="/\x1b[31m", raw_path=b"/%1b[31m")),
    "escaped-percent": (b"/%2525", Call(path="/%25", raw_path=b"/%2525")),
    "escaped-question-mark": (b"/a%3Fb", Call(path="/a?b", raw_path=b"/a%3Fb")),
    "escaped-hash": (b"/a%23b", Call(path="/a#b", raw_path=b"/a%23b")),
    "escaped-query-is-kept": (b"/?a=%20%ff%00", Call(query=b"a=%20%ff%00")),
    "plus-is-a-plus": (b"/a+b", Call(path="/a+b")),
    "broken-escape": (b"/%zz%4", Call(path="/%zz%4", raw_path=b"/%zz%4")),
    "percent-at-the-end": (b"/100%", Call(path="/100%", raw_path=b"/100%")),
    "unwise-characters": (b'/{}|^`<>"', Call(path='/{}|^`<>"')),
    "sub-delimiters": (b"/!$&'()*+,;=:@", Call(path="/!$&'()*+,;=:@")),
    "semicolon": (b"/a;v=1/b", Call(path="/a;v=1/b")),
    "colon-first": (b"/:80/", Call(path="/:80/")),
    "url-in-path": (b"/http://other/", Call(path="/http://other/")),
    "url-in-query": (b"/?u=http://other/", Call(query=b"u=http://other/")),
}

ABSOLUTE: dict[str, tuple[bytes, bytes, Call]] = {
    "path": (b"http://t/abs", b"t", Call(path="/abs")),
    "query": (b"http://t/abs?q=1", b"t", Call(path="/abs", query=b"q=1")),
    "no-path": (b"http://t", b"t", Call()),
    "no-path-but-query": (b"http://t?q", b"t", Call(query=b"q")),
    "upper-case": (b"HTTP://T/", b"t", Call()),
    "host-upper-case": (b"http://t/", b"T", Call()),
    "port": (b"http://t:8000/", b"t:8000", Call()),
    "ipv6": (b"http://[::1]:80/p", b"[::1]:80", Call(path="/p")),
    "escaped": (b"http://t/%20", b"t", Call(path="/ ", raw_path=b"/%20")),
    "two-slashes": (b"http://t//x", b"t", Call(path="//x")),
}

BYTES = {
    **{f"control-{byte:02x}": get(target=b"/a%cb" % byte) for byte in (0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F)},
    "latin-1": get(target=b"/\xe9"),
    "utf-8": get(target="/\u20ac".encode()),
    "utf-8-in-query": get(target="/?q=\u20ac".encode()),
    "next-line": get(target=b"/\x85"),
    "backslash": get(target=b"/a\\b"),
    "backslash-in-query": get(target=b"/?a\\b"),
    "backslash-after-a-slash": get(target=b"/\\other"),
    "fragment": get(target=b"/a#b"),
    "fragment-in-query": get(target=b"/?a#b"),
    "only-a-fragment": get(target=b"#"),
}

FORMS = {
    "no-slash": get(target=b"path"),
    "no-slash-host": get(target=b"t/path"),
    "question-mark-first": get(target=b"?q"),
    "percent-first": get(target=b"%2F"),
    "backslash-first": get(target=b"\\path"),
    "authority-form-with-get": get(target=b"t:80"),
    "asterisk-with-get": get(target=b"*"),
    "asterisk-with-query": head(b"OPTIONS *?q HTTP/1.1", b"Host: t"),
    "asterisk-and-path": head(b"OPTIONS */ HTTP/1.1", b"Host: t"),
    "scheme-unknown": get(target=b"ftp://t/"),
    "scheme-ws": get(target=b"ws://t/"),
    "scheme-file": get(target=b"file:///etc/passwd"),
    "scheme-only": get(target=b"http:"),
    "one-slash": get(target=b"http:/t/"),
    "no-scheme": get(target=b"://t/"),
    "urn": get(target=b"urn:isbn:1"),
    "no-authority": get(target=b"http:///path"),
    "userinfo": get(target=b"http://user@t/"),
    "password": get(target=b"http://user:secret@t/"),
    "backslash-in-authority": get(target=b"http://t\\@other/"),
    "bad-port": get(target=b"http://t:port/"),
    "port-too-high": get(target=b"http://t:65536/"),
    "bad-ipv6": get(target=b"http://[::1/"),
}

AUTHORITIES: dict[str, tuple[bytes, bytes]] = {
    "the-same": (b"t", b"t"),
    "other-host": (b"other", b"t"),
    "other-port": (b"t:81", b"t"),
    "other-case": (b"T", b"t"),
    "default-port": (b"t:80", b"t"),
    "suffix": (b"t.other", b"t"),
    "ipv6": (b"[::1]:81", b"t"),
    "empty-host": (b"t", b""),
}
"""The authority of the target, which counts, and what `host` says (RFC 9112 section 3.2.2)."""

ABSOLUTE_REFUSED = {
    "no-host": head(b"GET http://t/ HTTP/1.1"),
    "invalid-host": head(b"GET http://t/ HTTP/1.1", b"Host: a/b"),
}


def cases() -> Iterator[Case]:
    for name, (target, call) in ORIGIN.items():
        yield served(f"target/{name}", "H-15", get(target=target), call)
    for name, (target, host, call) in ABSOLUTE.items():
        data = head(b"GET %b HTTP/1.1" % target, b"Host: " + host)
        yield served(f"absolute/{name}", "RFC 9112 3.2.2", data, call)
    for name, (authority, host) in AUTHORITIES.items():
        data = head(b"GET http://%b/ HTTP/1.1" % authority, b"X: v", b"Host: " + host)
        yield served(f"authority/{name}", "RFC 9112 3.2.2", data, Call(headers=((b"x", b"v"), (b"host", authority))))
    yield served(
        "authority/http-1.0",
        "RFC 9112 3.2.2",
        head(b"GET http://other/ HTTP/1.0", b"Host: t"),
        Call(http_version="1.0", headers=((b"host", b"other"),)),
        closes=True,
    )
    yield served(
        "absolute/http-1.0-without-host",
        "RFC 9112 3.2.2",
        head(b"GET http://t/x HTTP/1.0"),
        Call(path="/x", http_version="1.0", headers=((b"host", b"t"),)),
        closes=True,
    )
    yield served("asterisk/options", "RFC 9112 3.2.4", head(b"OPTIONS * HTTP/1.1", b"Host: t"), Call("OPTIONS", "*"))
    yield from all_refused("target", "RFC 9112 3.2", BYTES)
    yield from all_refused("form", "RFC 9112 3.2", FORMS)
    yield from all_refused("absolute", "RFC 9112 3.2.2", ABSOLUTE_REFUSED)
    yield refused("connect/authority", "H-12", head(b"CONNECT t:443 HTTP/1.1", b"Host: t:443"), 501)
    yield refused("connect/path", "H-12", head(b"CONNECT / HTTP/1.1", b"Host: t"), 501)
    yield refused(
        "connect/body", "H-12", head(b"CONNECT t:1 HTTP/1.1", b"Host: t:1", b"Content-Length: 3") + b"abc", 501
    )
