"""One case: what a client sends after opening a connection, and what must come of it.

A case says nothing about packets, loops or sockets: a runner may deliver the bytes of each stream in any pieces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.http3 import wire

ENDED, OPEN, RESET, STOPPED = range(4)


class Step(NamedTuple):
    """Bytes of a stream, after which it goes on or ends; or a cancellation of one of its sides."""

    stream: int
    data: bytes
    how: int = ENDED


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ends`: the connection is closed with one of these codes; without codes, it goes on.

    `resets` has streams and the code that they are reset with, `answers` streams and the status and body of their whole
    response, `stops` streams and the code of STOP_SENDING. Other streams may have anything.
    """

    ends: tuple[int, ...] = ()
    resets: Mapping[int, int] = field(default_factory=dict)
    answers: Mapping[int, tuple[int, bytes]] = field(default_factory=dict)
    stops: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """`says` is what the section requires; `opening` begins the client's control stream, which is stream 2."""

    section: str
    says: str
    steps: tuple[Step, ...]
    outcome: Outcome
    opening: bytes = wire.control()

    @property
    def id(self) -> str:
        return f"{self.section}: {self.says}"


def asks(data: bytes, stream: int = 0) -> Step:
    """A whole request stream."""
    return Step(stream, data)


def begins(data: bytes, stream: int = 0) -> Step:
    """The beginning of a stream."""
    return Step(stream, data, OPEN)


def more(data: bytes) -> Step:
    """More of the control stream."""
    return Step(2, data, OPEN)


def ends(section: str, says: str, code: int, *steps: Step, opening: bytes = wire.control()) -> Case:
    """An error of the connection."""
    return Case(section, says, steps, Outcome(ends=(code,)), opening)


def breaks(section: str, says: str, code: int, *steps: Step) -> Case:
    """An error of stream 0; the connection goes on."""
    return Case(section, says, steps, Outcome(resets={0: code}))


def serves(section: str, says: str, *steps: Step, body: int = 0, opening: bytes = wire.control()) -> Case:
    """A request on stream 0 that is answered with the size of its body."""
    return Case(section, says, steps, Outcome(answers={0: (200, b"%d bytes" % body)}), opening)


def goes_on(section: str, says: str, *steps: Step, opening: bytes = wire.control()) -> Case:
    """The connection goes on, and nothing else is required."""
    return Case(section, says, steps, Outcome(), opening)
