"""Header fields: names, values, line ends, folding (RFC 9112 section 5, RFC 9110 section 5)."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, get, head, served

VALUES: dict[str, tuple[bytes, tuple[bytes, bytes]]] = {
    "no-space": (b"X:v", (b"x", b"v")),
    "tabs": (b"X:\tv\t", (b"x", b"v")),
    "spaces": (b"X:    v    ", (b"x", b"v")),
    "mixed-space": (b"X: \t v \t ", (b"x", b"v")),
    "inner-space": (b"X: a  \t b", (b"x", b"a  \t b")),
    "empty": (b"X:", (b"x", b"")),
    "only-space": (b"X: \t ", (b"x", b"")),
    "colons": (b"X: a:b: c:", (b"x", b"a:b: c:")),
    "latin-1": (b"X: caf\xe9", (b"x", b"caf\xe9")),
    "utf-8": ("X: \u20ac".encode(), (b"x", "\u20ac".encode())),
    "next-line-byte": (b"X: a\x85b: c", (b"x", b"a\x85b: c")),
    "next-line-byte-around": (b"X: \x85v\x85", (b"x", b"\x85v\x85")),
    "nbsp-around": (b"X: \xa0v\xa0", (b"x", b"\xa0v\xa0")),
    "byte-ff": (b"X: \xff\xfe", (b"x", b"\xff\xfe")),
    "quotes": (b'X: "a\\"b"', (b"x", b'"a\\"b"')),
    "comma-list": (b"X: a,,b ,", (b"x", b"a,,b ,")),
}

NAMES: dict[str, tuple[bytes, tuple[bytes, bytes]]] = {
    "upper-case": (b"X-UPPER: V", (b"x-upper", b"V")),
    "all-token-characters": (b"!#$%&'*+-.^_`|~09azAZ: v", (b"!#$%&'*+-.^_`|~09azaz", b"v")),
    "underscore": (b"X_Forwarded_For: 192.0.2.1", (b"x_forwarded_for", b"192.0.2.1")),
    "digit-first": (b"1: v", (b"1", b"v")),
    "long": (b"N" * 300 + b": v", (b"n" * 300, b"v")),
}

BAD_NAMES = {
    "space-before-colon": b"X : v",
    "tab-before-colon": b"X\t: v",
    "spaces-before-colon": b"X   : v",
    "vertical-tab-before-colon": b"X\x0b: v",
    "nbsp-before-colon": b"X\xa0: v",
    "no-colon": b"X v",
    "word": b"X",
    "empty": b": v",
    "only-colon": b":",
    "space-inside": b"X Y: v",
    "nul": b"X\0: v",
    "control": b"X\x01: v",
    "escape": b"\x1bX: v",
    "del": b"X\x7f: v",
    "8-bit": b"X\xe9: v",
    "utf-8": "\u20ac: v".encode(),
    "next-line-byte": b"X\x85: v",
    "file-separator": b"X\x1c: v",
    "bracket": b"X(y): v",
    "slash": b"X/Y: v",
    "at": b"X@Y: v",
    "quote": b'"X": v',
    "equals": b"X=y: v",
    "semicolon": b"X;y: v",
    "comma": b"X,Y: v",
    "braces": b"{X}: v",
    "backslash": b"X\\Y: v",
    "question-mark": b"X?: v",
    "angle": b"<X>: v",
    "square-bracket": b"[X]: v",
    "second-request-line": b"GET / HTTP/1.1",
}

BAD_VALUES = {
    **{
        f"control-{byte:02x}": b"X: a%cb" % byte
        for byte in (0x00, 0x01, 0x07, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F)
    },
    "nul-first": b"X: \0v",
    "nul-last": b"X: v\0",
    "only-nul": b"X: \0",
    "form-feed-last": b"X: v\x0c",
    "vertical-tab-first": b"X:\x0bv",
}

LINE_ENDS = {
    "bare-lf-after-host": b"GET / HTTP/1.1\r\nHost: t\nX: v\r\n\r\n",
    "bare-lf-in-value": get(b"X: a\nY: b"),
    "bare-lf-last": b"GET / HTTP/1.1\r\nHost: t\n\r\n",
    "bare-lf-empty-line": b"GET / HTTP/1.1\r\nHost: t\r\n\n",
    "bare-lf-twice": b"GET / HTTP/1.1\r\nHost: t\r\nX: v\n\n",
    "bare-cr-in-value": get(b"X: a\rb"),
    "bare-cr-then-header": get(b"X: a\rTransfer-Encoding: chunked"),
    "bare-cr-first": get(b"X:\rv"),
    "bare-cr-last": get(b"X: v\r"),
    "bare-cr-before-name": get(b"\rX: v"),
    "bare-cr-in-name": get(b"X\rY: v"),
    "bare-cr-before-colon": get(b"X\r: v"),
    "cr-cr-lf": b"GET / HTTP/1.1\r\nHost: t\r\r\n\r\n",
    "cr-cr-lf-empty-line": b"GET / HTTP/1.1\r\nHost: t\r\n\r\r\n",
    "cr-and-letter-instead-of-end": b"GET / HTTP/1.1\r\nHost: t\r\n\rX\r\n\r\n",
    "cr-and-header-instead-of-end": b"GET / HTTP/1.1\r\nHost: t\r\n\rTransfer-Encoding: chunked\r\n\r\n",
    "lf-cr": b"GET / HTTP/1.1\r\nHost: t\n\rX: v\r\n\r\n",
    "lf-before-name": get(b"\nX: v"),
}

FOLDED = {
    "space": get(b"X: a", b" b"),
    "tab": get(b"X: a", b"\tb"),
    "first-line-space": b"GET / HTTP/1.1\r\n Host: t\r\n\r\n",
    "first-line-tab": b"GET / HTTP/1.1\r\n\tHost: t\r\n\r\n",
    "only-space": get(b"X: a", b" "),
    "only-tab": get(b"X: a", b"\t"),
    "host": head(b"GET / HTTP/1.1", b"Host:", b" t"),
    "header-like": get(b"X: a", b" Y: b"),
    "after-empty": get(b"X:", b" v"),
    "form-feed": get(b"X: a", b"\x0cb"),
    "content-length": head(b"POST / HTTP/1.1", b"Host: t", b"Content-Length:", b" 5") + b"hello",
}


def cases() -> Iterator[Case]:
    for name, (line, field) in VALUES.items():
        yield served(f"value/{name}", "RFC 9110 5.5", get(line), Call(headers=(field,)))
    for name, (line, field) in NAMES.items():
        yield served(f"name/{name}", "RFC 9110 5.1", get(line), Call(headers=(field,)))
    yield served(
        "name/repeated",
        "RFC 9110 5.3",
        get(b"X: 1", b"Y: 2", b"x: 3", b"Cookie: a=1", b"Cookie: b=2"),
        Call(headers=((b"x", b"1"), (b"x", b"3"), (b"cookie", b"a=1"), (b"cookie", b"b=2"))),
    )
    yield from all_refused("name", "RFC 9112 5.1", {name: get(line) for name, line in BAD_NAMES.items()})
    yield from all_refused("value", "RFC 9110 5.5", {name: get(line) for name, line in BAD_VALUES.items()})
    yield from all_refused("line-end", "RFC 9112 2.2", LINE_ENDS)
    yield from all_refused("fold", "RFC 9112 5.2", FOLDED)
