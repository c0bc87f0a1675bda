"""The small parts alone: masks, frames, messages, close codes."""

import os
import sys

import pytest

from esg_ws.frames import WebSocketError, close_payload, control, head, may_be_sent, read_long_length
from esg_ws.masking import _fastest, unmask, unmask_in_python
from esg_ws.parts import TOGETHER, Parts, TextParts, held_size
from tests.support.ws.frames import masked


@pytest.mark.parametrize("function", [unmask, unmask_in_python])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 15, 16, 17, 1000, 65_537])
def test_masks_are_taken_off(function: object, kind: type, size: int) -> None:
    """RFC 6455 section 5.3."""
    data, mask = os.urandom(size), os.urandom(4)
    assert callable(function)
    assert function(kind(masked(data, mask)), mask) == data


def test_without_the_c_code_of_websockets_masks_are_taken_off_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unmask is _fastest() is not unmask_in_python
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    assert _fastest() is unmask_in_python


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "8100"), (125, "817d"), (126, "817e007e"), (65535, "817effff"), (65536, "817f0000000000010000")],
)
def test_heads(size: int, expected: str) -> None:
    """RFC 6455 section 5.2: the shortest form."""
    assert head(0x81, size).hex() == expected


def test_control_frames() -> None:
    assert control(0x9, b"hi") == b"\x89\x02hi"
    assert close_payload(1005, "never sent") == b""
    assert close_payload(1000, "") == b"\x03\xe8"
    assert close_payload(1000, "\ud800") == b"\x03\xe8?"
    assert len(close_payload(1000, "é" * 100)) == 2 + 122


def test_codes_that_may_be_sent() -> None:
    """RFC 6455 section 7.4 and the registry."""
    sent = [code for code in range(6000) if may_be_sent(code)]
    assert sent == [1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)]


@pytest.mark.parametrize("available", range(8))
def test_a_length_that_is_not_all_there(available: int) -> None:
    assert read_long_length(127, b"\x81\xff" + bytes(available), 2) is None
    if available < 2:
        assert read_long_length(126, b"\x81\xfe" + bytes(available), 2) is None


def test_long_lengths() -> None:
    assert read_long_length(126, b"\x81\xfe\x00\x7e", 2) == (126, 4)
    assert read_long_length(127, b"\x81\xff" + (65536).to_bytes(8, "big"), 2) == (65536, 10)
    with pytest.raises(WebSocketError):
        read_long_length(126, b"\x81\xfe\x00\x7d", 2)


@pytest.mark.parametrize("count", [0, 1, 2, TOGETHER - 1, TOGETHER, TOGETHER * 2 + 1])
def test_parts_are_put_together(count: int) -> None:
    texts, blobs = TextParts(), Parts()
    for number in range(count):
        for parts in (texts, blobs):
            assert parts.add(b"%d" % (number % 10), False) == 1
            assert parts.add(b"", False) == 0
    expected = "".join(str(number % 10) for number in range(count))
    assert texts.whole() == expected
    assert blobs.whole() == expected.encode()


@pytest.mark.parametrize("end", [False, True])
def test_a_text_is_refused_at_the_first_part_that_is_wrong(end: bool) -> None:
    """RFC 6455 section 8.1; a character may be cut anywhere except at the end."""
    parts = TextParts()
    assert [parts.add(b"\xe2\x82", False), parts.add(b"\xac", False)] == [0, 4]
    with pytest.raises(UnicodeDecodeError):
        parts.add(b"\xe2\x82" if end else b"\xff", end)


def test_what_a_message_takes_in_memory() -> None:
    """At most: one wide character makes the whole text wide."""
    for message in ("a" * 1000, "a" * 1000 + "\U0001f600", "\u6f22" * 1000, bytes(1000)):
        overhead = sys.getsizeof(message[:0])
        assert sys.getsizeof(message) - overhead <= held_size(message) + 32
        assert len(message) <= held_size(message) <= 4 * len(message)
