"""Varints and frames, whole and in pieces (RFC 9000 section 16, RFC 9114 section 7), against another implementation."""

import pytest
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_FRAME_ERROR, H3_SETTINGS_ERROR
from esg_http.h3.coding.frames import (
    FrameReader,
    FrameTooLarge,
    data_head,
    goaway_frame,
    headers_frame,
    read_only_varint,
    read_settings,
    settings_frame,
)
from esg_http.h3.coding.varints import encoded_varint, read_varint
from tests.support.http3 import wire

MOST = 2**62 - 1

NUMBERS = st.integers(0, MOST) | st.sampled_from([0, 63, 64, 16383, 16384, 2**30 - 1, 2**30, MOST])
FRAMES = st.lists(st.tuples(st.sampled_from([0, 1, 4, 33, 16384]), st.binary(max_size=100)), max_size=6)


@given(NUMBERS)
def test_numbers(number: int) -> None:
    """RFC 9000 section 16."""
    encoded = encoded_varint(number)
    assert encoded == encode_uint_var(number)
    assert read_varint(b"x" + encoded, 1) == (number, 1 + len(encoded))
    for end in range(len(encoded)):
        assert read_varint(encoded[:end], 0) == (-1, 0)


@pytest.mark.parametrize("long", [b"\x40\x05", b"\x80\0\0\x05", b"\xc0\0\0\0\0\0\0\x05"])
def test_numbers_need_not_have_their_shortest_form(long: bytes) -> None:
    assert read_varint(long, 0) == (Buffer(data=long).pull_uint_var(), len(long)) == (5, len(long))


@settings(deadline=None)
@given(FRAMES, st.integers(1, 50))
def test_a_stream_in_pieces_has_the_frames_of_the_whole(frames: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join([wire.frame(*one) for one in frames])
    reader = FrameReader(frozenset((1, 4)), 100)
    found: list[tuple[int, bytes]] = []
    part = b""
    for at in range(0, len(stream), size):
        reader.add(stream[at : at + size])
        while (piece := reader.next()) is not None:
            kind, payload, is_last = piece
            assert is_last or kind not in (1, 4)
            part += payload
            if is_last:
                found.append((kind, part))
                part = b""
    assert (found, reader.is_within, reader.held) == (frames, False, 0)


def test_only_frames_that_are_read_whole_are_bounded() -> None:
    reader = FrameReader(frozenset((1,)), 10)
    reader.add(wire.data(bytes(1000)))
    assert reader.next() == (0, bytes(1000), True)
    reader.add(b"\x01\x0b")
    with pytest.raises(FrameTooLarge):
        reader.next()
    reader.skip()
    reader.add(bytes(11) + wire.headers())
    kind, payload, is_last = reader.next() or (1, b"", False)
    assert (kind != 1, payload, is_last) == (True, bytes(11), True)


def test_the_frames_of_the_server() -> None:
    assert list(wire.read(headers_frame(b"x" * 70) + data_head(3) + b"abc" + goaway_frame(2**62 - 4))) == [
        (wire.HEADERS, b"x" * 70),
        (wire.DATA, b"abc"),
        (wire.GOAWAY, b"\xff" * 7 + b"\xfc"),
    ]
    assert settings_frame({6: 69632, 8: 1}) == wire.settings((6, 69632), (8, 1))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x06", H3_FRAME_ERROR),
        (b"\x06\x40", H3_FRAME_ERROR),
        (b"\x40", H3_FRAME_ERROR),
        (b"\x21\x01\x21\x01", H3_SETTINGS_ERROR),
        *[(bytes((name, 0)), H3_SETTINGS_ERROR) for name in (0, 2, 3, 4, 5)],
    ],
)
def test_broken_settings(payload: bytes, code: int) -> None:
    """RFC 9114 sections 7.1, 7.2.4 and 7.2.4.1."""
    with pytest.raises(ConnectionFault) as caught:
        read_settings(payload)
    assert caught.value.code == code


def test_settings_that_are_read() -> None:
    assert read_settings(b"") == {}
    assert read_settings(b"\x01\0\x06\x40\xff\x21\x07") == {1: 0, 6: 255, 33: 7}


@pytest.mark.parametrize("payload", [b"", b"\x40", b"\x01\x01"])
def test_a_frame_that_is_a_number_is_nothing_else(payload: bytes) -> None:
    """RFC 9114 section 7.1."""
    with pytest.raises(ConnectionFault) as caught:
        read_only_varint(payload)
    assert caught.value.code == H3_FRAME_ERROR


def test_what_is_held_waits_for_the_rest_of_its_frame() -> None:
    """Whole frames that were not asked for yet count too."""
    reader = FrameReader(frozenset((1,)), 100)
    reader.add(b"\x01\x0aabc")
    assert (reader.next(), reader.held) == (None, 3)
    reader.add(b"de")
    assert (reader.next(), reader.held) == (None, 5)
    reader.add(b"fghij\0")
    assert reader.held == 11
    assert (reader.next(), reader.held) == ((1, b"abcdefghij", True), 1)
