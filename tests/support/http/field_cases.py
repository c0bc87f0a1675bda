"""What a parser of HTTP/1.1 header fields must do to be usable in ESG, as cases.

The contract is one function, `parse_fields(block) -> headers`:

* `block` holds the field lines of a request head, without the empty line after them; it may be empty. The caller has
  checked them: every line ends in CRLF, none is folded, names are tokens, values have no control byte but the tab.
* The result has the fields in order, including repeated ones: names in lower case, values without surrounding spaces
  and tabs, and nothing else changed, merged, dropped or added, whatever the fields mean.
* It raises nothing: syntax is checked before, and the meaning of the fields together is judged after.
"""

from esg_core.asgi import Headers

FieldCase = tuple[bytes, Headers]
"""A block of field lines, and what a parser must make of it."""


def _syntax() -> dict[str, FieldCase]:
    """How fields are written."""
    token = b"!#$%&'*+-.^_`|~0189AZaz"
    visible = bytes((*range(0x21, 0x7F), *range(0x80, 0x100)))
    text = visible + b"\t " + visible
    many = [(b"x-%d" % number, b"%d" % number) for number in range(130)]
    return {
        "no fields": (b"", []),
        "names in lower case": (b"X-Some-NAME: Value\r\n", [(b"x-some-name", b"Value")]),
        "every character of a name": (token + b": v\r\n", [(token.lower(), b"v")]),
        "every character of a value": (b"X: " + text + b"\r\n", [(b"x", text)]),
        "spaces and tabs around a value": (b"A: \t v w\t \r\nB:v\r\n", [(b"a", b"v w"), (b"b", b"v")]),
        "a tab after a value": (b"A: v\t\r\n", [(b"a", b"v")]),
        "spaces inside a value": (b"A: v  \t  w\r\n", [(b"a", b"v  \t  w")]),
        "empty values": (b"A:\r\nB: \t \r\n", [(b"a", b""), (b"b", b"")]),
        "bytes that only text is stripped of": (b"A: \xa0\x85v\x85\xa0\r\n", [(b"a", b"\xa0\x85v\x85\xa0")]),
        "colons in a value": (b"A: b:c: d\r\nB::\r\n", [(b"a", b"b:c: d"), (b"b", b":")]),
        "130 fields": (_block(many), many),
        "a name of 1,000 bytes": (b"N" * 1000 + b": v\r\n", [(b"n" * 1000, b"v")]),
        "a value of 60,000 bytes": (b"A: " + b"v" * 60_000 + b"\r\n", [(b"a", b"v" * 60_000)]),
        "a value longer than 16 bits can say": (b"A: " + b"v" * 70_000 + b"\r\n", [(b"a", b"v" * 70_000)]),
    }


def _meaning() -> dict[str, FieldCase]:
    """Fields that parsers tend to act on: here they are just names and values, valid or not."""
    cases: dict[str, list[tuple[bytes, bytes]]] = {
        "repeated fields in order": [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"a", b"1")],
        "underscores are not hyphens": [(b"content_length", b"x"), (b"transfer_encoding", b"y"), (b"x_y", b"z")],
        "two hosts": [(b"host", b"a"), (b"host", b"b")],
        "an empty host": [(b"host", b"")],
        "a host that is none": [(b"host", b"user@a b/c?d#e")],
        "a content-length": [(b"content-length", b"5")],
        "the longest content-length": [(b"content-length", b"9223372036854775807")],
        "a content-length beyond 64 bits": [(b"content-length", b"18446744073709551621")],
        "a content-length with zeros before it": [(b"content-length", b"0005")],
        "a content-length that is none": [(b"content-length", b"+5_0")],
        "an empty content-length": [(b"content-length", b"")],
        "the same content-length twice": [(b"content-length", b"5"), (b"content-length", b"5")],
        "two content-lengths": [(b"content-length", b"5"), (b"content-length", b"6")],
        "a list of equal content-lengths": [(b"content-length", b"5, 5")],
        "a list of content-lengths": [(b"content-length", b"5, 6")],
        "the chunked coding": [(b"transfer-encoding", b"chunked")],
        "the chunked coding in other letters": [(b"transfer-encoding", b"ChunKed")],
        "an unknown coding": [(b"transfer-encoding", b"gzip, x-unknown;q=1")],
        "chunked before another coding": [(b"transfer-encoding", b"chunked, gzip")],
        "an empty coding": [(b"transfer-encoding", b"")],
        "chunked twice": [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        "chunked and a content-length": [(b"transfer-encoding", b"chunked"), (b"content-length", b"5")],
        "a content-length and chunked": [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        "connection: close": [(b"connection", b"close"), (b"after", b"v")],
        "connection options of all kinds": [(b"connection", b"close, keep-alive"), (b"connection", b",")],
        "an upgrade": [(b"connection", b"upgrade"), (b"upgrade", b"foo/1"), (b"after", b"v")],
        "an upgrade to HTTP/2": [(b"connection", b"upgrade"), (b"upgrade", b"h2c"), (b"http2-settings", b"")],
        "an upgrade of a request with a body": [
            (b"connection", b"upgrade"),
            (b"upgrade", b"websocket"),
            (b"content-length", b"10"),
        ],
        "expect: 100-continue": [(b"expect", b"100-continue"), (b"content-length", b"1")],
        "fields of proxies": [(b"proxy-connection", b"close"), (b"keep-alive", b"timeout=5"), (b"trailer", b"host")],
    }
    return {name: (_block(headers), headers) for name, headers in cases.items()}


def _block(headers: Headers) -> bytes:
    return b"".join(b"%s: %s\r\n" % field for field in headers)


FIELD_CASES: dict[str, FieldCase] = {**_syntax(), **_meaning()}
