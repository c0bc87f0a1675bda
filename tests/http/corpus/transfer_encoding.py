"""Transfer-Encoding (RFC 9112 sections 6.1 and 6.3): the field that smuggling relies on."""

from collections.abc import Iterator

from tests.http.corpus.case import Call, Case, all_refused, chunked, get, head, post, refused, served

BODY = b"5\r\nhello\r\n0\r\n\r\n"
HELLO = Call("POST", body=b"hello")

SPELLINGS = {
    "lower-case": b"Transfer-Encoding: chunked",
    "upper-case": b"TRANSFER-ENCODING: CHUNKED",
    "mixed-case": b"Transfer-Encoding: cHuNkEd",
    "no-space": b"Transfer-Encoding:chunked",
    "spaces-around": b"Transfer-Encoding:   chunked  ",
    "tab-before": b"Transfer-Encoding:\tchunked",
    "tab-after": b"Transfer-Encoding: chunked\t",
}

NOT_CHUNKED_LAST = {
    "empty": b"",
    "only-space": b" ",
    "identity": b"identity",
    "gzip": b"gzip",
    "chunked-then-gzip": b"chunked, gzip",
    "chunked-then-identity": b"chunked, identity",
    "chunked-twice": b"chunked, chunked",
    "chunked-twice-tight": b"chunked,chunked",
    "chunked-gzip-chunked": b"chunked, gzip, chunked",
    "trailing-comma": b"chunked,",
    "trailing-comma-space": b"chunked , ",
    "only-comma": b",",
    "parameter": b"chunked;q=1",
    "parameter-empty": b"chunked;",
    "quotes": b'"chunked"',
    "single-quotes": b"'chunked'",
    "prefix": b"xchunked",
    "suffix": b"chunkedx",
    "short": b"chunke",
    "hyphen": b"x-chunked",
    "space-inside": b"chun ked",
    "two-words": b"chunked foo",
    "words-chunked-last": b"foo chunked",
    "colon": b": chunked",
    "null-word": b"null",
    "zero": b"0",
    "brackets": b"[chunked]",
    "kelvin-sign": "chun\u212aed".encode(),
    "long-s": "chunked\u017f".encode(),
    "fullwidth": "\uff43hunked".encode(),
    "latin-1": b"chunk\xe9d",
    "nbsp-before": b"\xa0chunked",
    "nbsp-after": b"chunked\xa0",
    "next-line-byte-before": b"\x85chunked",
    "next-line-byte-after": b"chunked\x85",
    "ff-byte": b"\xffchunked",
    "percent": b"%63hunked",
    "backslash": b"\\chunked",
    "equals": b"chunked=",
}

UNKNOWN_CODINGS = {
    "gzip-then-chunked": b"gzip, chunked",
    "identity-then-chunked": b"identity, chunked",
    "deflate-gzip-chunked": b"deflate, gzip, chunked",
    "unknown-then-chunked": b"foo, chunked",
}

CONTROL_BYTES = {
    f"control-{byte:02x}-{place}": post(b"Transfer-Encoding: " + value, body=BODY)
    for byte in (0x00, 0x01, 0x0B, 0x0C, 0x1C, 0x7F)
    for place, value in {"before": b"%cchunked" % byte, "after": b"chunked%c" % byte}.items()
}

FIELDS = {
    "two-fields-chunked-twice": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "two-fields-chunked-first": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "two-fields-other-case": (b"Transfer-Encoding: chunked", b"transfer-encoding: gzip"),
    "two-fields-second-empty": (b"Transfer-Encoding: chunked", b"Transfer-Encoding:"),
    "space-before-colon": (b"Transfer-Encoding : chunked",),
    "tab-before-colon": (b"Transfer-Encoding\t: chunked",),
    "vertical-tab-before-colon": (b"Transfer-Encoding\x0b: chunked",),
    "folded": (b"Transfer-Encoding:", b" chunked"),
    "folded-tab": (b"Transfer-Encoding:", b"\tchunked"),
    "folded-after-identity": (b"Transfer-Encoding: identity", b" , chunked"),
    "bare-lf-before": (b"X: v\nTransfer-Encoding: chunked",),
    "bare-cr-before": (b"X: v\rTransfer-Encoding: chunked",),
    "space-first": (b"X: v", b" Transfer-Encoding: chunked"),
    "nul-in-name": (b"Transfer\0-Encoding: chunked",),
}

WITH_LENGTH = {
    "length-first": (b"Content-Length: 15", b"Transfer-Encoding: chunked"),
    "length-last": (b"Transfer-Encoding: chunked", b"Content-Length: 15"),
    "length-zero": (b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "length-short": (b"Content-Length: 4", b"Transfer-Encoding: chunked"),
    "length-bad": (b"Content-Length: x", b"Transfer-Encoding: chunked"),
    "length-apart": (b"Content-Length: 15", b"X: v", b"Y: v", b"transfer-encoding: CHUNKED"),
    "identity": (b"Content-Length: 15", b"Transfer-Encoding: identity"),
    "gzip-and-chunked": (b"Content-Length: 15", b"Transfer-Encoding: gzip, chunked"),
    "length-twice": (b"Content-Length: 15", b"Content-Length: 15", b"Transfer-Encoding: chunked"),
    "empty": (b"Content-Length: 15", b"Transfer-Encoding:"),
}


def valid() -> Iterator[Case]:
    for name, line in SPELLINGS.items():
        value = line.partition(b":")[2].strip()
        call = Call("POST", body=b"hello", headers=((b"transfer-encoding", value),))
        yield served(f"coding/{name}", "RFC 9112 7", post(line, body=BODY), call)
    yield served("coding/get", "RFC 9110 9.3.1", get(b"Transfer-Encoding: chunked") + BODY, Call(body=b"hello"))
    yield served(
        "coding/underscore-is-another-field",
        "RFC 9110 5.1",
        post(b"Transfer_Encoding: chunked") + get(target=b"/2"),
        Call("POST", absent=(b"transfer-encoding",)),
        Call(path="/2"),
    )
    yield served(
        "coding/te-is-another-field",
        "RFC 9110 10.1.4",
        post(b"TE: chunked, trailers", b"Content-Length: 5", body=b"hello"),
        HELLO,
    )
    yield served(
        "coding/content-encoding-is-another-field",
        "RFC 9110 8.4",
        post(b"Content-Encoding: chunked", b"Content-Length: 5", body=b"hello"),
        Call("POST", body=b"hello", headers=((b"content-encoding", b"chunked"),)),
    )
    yield served(
        "coding/chunked-list-in-two-cases-of-header-order",
        "RFC 9112 7",
        chunked(BODY, b"X: v") + chunked(BODY),
        HELLO,
        HELLO,
    )


def cases() -> Iterator[Case]:
    yield from valid()
    refusals = {name: post(b"Transfer-Encoding: " + value, body=BODY) for name, value in NOT_CHUNKED_LAST.items()}
    yield from all_refused("coding", "RFC 9112 6.3", refusals)
    for name, value in UNKNOWN_CODINGS.items():
        yield refused(f"coding/{name}", "RFC 9112 6.1", post(b"Transfer-Encoding: " + value, body=BODY), 501)
    two_fields = post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=BODY)
    yield refused("coding/two-fields-gzip-then-chunked", "RFC 9112 6.1", two_fields, 501)
    yield from all_refused("coding", "RFC 9110 5.5", CONTROL_BYTES)
    yield from all_refused("coding", "RFC 9112 6.3", {name: post(*lines, body=BODY) for name, lines in FIELDS.items()})
    both = {name: post(*lines, body=BODY) for name, lines in WITH_LENGTH.items()}
    yield from all_refused("coding-and-length", "RFC 9112 6.3", both)
    old = {
        "chunked": head(b"POST / HTTP/1.0", b"Host: t", b"Transfer-Encoding: chunked") + BODY,
        "keep-alive": head(b"POST / HTTP/1.0", b"Connection: keep-alive", b"Transfer-Encoding: chunked") + BODY,
        "identity": head(b"POST / HTTP/1.0", b"Transfer-Encoding: identity") + BODY,
        "and-length": head(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked", b"Content-Length: 15") + BODY,
    }
    yield from all_refused("coding-1.0", "RFC 9112 6.1", old)
