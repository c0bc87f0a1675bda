"""Content-Length (RFC 9110 section 8.6, RFC 9112 section 6.3): there must be only one opinion on how long a body is."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, get, head, post, refused, served, waits

HELLO = Call("POST", body=b"hello")

INVALID = {
    "plus": b"+5",
    "minus": b"-5",
    "minus-zero": b"-0",
    "empty": b"",
    "only-space": b" \t ",
    "space-inside": b"5 5",
    "tab-inside": b"5\t5",
    "list-equal": b"5, 5",
    "list-equal-tight": b"5,5",
    "list-different": b"5, 6",
    "list-with-empty": b"5,",
    "list-first-empty": b",5",
    "hex": b"0x5",
    "hex-letters": b"a",
    "hex-suffix": b"5h",
    "octal": b"0o5",
    "binary": b"0b101",
    "underscore": b"1_0",
    "point": b"5.0",
    "exponent": b"5e0",
    "word": b"five",
    "quotes": b'"5"',
    "semicolon": b"5;",
    "percent": b"%35",
    "brackets": b"(5)",
    "arabic": "\u0665".encode(),
    "fullwidth": "\uff15".encode(),
    "superscript": b"\xb2",
    "nbsp": b"5\xa0",
    "nbsp-first": b"\xa05",
    "next-line-byte": b"5\x85",
    "vertical-tab": b"5\x0b",
    "form-feed": b"\x0c5",
    "file-separator": b"5\x1c",
    "nul": b"5\0",
    "infinity": b"inf",
    "not-a-number": b"nan",
    "none": b"None",
    "2p63": b"9223372036854775808",
    "2p64": b"18446744073709551616",
    "2p64-and-5": b"18446744073709551621",
    "2p32-and-5-in-33-digits": b"1" + b"0" * 27 + b"00005",
    "5000-digits": b"9" * 5000,
    "signed-list": b"5, +5",
}

REPEATED = {
    "different": (b"Content-Length: 5", b"Content-Length: 6"),
    "different-reversed": (b"Content-Length: 6", b"Content-Length: 5"),
    "zero-and-five": (b"Content-Length: 0", b"Content-Length: 5"),
    "five-and-empty": (b"Content-Length: 5", b"Content-Length:"),
    "different-case": (b"Content-Length: 5", b"CONTENT-LENGTH: 6"),
    "different-apart": (b"Content-Length: 5", b"X: v", b"content-length: 6"),
    "same-value-other-digits": (b"Content-Length: 5", b"Content-Length: 05"),
    "same": (b"Content-Length: 5", b"Content-Length: 5"),
    "space-before-colon": (b"Content-Length : 5",),
    "space-before-colon-and-right": (b"Content-Length: 5", b"Content-Length : 6"),
}


def valid() -> Iterator[Case]:
    yield served("length/body", "RFC 9112 6.2", post(b"Content-Length: 5", body=b"hello"), HELLO)
    yield served("length/zero", "RFC 9112 6.2", post(b"Content-Length: 0"), Call("POST"))
    yield served("length/zeros", "RFC 9110 8.6", post(b"Content-Length: 000"), Call("POST"))
    yield served("length/zeros-before", "RFC 9110 8.6", post(b"Content-Length: 0005", body=b"hello"), HELLO)
    yield served("length/tab-around", "RFC 9110 5.5", post(b"Content-Length:\t5\t", body=b"hello"), HELLO)
    yield served("length/left-out", "RFC 9112 6.3", post(), Call("POST"))
    yield served("length/get", "RFC 9110 9.3.1", get(b"Content-Length: 5") + b"hello", Call(body=b"hello"))
    yield served(
        "length/delete",
        "RFC 9110 9.3.5",
        head(b"DELETE / HTTP/1.1", b"Host: t", b"Content-Length: 5") + b"hello",
        Call("DELETE", body=b"hello"),
    )
    yield served(
        "length/head",
        "RFC 9110 9.3.2",
        head(b"HEAD / HTTP/1.1", b"Host: t", b"Content-Length: 5") + b"hello" + get(target=b"/2"),
        Call("HEAD", body=b"hello"),
        Call(path="/2"),
    )
    yield served(
        "length/http-1.0",
        "RFC 9112 6.3",
        head(b"POST / HTTP/1.0", b"Content-Length: 5") + b"hello",
        Call("POST", body=b"hello", http_version="1.0"),
        closes=True,
    )
    body = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
    yield served(
        "length/body-looks-like-a-request",
        "RFC 9112 6.2",
        post(b"Content-Length: %d" % len(body), body=body) + get(target=b"/2"),
        Call("POST", body=body),
        Call(path="/2"),
    )
    every_byte = bytes(range(256))
    yield served(
        "length/every-byte",
        "RFC 9112 6.2",
        post(b"Content-Length: 256", body=every_byte),
        Call("POST", body=every_byte),
    )
    yield served(
        "length/underscore-is-another-field",
        "RFC 9110 5.1",
        post(b"Content_Length: 5") + get(target=b"/2"),
        Call("POST", headers=((b"content_length", b"5"),), absent=(b"content-length",)),
        Call(path="/2"),
    )
    yield served(
        "length/large",
        "RFC 9112 6.2",
        post(b"Content-Length: 200000", body=b"x" * 200_000),
        Call("POST", body=b"x" * 200_000),
    )


def unfinished() -> Iterator[Case]:
    yield waits("length/short", "RFC 9112 6.3", post(b"Content-Length: 5", body=b"hell"), in_body=True)
    yield waits(
        "length/longest", "RFC 9110 8.6", post(b"Content-Length: 999999999999999999", body=b"hello"), in_body=True
    )
    short = post(b"Content-Length: 5", body=b"hell")
    yield Case("length/end-in-body", "RFC 9112 8", short, (), closes=True, eof=True, in_body=True)


def cases() -> Iterator[Case]:
    yield from valid()
    yield from unfinished()
    for name, value in INVALID.items():
        yield refused(f"length/{name}", "H-12", post(b"Content-Length: " + value, body=b"hello"))
    repeated = {name: post(*lines, body=b"hello") for name, lines in REPEATED.items()}
    yield from all_refused("length-repeated", "RFC 9112 6.3", repeated)
