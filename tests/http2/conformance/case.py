"""One case: what a client sends after opening a connection, and what must come of it.

A case says nothing about segments, loops or sockets: a runner may send its bytes in any way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.http2.wire import ACK, OPENING, Code, Frame, Kind, ping

LAST_PING = b"still on"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ends`: the connection ends after a GOAWAY with one of these codes; without codes, it goes on.

    `resets` has streams and the codes of which one their RST_STREAM has, `answers` streams and the status and body of
    their whole response, `sizes` streams and the bytes of each DATA frame that may have come on it, `acks` how many
    settings were acknowledged, those of the opening among them. Other streams may have anything.
    """

    ends: tuple[int, ...] = ()
    resets: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    answers: Mapping[int, tuple[int, bytes]] = field(default_factory=dict)
    sizes: Mapping[int, list[int]] = field(default_factory=dict)
    acks: int | None = None
    silent: tuple[int, ...] = ()
    """Streams on which nothing may come."""


@dataclass(frozen=True, slots=True)
class Case:
    """`says` is what the section requires. Between `steps`, the client waits until the server is idle."""

    section: str
    says: str
    steps: tuple[bytes, ...]
    outcome: Outcome
    opening: bytes = OPENING

    @property
    def id(self) -> str:
        return f"{self.section}: {self.says}"

    @property
    def segments(self) -> list[bytes]:
        """Everything sent; a connection that goes on answers a PING at the end."""
        last = b"" if self.outcome.ends else ping(LAST_PING)
        return [self.opening + self.steps[0], *self.steps[1:], last]


def ends(section: str, says: str, *steps: bytes, codes: tuple[int, ...] = (Code.PROTOCOL_ERROR,)) -> Case:
    """A connection error."""
    return Case(section, says, steps, Outcome(ends=codes))


def breaks(section: str, says: str, *steps: bytes, codes: tuple[int, ...] = (Code.PROTOCOL_ERROR,)) -> Case:
    """An error on stream 1; the connection goes on."""
    return Case(section, says, steps, Outcome(resets={1: codes}))


def serves(section: str, says: str, *steps: bytes, body: int = 0, streams: tuple[int, ...] = (1,)) -> Case:
    """Requests that are answered with the size of their bodies."""
    return Case(section, says, steps, Outcome(answers=dict.fromkeys(streams, (200, b"%d bytes" % body))))


def goes_on(section: str, says: str, *steps: bytes) -> Case:
    """The connection goes on, and nothing else is required."""
    return Case(section, says, steps, Outcome())


def check(case: Case, frames: list[Frame], has_ended: bool) -> None:
    """Compare what has come with the outcome of a case."""
    outcome = case.outcome
    goaways = [frame for frame in frames if frame.kind == Kind.GOAWAY]
    assert has_ended == bool(outcome.ends)
    if outcome.ends:
        assert [frame.stream for frame in goaways] == [0]
        assert goaways[0].code in outcome.ends
        assert frames[-1] == goaways[0], "something comes after GOAWAY"
        return
    assert goaways == []
    assert Frame(Kind.PING, ACK, 0, LAST_PING) in frames
    check_streams(outcome, frames)
    if outcome.acks is not None:
        assert frames.count(Frame(Kind.SETTINGS, ACK, 0, b"")) == outcome.acks


def check_streams(outcome: Outcome, frames: list[Frame]) -> None:
    resets = {frame.stream: frame.code for frame in frames if frame.kind == Kind.RST_STREAM}
    for stream, codes in outcome.resets.items():
        assert resets.get(stream) in codes
        of_stream = [frame for frame in frames if frame.stream == stream]
        assert of_stream[-1].kind == Kind.RST_STREAM, "something comes after RST_STREAM"
    for stream, (status, body) in outcome.answers.items():
        of_stream = [frame for frame in frames if frame.stream == stream and frame.kind != Kind.WINDOW_UPDATE]
        assert [frame.ends for frame in of_stream] == [False] * (len(of_stream) - 1) + [True]
        assert of_stream[0].kind == Kind.HEADERS
        assert status_of(of_stream[0].payload) == status
        assert b"".join([frame.payload for frame in of_stream if frame.kind == Kind.DATA]) == body
    for stream, sizes in outcome.sizes.items():
        found = [len(frame.payload) for frame in frames if frame.stream == stream and frame.kind == Kind.DATA]
        assert found == sizes
    assert not set(outcome.silent) & {frame.stream for frame in frames}


def status_of(payload: bytes) -> int:
    """The status that a response begins with, after table size updates; 0 if it is an unusual one."""
    return {0x88: 200, 0x8C: 400, 0x8D: 404, 0x8E: 500}.get(payload.lstrip(bytes(range(0x20, 0x3F)))[0], 0)
