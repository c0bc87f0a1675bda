"""The attacks over QUIC: each prepares its connections and datagrams, and returns what sends them.

All are bounded: by their datagrams, or by `SECONDS`. What the system has no room for is lost, as on the way.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat

from benchmarks.fairness import quic_frames as quic
from benchmarks.quic_session import WINDOW, Session

SECONDS = 1.5
DATAGRAMS = 2000

Flood = Callable[[], None]
"""Sends everything."""

Prepared = Callable[[int], Flood]
"""Prepares an attack on a port; raises `Lost` where no HTTP/3 is spoken."""

BURST = 16
"""Datagrams between two looks at what the server sends."""

_BLOCK = b"\0\0\xd1\xd7\xc1\x50\x01t"
GET = b"\x01" + bytes((len(_BLOCK),)) + _BLOCK
"""HEADERS of a GET, of references to the static table."""

POST = GET.replace(b"\xd1", b"\xd4")

CONTROL = 2
"""The client's control stream."""


def frames(*some: bytes, count: int = DATAGRAMS * 60) -> Prepared:
    """Packets full of these frames, over and over."""
    return pieces(lambda: [one for _ in range(max(1, count // len(some))) for one in some])


def pieces(make: Callable[[], list[bytes]]) -> Prepared:
    """Packets of a connection that consist of these frames, `DATAGRAMS` at most."""

    def prepare(port: int) -> Flood:
        session = opened(port)
        forger = quic.Forger(session.quic)
        datagrams = [forger.packet(piece) for piece in quic.packed(make())[:DATAGRAMS]]
        return lambda: send(session.socket, datagrams)

    return prepare


def gaps(make: Callable[[int, bytes], bytes]) -> Prepared:
    """Frames of one byte with a byte missing between them."""
    return pieces(lambda: [make(100 + 2 * number, b"x") for number in range(DATAGRAMS * 60)])


def acks(ranges: int) -> Prepared:
    """ACKs of packets that were never sent."""
    return frames(quic.frame(quic.ACK, 1000, 0, ranges, 0, *repeat(0, 2 * ranges)), count=DATAGRAMS)


def requests(port: int) -> Flood:
    """100 requests at a time."""
    session = opened(port)

    def flood() -> None:
        end = time.monotonic() + SECONDS
        running: set[int] = set()
        while time.monotonic() < end:
            running = {stream for stream in running if stream not in session.ended}
            running |= {session.start() for _ in range(100 - len(running))}
            session.flush()
            session.turn(0.01)

    return flood


def on_streams(data: bytes, *, cancel: bool = False, most: int = 100) -> Prepared:
    """The same bytes on as many streams as there may be, whose answers are awaited, or which are cancelled."""

    def prepare(port: int) -> Flood:
        session = opened(port)

        def flood() -> None:
            end = time.monotonic() + SECONDS
            for _ in range(10 * most):
                if time.monotonic() > end:
                    break
                stream = session.quic.get_next_available_stream_id()
                session.quic.send_stream_data(stream, data, end_stream=not cancel)
                if cancel:
                    session.flush()
                    session.quic.reset_stream(stream, 0x10C)
                    session.quic.stop_stream(stream, 0x10C)
                session.flush()
                session.turn(0.0)

        return flood

    return prepare


def on_control(data: bytes) -> Prepared:
    """The same frames on the control stream, for as long as it is open."""

    def prepare(port: int) -> Flood:
        session = opened(port)

        def flood() -> None:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                session.quic.send_stream_data(CONTROL, data)
                session.flush()
                session.turn(0.001)

        return flood

    return prepare


def sources() -> Iterator[socket.socket]:
    """Sockets of clients on different addresses."""
    for number in range(2, 66):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((f"127.0.0.{number}", 0))
        made.setblocking(False)
        yield made


def from_many(make: Callable[[Session], bytes], count: int, settled: bool = True) -> Prepared:
    """Datagrams from many addresses; `settled`: in the name of one connection."""

    def prepare(port: int) -> Flood:
        first = opened(port)
        clients = list(sources())
        datagrams = [make(first if settled else Session(port)) for _ in range(count)]

        def flood() -> None:
            for number, datagram in enumerate(datagrams):
                with suppress(OSError):
                    clients[number % len(clients)].sendto(datagram, ("127.0.0.1", port))
                if number % BURST == 0:
                    time.sleep(0)
            first.turn(0.0)

        return flood

    return prepare


def hello(client: Session) -> bytes:
    """The first datagram of a new connection, which goes no further."""
    client.quic.connect(("127.0.0.1", 1), time.monotonic())
    client.socket.close()
    datagrams = client.quic.datagrams_to_send(time.monotonic())
    return bytes(datagrams[0][0])


def forged_hello(_client: Session) -> bytes:
    """What looks like such a datagram until it is decrypted."""
    return b"\xc3\0\0\0\1\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + b"\0\x44\x9e" + os.urandom(1182)


def garbage(_client: Session) -> bytes:
    """Nothing."""
    return os.urandom(200)


def unknown(client: Session) -> bytes:
    """A packet of a connection that this server may have had: it is answered with a stateless reset."""
    magic_and_slot = bytes(vars(client.quic)["_peer_cid"].cid[:3])
    return b"\x41" + magic_and_slot + os.urandom(60)


def ping(client: Session) -> bytes:
    """A packet of the connection, from wherever it is sent."""
    return quic.Forger(client.quic).packet(quic.frame(quic.PING))


def opened(port: int, window: int = WINDOW) -> Session:
    """A connection that has had an answer, and gives each further one this much room."""
    session = Session(port, 5.0, window)
    session.__enter__()
    session.ask()
    return session


def send(client: socket.socket, datagrams: list[bytes]) -> None:
    """Send as fast as possible, and drop what comes."""
    for number, datagram in enumerate(datagrams):
        with suppress(OSError):
            client.send(datagram)
        if number % BURST == 0:
            with suppress(OSError):
                for _ in range(BURST):
                    client.recv(65536)


FLOODS: dict[str, tuple[str, Prepared]] = {
    "requests": ("100 requests at a time", requests),
    "cancelled": ("1,000 requests that are cancelled", on_streams(GET, cancel=True)),
    "sections": ("header sections of 60,000 references", on_streams(b"\x01\x80\0\xea\x62\0\0" + b"\xd1" * 60_000)),
    "priorities": ("PRIORITY_UPDATEs of 4 KB", on_control(b"\x80\x0f\x07\0\x50\0\0" + b"u," * 2047 + b"u")),
    "unknown-frames": ("empty frames of no meaning", on_control(b"\x21\0" * 500)),
    "pings": (f"{DATAGRAMS:,} packets full of PINGs", frames(b"\1" * quic.ROOM, count=DATAGRAMS)),
    "acks": (f"{DATAGRAMS:,} packets full of ACK ranges", acks(500)),
    "windows": ("packets full of MAX_DATA", frames(quic.frame(quic.MAX_DATA, 1))),
    "challenges": ("packets full of PATH_CHALLENGE", frames(quic.frame(quic.PATH_CHALLENGE, rest=bytes(8)))),
    "retired": (
        "packets full of RETIRE_CONNECTION_ID",
        pieces(lambda: [quic.frame(quic.RETIRE_CONNECTION_ID, number) for number in range(1, 50_000)]),
    ),
    "gaps": ("a stream with a gap after each byte", gaps(lambda at, data: quic.stream(400, at, data))),
    "crypto-gaps": ("the same in the handshake's stream", gaps(quic.crypto)),
    "tops": (
        "the last byte of each window, on 100 streams",
        pieces(lambda: [quic.stream(number, 2**18 - 1, b"x") for number in range(4, 396, 4)] * 20),
    ),
    "bytes": (
        "an upload, byte by byte",
        pieces(lambda: [quic.stream(4, at, bytes((one,))) for at, one in enumerate(POST + b"\0\1x" * 60_000)]),
    ),
    "handshakes": ("400 handshakes that go no further, from 64 addresses", from_many(hello, 400, settled=False)),
    "forged": ("2,000 Initials that are none, from 64 addresses", from_many(forged_hello, 2000)),
    "garbage": ("20,000 datagrams of garbage", from_many(garbage, 20_000)),
    "resets": ("20,000 packets of connections that are gone", from_many(unknown, 20_000)),
    "migrations": ("2,000 packets of one connection, from 64 addresses", from_many(ping, 2000)),
}
"""Title and attack by name."""
