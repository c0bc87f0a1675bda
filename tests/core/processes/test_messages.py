"""M-5: what a worker sends to its parent is messages, answers and text, which never mix, however they are cut."""

import random

import pytest

from esg_core.processes.messages import (
    ALIVE,
    ASK_REQUESTS,
    ASK_STACKS,
    FIRST,
    PIECE,
    READY,
    LineReader,
    as_text,
    pieces_of,
)

LONG = b'["stacks",{"threads":[' + b'"x y",' * 2000 + b'""]}]'


def test_messages_text_and_answers_come_apart() -> None:
    reader = LineReader()
    found = reader.feed(READY + b"some " + ALIVE + b"".join(pieces_of(b'["a",{}]')) + b"text" + ALIVE)
    assert (found, reader.take_answers(), reader.take()) == ([READY, ALIVE, ALIVE], [b'["a",{}]'], "some text")
    assert (reader.take_answers(), reader.take()) == ([], "")


@pytest.mark.parametrize("size", [7, PIECE, PIECE + 1, 65536])
def test_m5_an_answer_arrives_however_it_is_cut_and_what_comes_between(size: int) -> None:
    """Heartbeats and the stacks that a signal handler writes stand between two pieces, never within one."""
    pieces = list(pieces_of(LONG))
    assert len(pieces) > 3
    data = b"".join(piece + ALIVE + b"Thread 0x7f\n" for piece in pieces)
    reader = LineReader()
    messages = [found for at in range(0, len(data), size) for found in reader.feed(data[at : at + size])]
    assert messages == [ALIVE] * len(pieces)
    assert reader.take_answers() == [LONG]
    assert reader.take() == "\n".join(["Thread 0x7f"] * len(pieces))


def test_m5_an_answer_that_is_given_up_is_forgotten() -> None:
    reader = LineReader()
    first, *_ = pieces_of(LONG)
    assert reader.feed(first + b"text") == []
    reader.feed(b"".join(pieces_of(b"[1]")) + b"".join(pieces_of(LONG)))
    assert (reader.take_answers(), reader.take()) == ([b"[1]", LONG], "text")


def test_w2_text_contains_no_message() -> None:
    reader = LineReader()
    every = "".join(map(chr, range(256)))
    assert reader.feed(as_text(every)) == []
    assert reader.take_answers() == []
    assert "\\x12" in reader.take()


def test_m5_random_bytes_break_nothing() -> None:
    """A worker runs the application, which may write anything to any descriptor."""
    chance = random.Random(5)
    reader = LineReader()
    for _ in range(2000):
        reader.feed(bytes(chance.choice(b"\x00\x02\x10\x12\x13\x14\x15ab") for _ in range(chance.randrange(9))))
    reader.feed(b"".join(pieces_of(b"[2]")))
    assert reader.take_answers()[-1] == b"[2]"


def test_the_bytes_of_messages_are_all_different() -> None:
    from esg_core.processes import messages

    values = [value for name, value in vars(messages).items() if name.isupper() and isinstance(value, bytes)]
    assert len(values) == len(set(values)) == 16
    assert {ASK_REQUESTS, ASK_STACKS, FIRST} <= set(values)
