"""RFC 6455 sections 5 and 7, case by case, with both codecs (rules S-1, S-3, S-5)."""

import struct

import pytest

from esg_core.testing import pieces
from tests.support.ws.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close,
    deflated,
    fragments,
    frame,
    text,
)
from tests.support.ws.memory import CODECS, OFFER, Recorder, WebSocketServer, exchange

codecs = pytest.mark.parametrize("codec", CODECS)

SIZES = (0, 1, 2, 63, 64, 125, 126, 127, 128, 4095, 4096, 65535, 65536, 65537, 200_000)


def echoes(codec: str, *segments: bytes) -> list[bytes]:
    """The messages that come back; fails if the connection has been closed."""
    _, client = exchange(codec, segments)
    assert client.code is None
    return client.payloads


def failure(codec: str, *segments: bytes) -> int | None:
    """The code with which the server gives up; fails if the application gets another one, or the connection stays."""
    app, client = exchange(codec, segments)
    assert client.ended
    assert [code for code, _ in app.ends] == [client.code]
    return client.code


# Section 5.2: base framing.


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", SIZES)
def test_5_2_each_form_of_the_length(codec: str, opcode: int, size: int) -> None:
    payload = b"*" * size
    app, client = exchange(codec, [frame(opcode, payload)])
    assert client.payloads == [payload]
    assert app.received == [payload.decode() if opcode == TEXT else payload]
    assert [sent.first for sent in client.frames] == [0x80 | opcode]


@codecs
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 997])
def test_5_2_a_frame_in_any_pieces(codec: str, size: int, step: int) -> None:
    payload = bytes(index % 128 for index in range(size))
    if size < 1000 or step > 7:
        assert echoes(codec, *pieces(frame(TEXT, payload) + frame(BINARY, payload), step)) == [payload, payload]


@codecs
@pytest.mark.parametrize(
    "head",
    [
        bytes((0x81, 0xFE, 0, 5)),
        bytes((0x81, 0xFE, 0, 125)),
        bytes((0x82, 0xFF)) + struct.pack("!Q", 5),
        bytes((0x82, 0xFF)) + struct.pack("!Q", 65535),
        bytes((0x82, 0xFF)) + struct.pack("!Q", 1 << 63),
    ],
    ids=bytes.hex,
)
def test_5_2_a_length_takes_the_least_bytes(codec: str, head: bytes) -> None:
    """And the most significant bit of the longest form is 0."""
    assert failure(codec, head + bytes(4) + b"hello") == 1002


@codecs
@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
def test_5_2_reserved_bits_are_0(codec: str, opcode: int, rsv: int) -> None:
    payload = struct.pack("!H", 1000) if opcode == CLOSE else b"x"
    assert failure(codec, frame(opcode, payload, rsv=rsv)) == 1002


@codecs
@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_5_2_reserved_opcodes_fail(codec: str, opcode: int, payload: bytes) -> None:
    assert failure(codec, frame(opcode, payload)) == 1002


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8"])
def test_5_1_a_client_masks_each_frame(codec: str, opcode: int, payload: bytes) -> None:
    assert failure(codec, frame(opcode, payload, mask=None)) == 1002


@codecs
@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"], ids=bytes.hex)
@pytest.mark.parametrize("size", range(1, 10))
def test_5_3_any_mask(codec: str, mask: bytes, size: int) -> None:
    payload = b"abcdefghi"[:size]
    assert echoes(codec, frame(TEXT, payload, mask=mask), *pieces(frame(BINARY, payload, mask=mask))) == [
        payload,
        payload,
    ]


# Section 5.4: fragmentation.


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_5_4_a_message_in_every_two_and_three_fragments(codec: str, opcode: int) -> None:
    payload = "Grüße €".encode()
    cuts = [(one, two) for one in range(len(payload) + 1) for two in range(one, len(payload) + 1)]
    sent = [b"".join(fragments(opcode, payload[:one], payload[one:two], payload[two:])) for one, two in cuts]
    for segment in sent:
        assert echoes(codec, segment) == [payload]


@codecs
def test_5_4_fragments_in_segments_of_one_byte(codec: str) -> None:
    message = b"".join(fragments(TEXT, b"frag", b"", b"men", "tß".encode(), b""))
    assert echoes(codec, *pieces(message)) == ["fragmentß".encode()]


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_5_4_control_frames_may_come_between_fragments(codec: str, opcode: int) -> None:
    first, second, third = fragments(opcode, b"a", b"b", b"c")
    _, client = exchange(codec, [first + frame(PING, b"1") + second, frame(PONG, b"2") + frame(PING) + third])
    assert [(sent.opcode, sent.payload) for sent in client.frames] == [(PONG, b"1"), (PONG, b""), (opcode, b"abc")]


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
def test_5_4_a_new_message_waits_for_the_end_of_the_last(codec: str, opcode: int, fin: bool) -> None:
    assert failure(codec, frame(TEXT, b"a", fin=False), frame(opcode, b"b", fin=fin)) == 1002


@codecs
@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("before", [b"", text("whole"), b"".join(fragments(TEXT, b"a", b"b"))], ids=["", "one", "two"])
def test_5_4_a_continuation_continues_something(codec: str, fin: bool, before: bytes) -> None:
    assert failure(codec, before + frame(CONTINUATION, b"b", fin=fin)) == 1002


# Section 5.5: control frames.


@codecs
@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))], ids=len)
def test_5_5_2_a_ping_is_answered_with_its_payload(codec: str, payload: bytes) -> None:
    _, client = exchange(codec, pieces(frame(PING, payload), 3))
    assert [(sent.first, sent.payload) for sent in client.frames] == [(0x80 | PONG, payload)]


@codecs
def test_5_5_3_an_unsolicited_pong_is_ignored(codec: str) -> None:
    assert echoes(codec, frame(PONG, b"?"), frame(PONG), text("after")) == [b"after"]


@codecs
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("size", [126, 65536])
def test_5_5_control_frames_are_short(codec: str, opcode: int, size: int) -> None:
    """The server does not wait for the payload."""
    head_only = frame(opcode, bytes(size))[:10]
    assert failure(codec, head_only) == 1002


@codecs
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_5_5_control_frames_are_not_fragmented(codec: str, opcode: int) -> None:
    assert failure(codec, frame(opcode, b"\x03\xe8", fin=False)) == 1002


# Section 5.6 and 8.1: text is UTF-8.

GOOD = [
    "κόσμε",
    "\x00",
    "\x7f",
    "\x80",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\ufffd",
    "\uffff",
    "\U00010000",
    "\U0010ffff",
]
BAD = [
    b"\x80",
    b"\xbf",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xe2\x82",
    b"\xce\xba\xe1",
    b"ok\xc3",
]


@codecs
@pytest.mark.parametrize("content", GOOD, ids=ascii)
def test_8_1_text_in_whole_frames_fragments_and_drops(codec: str, content: str) -> None:
    payload = content.encode()
    sent = [frame(TEXT, payload), b"".join(fragments(TEXT, *pieces(payload))), *pieces(frame(TEXT, payload))]
    assert echoes(codec, *sent) == [payload] * 3


@codecs
@pytest.mark.parametrize("payload", BAD, ids=bytes.hex)
@pytest.mark.parametrize("way", ["whole", "fragments", "drops"])
def test_8_1_what_is_not_utf_8_fails(codec: str, payload: bytes, way: str) -> None:
    sent = {
        "whole": [frame(TEXT, payload)],
        "fragments": fragments(TEXT, *pieces(payload)),
        "drops": list(pieces(frame(TEXT, payload))),
    }[way]
    assert failure(codec, *sent) == 1007


@codecs
def test_8_1_bytes_that_are_not_utf_8_are_no_text(codec: str) -> None:
    assert echoes(codec, *(frame(BINARY, payload) for payload in BAD)) == BAD


OPENING = frame(TEXT, b"good ", fin=False)
UNTIL_BAD = {
    "a fragment": frame(TEXT, b"ok \xff", fin=False),
    "a later fragment": OPENING + frame(CONTINUATION, b"ok \xff", fin=False),
    "the last fragment": OPENING + frame(CONTINUATION, b"ok \xff"),
    "a part of a frame": frame(TEXT, b"ok \xff more")[:10],
    "a part of a fragment": frame(TEXT, b"ok \xff more", fin=False)[:10],
    "a part of a later fragment": OPENING + frame(CONTINUATION, b"ok \xff more", fin=False)[:10],
    "a part of a long fragment": frame(TEXT, b"a" * 70_000 + b"\xff" * 9 + b"a" * 70_000, fin=False)[:70_015],
    "what no next byte makes right": OPENING + frame(CONTINUATION, b"\xe2\x28\xa1", fin=False)[:8],
}
"""Up to the wrong byte: the message, and usually the frame, goes on after it."""


@codecs
@pytest.mark.parametrize("sent", UNTIL_BAD.values(), ids=UNTIL_BAD)
def test_8_1_bad_text_fails_as_soon_as_it_is_there(codec: str, sent: bytes) -> None:
    assert failure(codec, sent) == 1007
    assert failure(codec, *pieces(sent)) == 1007


WRONG_FROM = {
    b"\x80": 1,
    b"\xc0\xaf": 1,
    b"\xc1\xbf": 1,
    b"\xe0\x80\xaf": 2,
    b"\xe2\x28\xa1": 2,
    b"\xe2\x82\x28": 3,
    b"\xed\xa0\x80": 2,
    b"\xf0\x80\x80\xaf": 2,
    b"\xf0\x9f\x98\x28": 4,
    b"\xf4\x90\x80\x80": 2,
    b"\xf5\x80\x80\x80": 1,
    b"\xff": 1,
}
"""How many bytes it takes to see that no text goes on like that (Unicode 3.9, table 3-7)."""


@codecs
@pytest.mark.parametrize("way", ["fragments", "drops"])
def test_8_1_bad_text_fails_with_its_first_wrong_byte(codec: str, way: str) -> None:
    """Neither later nor earlier; Autobahn's 6.4 wants it as soon as that."""
    for bad, length in WRONG_FROM.items():
        payload = "é".encode() + bad + b" more"
        before = len(payload) - len(bad) - len(b" more")
        sent = fragments(TEXT, *pieces(payload)) if way == "fragments" else list(pieces(frame(TEXT, payload)))
        wrong = before + length - 1 + (0 if way == "fragments" else len(frame(TEXT)))
        with WebSocketServer(Recorder(), codec) as server:
            client = server.open()
            client.say(*sent[:wrong])
            assert client.code is None, bad
            client.say(sent[wrong])
            assert client.code == 1007, bad


@codecs
def test_8_1_bad_text_fails_as_soon_as_it_can_be_inflated(codec: str) -> None:
    flushed = deflated(b"ok \xff more") + b"\0\0\xff\xff"
    for sent in (frame(TEXT, flushed, fin=False, rsv=4), frame(TEXT, flushed + b"more", rsv=4)[:-4]):
        _, client = exchange(codec, [sent], OFFER)
        assert client.code == 1007


# Section 7: closing.

VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


@codecs
@pytest.mark.parametrize("code", VALID)
def test_7_4_codes_that_a_client_may_send(code: int, codec: str) -> None:
    """7.1.5 and 7.1.6: the application gets code and reason, the client gets the code back."""
    app, client = exchange(codec, [close(code, "adiós".encode())])
    assert app.ends == [(code, "adiós")]
    assert client.code == code
    assert client.ended


@codecs
@pytest.mark.parametrize("code", INVALID)
def test_7_4_codes_that_no_client_may_send(code: int, codec: str) -> None:
    assert failure(codec, close(code)) == 1002


@codecs
def test_7_1_5_a_close_without_code(codec: str) -> None:
    app, client = exchange(codec, [close(None)])
    assert app.ends == [(1005, "")]
    assert client.frames[-1] == (0x80 | CLOSE, b"")
    assert client.ended


@codecs
@pytest.mark.parametrize(("payload", "code"), [(b"\x03", 1002), (b"\x03\xe8\xff", 1007), (b"\x03\xe8ok\xc3", 1007)])
def test_7_1_5_a_close_that_is_malformed(codec: str, payload: bytes, code: int) -> None:
    assert failure(codec, frame(CLOSE, payload)) == code


@codecs
def test_7_1_6_the_longest_reason(codec: str) -> None:
    app, _ = exchange(codec, [close(1000, b"r" * 123)])
    assert app.ends == [(1000, "r" * 123)]


@codecs
def test_5_5_1_a_close_may_come_between_fragments(codec: str) -> None:
    """And the message that never ended is not mentioned."""
    app, client = exchange(codec, [frame(TEXT, b"half", fin=False) + close(1001, b"bye")])
    assert (app.received, app.ends, client.code) == ([], [(1001, "bye")], 1001)


@codecs
@pytest.mark.parametrize(
    "after", [text("late"), frame(PING), close(1002), b"\xff" * 9], ids=["text", "ping", "close", ""]
)
def test_1_4_nothing_counts_after_a_close(codec: str, after: bytes) -> None:
    app, client = exchange(codec, [close(1000) + after])
    assert (app.received, app.ends) == ([], [(1000, "")])
    assert [sent.opcode for sent in client.frames] == [CLOSE]


@codecs
@pytest.mark.parametrize("bad", [frame(3), frame(TEXT, b"\xff"), frame(TEXT, b"x", rsv=2), close(999)], ids=bytes.hex)
def test_s5_messages_before_a_bad_frame_are_given_to_the_application(codec: str, bad: bytes) -> None:
    """S-5, in one segment or several: the application gets them first, so the client gets its echoes."""
    for segments in ([text("one") + text("two") + bad], [text("one"), text("two"), bad]):
        app, client = exchange(codec, segments)
        assert app.received == ["one", "two"]
        assert len(app.ends) == 1
        assert client.code in (1002, 1007)


@codecs
def test_9_extensions_that_were_not_agreed_on_fail(codec: str) -> None:
    """RFC 7692 section 6: RSV1 without an agreement, or with one on a control frame or continuation."""
    assert failure(codec, frame(TEXT, b"x", rsv=4)) == 1002
    for segments in ([frame(PING, b"x", rsv=4)], [frame(TEXT, b"x", fin=False), frame(CONTINUATION, b"y", rsv=4)]):
        _, client = exchange(codec, segments, OFFER)
        assert client.code == 1002
