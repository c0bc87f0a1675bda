"""The attacks with content over HTTP/3: uploads that nothing reads, responses that are not read, floods of messages.

Each prepares its connection, and returns what attacks for `SECONDS`.
"""

import time
from collections.abc import Callable

from benchmarks.fairness import quic_frames as quic
from benchmarks.fairness.app import LARGE, UNREAD
from benchmarks.fairness.quic_attacks import SECONDS, Prepared, opened
from benchmarks.fairness.wire import deflated, message
from benchmarks.quic_session import Session

STREAMS = 100
UPLOAD = 300_000
"""Bytes of an upload: more than a server takes that nothing reads from."""

FIRST = 1000
"""Bytes of each response that a client gives room for that reads nothing."""


def uploads(port: int) -> Callable[[], None]:
    """Uploads to an application that does not read them, as far as the server has room."""
    session = opened(port)

    def flood() -> None:
        for _ in range(STREAMS):
            session.start("POST", bytes(UPLOAD), UNREAD)
        _pump(session)

    return flood


def responses(*, drips: bool) -> Prepared:
    """Large responses for whose content there is no room; or room for one more byte each, again and again."""

    def prepare(port: int) -> Callable[[], None]:
        session = opened(port, FIRST)
        forger = quic.Forger(session.quic)

        def flood() -> None:
            streams = [session.start(path=LARGE) for _ in range(STREAMS)]
            session.give_no_room()
            end, room = time.monotonic() + SECONDS, FIRST
            while time.monotonic() < end:
                room += drips
                for piece in quic.packed([quic.frame(quic.MAX_STREAM_DATA, stream, room) for stream in streams]):
                    session.flush()
                    if drips:
                        session.send(forger.packet(piece))
                session.turn(0.001)

        return flood

    return prepare


def messages(make: Callable[[], bytes]) -> Prepared:
    """Messages of a WebSocket, as fast as the server gives room."""

    def prepare(port: int) -> Callable[[], None]:
        session, data = opened(port), make()
        stream = session.open_websocket()

        def flood() -> None:
            session.say(stream, data)
            _pump(session)

        return flood

    return prepare


def _pump(session: Session) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        session.flush()
        session.turn(0.01)


BODIES: dict[str, tuple[str, Prepared]] = {
    "uploads": (f"{STREAMS} uploads that the application does not read", uploads),
    "unread": (f"{STREAMS} large responses that are not read", responses(drips=False)),
    "drips": (f"{STREAMS} large responses that are read byte by byte", responses(drips=True)),
    "ws-inflated": ("60 messages of 16 MB, compressed, over a WebSocket", messages(lambda: deflated(16_000_000) * 60)),
    "ws-tiny": ("1 million empty messages over a WebSocket", messages(lambda: message(b"") * 1_000_000)),
    "ws-pings": ("1 million pings over a WebSocket", messages(lambda: message(b"", 0x89) * 1_000_000)),
}
"""Title and attack by name."""
