"""The Host field (RFC 9112 section 3.2, RFC 3986 section 3.2): frameworks build URLs from it, so it is checked."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, head, served

LINE = b"GET / HTTP/1.1"

VALID = {
    "name": b"example.com",
    "upper-case": b"EXAMPLE.com",
    "trailing-dot": b"example.com.",
    "underscore": b"my_service",
    "hyphens": b"-a--b-",
    "punycode": b"xn--bcher-kva.example",
    "port": b"t:8000",
    "port-zero-padded": b"t:0080",
    "port-highest": b"t:65535",
    "port-empty": b"t:",
    "ipv4": b"127.0.0.1:80",
    "ipv6": b"[::1]",
    "ipv6-port": b"[2001:db8::1]:8000",
    "ipv6-upper-case": b"[2001:DB8::A]",
    "ipv6-with-ipv4": b"[::ffff:192.0.2.1]",
    "ipv6-any": b"[::]",
    "space-around": b" \tt \t",
    "empty": b"",
    "only-space": b" \t ",
}

INVALID = {
    "userinfo": b"user@t",
    "password": b"user:secret@t",
    "path": b"t/path",
    "slash": b"t/",
    "query": b"t?q",
    "fragment": b"t#f",
    "backslash": b"t\\other",
    "space-inside": b"a b",
    "tab-inside": b"a\tb",
    "comma": b"a,b",
    "comma-space": b"a, b",
    "quotes": b'"t"',
    "angle": b"<t>",
    "braces": b"{t}",
    "pipe": b"a|b",
    "caret": b"a^b",
    "backquote": b"a`b",
    "broken-escape": b"t%zz",
    "short-escape": b"t%4",
    "8-bit": b"t\xe9",
    "utf-8": "b\u00fccher.example".encode(),
    "nbsp": b"t\xa0",
    "next-line-byte": b"t\x85",
    "scheme": b"http://t",
    "only-port": b":80",
    "only-colon": b":",
    "port-letters": b"t:http",
    "port-sign": b"t:-1",
    "port-plus": b"t:+80",
    "port-space": b"t: 80",
    "port-hex": b"t:0x50",
    "port-underscore": b"t:8_0",
    "port-arabic": "t:\u0668\u0660".encode(),
    "port-overflow": b"t:65536",
    "port-overflow-16-bit": b"t:65616",
    "port-long": b"t:" + b"9" * 100,
    "two-ports": b"t:80:80",
    "port-and-userinfo": b"t:80@other",
    "port-and-path": b"t:80/path",
    "ipv6-without-brackets": b"::1",
    "ipv6-open": b"[::1",
    "ipv6-open-with-port": b"[::1:80",
    "ipv6-closed-only": b"::1]",
    "ipv6-empty": b"[]",
    "ipv6-letter": b"[::g]",
    "ipv6-nine-groups": b"[1:2:3:4:5:6:7:8:9]",
    "ipv6-seven-groups": b"[1:2:3:4:5:6:7]",
    "ipv6-two-gaps": b"[1::2::3]",
    "ipv6-long-group": b"[12345::]",
    "ipv6-followed": b"[::1]t",
    "ipv6-followed-by-at": b"[::1]@other",
    "ipv6-zone": b"[fe80::1%eth0]",
    "ipv6-bad-port": b"[::1]:port",
    "ipv6-port-overflow": b"[::1]:65536",
    "ipv6-space": b"[::1 ]",
    "ipv6-twice": b"[::1][::1]",
    "ipv4-in-brackets": b"[127.0.0.1]",
    "name-in-brackets": b"[t]",
    "bracket-inside": b"t[0]",
    "nul": b"t\0",
}

REPEATED = {
    "missing": head(LINE),
    "missing-with-others": head(LINE, b"X: v", b"X-Host: t"),
    "twice-the-same": head(LINE, b"Host: t", b"Host: t"),
    "twice": head(LINE, b"Host: a", b"Host: b"),
    "twice-other-case": head(LINE, b"Host: a", b"HOST: b"),
    "twice-apart": head(LINE, b"Host: a", b"X: v", b"host: b"),
    "twice-first-empty": head(LINE, b"Host:", b"Host: b"),
    "three-times": head(LINE, b"Host: a", b"Host: a", b"Host: a"),
    "space-before-colon": head(LINE, b"Host : t"),
    "underscore-is-not-host": head(LINE, b"Ho_st: t"),
    "twice-in-1.0": head(b"GET / HTTP/1.0", b"Host: a", b"Host: b"),
    "invalid-in-1.0": head(b"GET / HTTP/1.0", b"Host: a/b"),
    "twice-absolute": head(b"GET http://t/ HTTP/1.1", b"Host: t", b"Host: other"),
}


def cases() -> Iterator[Case]:
    for name, value in VALID.items():
        call = Call(headers=((b"host", value.strip()),))
        yield served(f"host/{name}", "RFC 9110 7.2", head(LINE, b"Host: " + value), call)
    yield from all_refused("host", "RFC 9112 3.2", {name: head(LINE, b"Host: " + v) for name, v in INVALID.items()})
    yield from all_refused("host", "RFC 9112 3.2", REPEATED)
