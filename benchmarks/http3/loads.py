"""The process that loads a server over HTTP/3: `python -m benchmarks.http3.loads LOAD PORT`.

It prepares, prints `ready`, works when it gets a line, prints how many pieces of work were done, and ends when its
input does. Its own CPU time does not count.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks.connections import allow_descriptors
from benchmarks.quic_session import Session

SECONDS = 2.0
"""How long the loads with a time take."""

CONNECTIONS = 1000
"""Idle connections."""

BODY = b"x" * 2**20


@dataclass(frozen=True, slots=True)
class Load:
    """What is done, in words, for which application; `run` returns how often it was done."""

    title: str
    app: str
    prepare: Callable[[int], "Iterator[Callable[[], int]]"]


def _requests(streams: int, method: str = "GET", body: bytes = b"") -> Callable[[int], Iterator[Callable[[], int]]]:
    """As many requests at a time on one connection."""

    def prepare(port: int) -> Iterator[Callable[[], int]]:
        with Session(port) as session:
            session.ask(method, body)
            yield lambda: _ask(session, streams, method, body)

    return prepare


def _ask(session: Session, streams: int, method: str, body: bytes) -> int:
    end = time.monotonic() + SECONDS
    before = len(session.ended)
    open_streams = {session.start(method, body) for _ in range(streams)}
    while open_streams:
        session.flush()
        session.until(partial(_is_any_over, session, open_streams))
        done = open_streams & session.ended
        open_streams -= done
        if time.monotonic() < end:
            open_streams |= {session.start(method, body) for _ in done}
    return len(session.ended) - before


def _is_any_over(session: Session, streams: set[int]) -> bool:
    return not streams.isdisjoint(session.ended)


def _handshakes(port: int) -> Iterator[Callable[[], int]]:
    """One after the other, each on a socket of its own."""

    def run() -> int:
        end = time.monotonic() + SECONDS
        count = 0
        while time.monotonic() < end:
            with Session(port):
                count += 1
        return count

    yield run


def _crowd(port: int) -> Iterator[Callable[[], int]]:
    """Connections that each have had one answer, then ask all at once, and then are idle."""
    allow_descriptors(CONNECTIONS + 100)
    with ExitStack() as stack:

        def run() -> int:
            sessions = []
            for _ in range(CONNECTIONS):
                session = stack.enter_context(Session(port, 60.0))
                session.ask()
                sessions.append(session)
            asked = [(session, session.start()) for session in sessions]
            for session, _ in asked:
                session.flush()
            for session, stream in asked:
                session.until(partial(session.ended.__contains__, stream))
            return len(sessions)

        yield run


LOADS = {
    "get-10": Load("GET, 13 bytes, 10 streams", "benchmarks.apps:hello", _requests(10)),
    "get-100": Load("GET, 13 bytes, 100 streams", "benchmarks.apps:hello", _requests(100)),
    "get-1": Load("GET, 13 bytes, one at a time", "benchmarks.apps:hello", _requests(1)),
    "download": Load("GET, 1 MiB", "benchmarks.apps:huge", _requests(1)),
    "upload": Load("POST, 1 MiB, which is read and dropped", "benchmarks.fairness.app:app", _requests(1, "POST", BODY)),
    "handshakes": Load("handshake", "benchmarks.apps:hello", _handshakes),
    "idle": Load(f"idle connection, of {CONNECTIONS:,}", "benchmarks.apps:hello", _crowd),
}


def main() -> int:
    """Load once."""
    name, port = sys.argv[1:]
    with contextmanager(LOADS[name].prepare)(int(port)) as run:
        print("ready", flush=True)
        sys.stdin.readline()
        print(run(), flush=True)
        sys.stdin.readline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
