"""The chunked coding (RFC 9112 section 7.1): sizes, extensions, line ends, trailers."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, chunked, get, refused, served, waits

HELLO = b"hello"

VALID: dict[str, tuple[bytes, bytes]] = {
    "one": (b"5\r\nhello\r\n0\r\n\r\n", HELLO),
    "two": (b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", HELLO),
    "empty": (b"0\r\n\r\n", b""),
    "upper-case-hex": (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "lower-case-hex": (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "two-digits": (b"1F\r\n" + b"x" * 31 + b"\r\n0\r\n\r\n", b"x" * 31),
    "zeros-before": (b"0005\r\nhello\r\n0\r\n\r\n", HELLO),
    "zeros-last": (b"5\r\nhello\r\n0000\r\n\r\n", HELLO),
    "line-ends-in-data": (b"9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n\r\n"),
    "request-in-data": (b"12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
    "single-bytes": (b"".join(b"1\r\n%c\r\n" % byte for byte in b"x" * 1000) + b"0\r\n\r\n", b"x" * 1000),
    "every-byte": (b"100\r\n" + bytes(range(256)) + b"\r\n0\r\n\r\n", bytes(range(256))),
    "large": (b"186a0\r\n" + b"y" * 100_000 + b"\r\n0\r\n\r\n", b"y" * 100_000),
    "extension": (b"5;a\r\nhello\r\n0\r\n\r\n", HELLO),
    "extension-value": (b"5;a=b\r\nhello\r\n0\r\n\r\n", HELLO),
    "extension-quoted": (b'5;a="b c;d"\r\nhello\r\n0\r\n\r\n', HELLO),
    "extension-quoted-pair": (b'5;a="b\\"c"\r\nhello\r\n0\r\n\r\n', HELLO),
    "extension-quoted-latin-1": (b'5;a="\xe9"\r\nhello\r\n0\r\n\r\n', HELLO),
    "extension-quoted-empty": (b'5;a=""\r\nhello\r\n0\r\n\r\n', HELLO),
    "extensions": (b"5;a;b=c;d\r\nhello\r\n0;e\r\n\r\n", HELLO),
    "extension-space": (b"5 ; a = b\r\nhello\r\n0\r\n\r\n", HELLO),
    "extension-tab": (b"5\t;\ta\r\nhello\r\n0\r\n\r\n", HELLO),
    "extension-of-last": (b"5\r\nhello\r\n0;a=b\r\n\r\n", HELLO),
    "extension-of-200-bytes": (b"5;a=" + b"b" * 200 + b"\r\nhello\r\n0\r\n\r\n", HELLO),
}

BAD_SIZES = {
    "empty": b"",
    "letter": b"g",
    "word": b"five",
    "hex-prefix": b"0x5",
    "hex-prefix-upper-case": b"0X5",
    "plus": b"+5",
    "minus": b"-5",
    "minus-zero": b"-0",
    "underscore": b"0_5",
    "point": b"5.",
    "comma": b"5,",
    "space-before": b" 5",
    "tab-before": b"\t5",
    "space-after": b"5 ",
    "tab-after": b"5\t",
    "space-inside": b"0 5",
    "suffix-h": b"5h",
    "exponent": b"5p1",
    "quotes": b'"5"',
    "brackets": b"{5}",
    "percent": b"%35",
    "arabic": "\u0665".encode(),
    "fullwidth": "\uff15".encode(),
    "nbsp": b"5\xa0",
    "next-line-byte": b"5\x85",
    "vertical-tab": b"5\x0b",
    "form-feed": b"\x0c5",
    "nul": b"5\0",
    "nul-first": b"\x005",
    "2p64": b"10000000000000000",
    "2p64-and-5": b"10000000000000005",
    "2p63": b"8000000000000000",
    "all-bits": b"ffffffffffffffff",
    "2p128-and-5": b"1" + b"0" * 31 + b"5",
    "5000-digits": b"f" * 5000,
    "5000-zeros": b"0" * 5000 + b"5",
    "colon": b"5:a",
}

BAD_EXTENSIONS = {
    "nul": b"5;a=\0",
    "control": b"5;a=\x01",
    "escape": b"5;\x1b[31m",
    "del": b"5;a=\x7f",
    "bare-cr": b"5;a\rb",
    "bare-cr-then-chunk": b"5;\r0",
    "bare-cr-last": b"5;a\r",
    "bare-lf": b"5;a\nb",
    "lf-in-quotes": b'5;a="\n"',
    "line-end-in-quotes": b'5;a="\r\n"',
    "cr-in-quotes": b'5;a="\r"',
    "nul-in-quotes": b'5;a="\0"',
    "vertical-tab": b"5\x0b;a",
    "of-4-kilobytes": b"5;a=" + b"b" * 5000,
    "of-64-kilobytes": b"5;a=" + b"b" * 70_000,
}

BAD_FRAMING = {
    "size-bare-lf": b"5\nhello\r\n0\r\n\r\n",
    "size-bare-cr": b"5\rhello\r\n0\r\n\r\n",
    "size-cr-cr-lf": b"5\r\r\nhello\r\n0\r\n\r\n",
    "size-lf-lf": b"5\r\n\nhello\r\n0\r\n\r\n",
    "data-too-long": b"5\r\nhello!\r\n0\r\n\r\n",
    "data-too-short": b"5\r\nhell\r\n0\r\n\r\n",
    "data-end-missing": b"5\r\nhello0\r\n\r\n",
    "data-end-two-letters": b"5\r\nhelloXX0\r\n\r\n",
    "data-end-bare-lf": b"5\r\nhello\n0\r\n\r\n",
    "data-end-bare-cr": b"5\r\nhello\r0\r\n\r\n",
    "data-end-lf-cr": b"5\r\nhello\n\r0\r\n\r\n",
    "data-end-cr-letter": b"5\r\nhello\rX0\r\n\r\n",
    "data-end-space": b"5\r\nhello \r\n0\r\n\r\n",
    "data-end-twice": b"5\r\nhello\r\n\r\n0\r\n\r\n",
    "last-bare-lf": b"5\r\nhello\r\n0\n\r\n",
    "last-bare-cr": b"5\r\nhello\r\n0\r\r\n",
    "last-lf-lf": b"5\r\nhello\r\n0\n\n",
    "end-two-letters": b"5\r\nhello\r\n0\r\nXX\r\n\r\n",
    "end-bare-lf": b"5\r\nhello\r\n0\r\n\n",
    "end-cr-letter": b"5\r\nhello\r\n0\r\n\rX",
    "no-chunks": b"hello",
    "request-instead": b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n",
}

TRAILERS: dict[str, bytes] = {
    "one": b"X-Trailer: v\r\n",
    "two": b"X-Trailer: v\r\nY: w\r\n",
    "empty-value": b"X-Trailer:\r\n",
    "content-length": b"Content-Length: 100\r\n",
    "transfer-encoding": b"Transfer-Encoding: chunked\r\n",
    "host": b"Host: other\r\n",
    "authorization": b"Authorization: Basic YTpi\r\n",
    "connection-close": b"Connection: close\r\n",
    "like-a-chunk": b"X: 0\r\n",
}

BAD_TRAILERS = {
    "no-colon": b"X-Trailer\r\n",
    "empty-name": b": v\r\n",
    "space-before-colon": b"X : v\r\n",
    "space-first": b" X: v\r\n",
    "folded": b"X: v\r\n w\r\n",
    "nul-in-value": b"X: \0\r\n",
    "nul-in-name": b"X\0: v\r\n",
    "control": b"X: \x01\r\n",
    "bare-cr": b"X: a\rb\r\n",
    "bare-cr-last": b"X: a\r\r\n",
    "bare-lf": b"X: a\nY: b\r\n",
    "bare-lf-end": b"X: a\n",
    "8-bit-name": b"\xe9: v\r\n",
    "bracket-in-name": b"X(: v\r\n",
    "chunk": b"5\r\nhello\r\n",
    "request": b"GET /smuggled HTTP/1.1\r\nHost: t\r\n",
}


def bad_data(name: str, rule: str, body: bytes, status: int = 400) -> Case:
    return refused(name, rule, chunked(body), status, in_body=True)


def valid() -> Iterator[Case]:
    for name, (coded, body) in VALID.items():
        data = chunked(coded) + get(target=b"/2")
        yield served(f"chunk/{name}", "RFC 9112 7.1", data, Call("POST", body=body), Call(path="/2"))
    for name, lines in TRAILERS.items():
        field = lines.partition(b":")[0].lower()
        absent = () if field in (b"host", b"transfer-encoding") else (field,)
        call = Call("POST", body=HELLO, headers=((b"host", b"t"), (b"transfer-encoding", b"chunked")), absent=absent)
        data = chunked(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n") + get(target=b"/2")
        yield served(f"trailer/{name}", "H-13", data, call, Call(path="/2"))


def unfinished() -> Iterator[Case]:
    for name, body in {
        "no-chunk-yet": b"",
        "no-data-yet": b"5\r\n",
        "half-a-chunk": b"5\r\nhel",
        "no-last-chunk": b"5\r\nhello\r\n",
        "no-last-line-end": b"5\r\nhello\r\n0\r\n",
        "half-a-last-line-end": b"5\r\nhello\r\n0\r\n\r",
        "half-a-trailer": b"5\r\nhello\r\n0\r\nX: ",
        "huge-chunk-begun": b"fffffffff\r\nhello",
    }.items():
        yield waits(f"chunk/{name}", "RFC 9112 8", chunked(body), in_body=True)
        yield Case(f"chunk/{name}-and-end", "RFC 9112 8", chunked(body), (), closes=True, eof=True, in_body=True)


def cases() -> Iterator[Case]:
    yield from valid()
    yield from unfinished()
    for name, size in BAD_SIZES.items():
        yield bad_data(f"chunk-size/{name}", "RFC 9112 7.1", size + b"\r\nhello\r\n0\r\n\r\n")
    for name, line in BAD_EXTENSIONS.items():
        yield bad_data(f"chunk-extension/{name}", "RFC 9112 7.1.1", line + b"\r\nhello\r\n0\r\n\r\n")
    for name, body in BAD_FRAMING.items():
        yield bad_data(f"chunk/{name}", "RFC 9112 7.1", body)
    for name, lines in BAD_TRAILERS.items():
        yield bad_data(f"trailer/{name}", "RFC 9112 7.1.2", b"5\r\nhello\r\n0\r\n" + lines + b"\r\n")
    amplified = b"".join(b"1;a=%b\r\nx\r\n" % (b"b" * 1000) for _ in range(200)) + b"0\r\n\r\n"
    yield bad_data("chunk-extension/amplification", "H-20", amplified, 431)
    long_trailers = b"0\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"v" * 1000) for n in range(100)) + b"\r\n"
    yield bad_data("trailer/too-large", "H-20", long_trailers, 431)
    yield bad_data("trailer/one-too-large", "H-20", b"0\r\nX: " + b"v" * 70_000 + b"\r\n\r\n", 431)
