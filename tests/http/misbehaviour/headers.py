"""Response headers that are invalid, and some that look odd but are valid."""

from collections.abc import Iterator

from tests.http.misbehaviour.case import (
    ANSWERED,
    SERVED,
    Misbehaviour,
    body,
    length,
    sends,
    start,
)


def cases() -> Iterator[Misbehaviour]:
    for name, headers in {
        "none": None,
        "int": 5,
        "text": "x: y",
        "bytes": b"x: y",
        "dict": {b"x": b"y"},
        "dict-of-two-bytes": {b"xy": b"z"},
        "name-text": [("x", b"y")],
        "value-text": [(b"x", "y")],
        "both-text": [("x", "y")],
        "name-none": [(None, b"y")],
        "value-none": [(b"x", None)],
        "value-int": [(b"x", 5)],
        "name-bytearray": [(bytearray(b"x"), b"y")],
        "pair-of-three": [(b"x", b"y", b"z")],
        "pair-of-one": [(b"x",)],
        "pair-none": [None],
        "pair-bytes": [b"x"],
        "name-empty": [(b"", b"y")],
        "name-space": [(b"x y", b"z")],
        "name-space-last": [(b"x ", b"z")],
        "name-colon": [(b"x:", b"y")],
        "name-8-bit": [(b"\xe9", b"y")],
        "name-nul": [(b"x\0", b"y")],
        "name-line-end": [(b"x\r\ny", b"z")],
        "name-line-feed": [(b"x\n", b"z")],
        "name-slash": [(b"x/y", b"z")],
        "name-control": [(b"x\x1f", b"z")],
        "value-line-end": [(b"x", b"y\r\nset-cookie: a=b")],
        "value-line-feed": [(b"x", b"y\nset-cookie: a=b")],
        "value-carriage-return": [(b"x", b"y\rz")],
        "value-line-end-last": [(b"x", b"y\r\n")],
        "value-line-end-first": [(b"x", b"\r\ny")],
        "value-body": [(b"x", b"y\r\n\r\n<script>")],
        "value-nul": [(b"x", b"y\0z")],
        "second-of-two": [(b"x", b"y"), (b"z", b"a\r\nb")],
        "server-line-end": [(b"server", b"y\r\nx: z")],
        "date-line-end": [(b"date", b"y\r\nx: z")],
        "connection-text": [(b"connection", "close")],
        "length-text": length("5"),
        "length-int": length(5),
        "length-empty": length(b""),
        "length-word": length(b"five"),
        "length-minus": length(b"-5"),
        "length-plus": length(b"+5"),
        "length-list": length(b"5, 5"),
        "length-point": length(b"5.0"),
        "length-hex": length(b"0x5"),
        "length-long": length(b"9" * 30),
        "length-arabic": length("\u0665".encode()),
        "length-twice": length(b"5") * 2,
        "length-twice-different": length(b"5") + length(b"6"),
        "length-twice-other-case": [*length(b"5"), (b"Content-Length", b"6")],
        "length-line-end": length(b"5\r\n"),
    }.items():
        yield Misbehaviour(
            f"headers/{name}", sends(start(headers=headers), body(b"hello")), ANSWERED, "header|content-length"
        )
    for name, fine in {
        "tuple": ((b"x", b"y"),),
        "lists": [[b"x", b"y"]],
        "generator": (pair for pair in [(b"x", b"y")]),
        "upper-case": [(b"X-Y", b"Z")],
        "empty-value": [(b"x", b"")],
        "latin-1-value": [(b"x", b"caf\xe9")],
        "transfer-encoding": [(b"transfer-encoding", b"chunked")],
        "transfer-encoding-and-length": [*length(b"3"), (b"transfer-encoding", b"chunked")],
        "transfer-encoding-gzip": [(b"Transfer-Encoding", b"gzip")],
        "hop-by-hop": [(b"connection", b"x"), (b"keep-alive", b"timeout=5")],
    }.items():
        app = sends(start(headers=fine), body(b"hello"))
        yield Misbehaviour(f"headers/{name}-is-fine", app, SERVED, "", body=b"hello")
    missing = sends({"type": "http.response.start", "status": 200}, body(b"hello"))
    yield Misbehaviour("headers/missing-is-fine", missing, SERVED, "", body=b"hello")
