"""Clients that ask for much and pay little (rule 2-3): what they cost is bounded, and others are served meanwhile."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from esg_core.turns import UNITS_A_TURN
from esg_http.h2.connection import H2Connection
from esg_http.multiplexed.priority import read_priority
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.turns import WatchedTurns
from tests.support.http2 import wire
from tests.support.http2.driven import Client
from tests.support.http2.raw import Raw, Waiting, held
from tests.support.http2.wire import GET, Code, Kind, Setting

STREAMS = 100
"""The default of `h2-max-concurrent-streams`."""

SMALL = 64 * 1024
"""Bytes that may be held for a connection without request bodies whose client reads."""

NUMBERS = range(1, 2**31, 2)


def again(one: bytes, before: bytes = b"") -> Iterator[bytes]:
    """`before`, and then one thing forever."""
    yield before
    while True:
        yield one * 10


def each(make: Callable[[int], bytes]) -> Iterator[bytes]:
    """One thing on stream after stream."""
    for number in NUMBERS:
        yield make(number)


def rapid_reset(number: int) -> bytes:
    """CVE-2023-44487."""
    return wire.headers(number) + wire.reset(number)


def refused(number: int) -> bytes:
    """More streams than allowed, none of which ends."""
    return wire.post(number)


UNFINISHED = wire.post(1)
MALFORMED = wire.headers(1, [*GET, (b"X", b"y")], end=False)
ANSWERED = wire.headers(1, [*GET, (b"transfer-encoding", b"x")])

FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid reset": lambda: each(rapid_reset),
    "rapid reset of uploads": lambda: each(lambda number: wire.post(number) + wire.reset(number)),
    "streams beyond the limit": lambda: each(refused),
    "PING": lambda: again(wire.ping()),
    "answers to no PING": lambda: again(wire.ping(ack=True)),
    "SETTINGS": lambda: again(wire.settings((Setting.INITIAL_WINDOW_SIZE, 1))),
    "empty SETTINGS": lambda: again(wire.settings()),
    "acknowledgements of no SETTINGS": lambda: again(wire.SETTINGS_ACK),
    "many settings a frame": lambda: again(wire.settings(*[(Setting.INITIAL_WINDOW_SIZE, 9)] * 2700)),
    "WINDOW_UPDATE": lambda: again(wire.window(0, 1)),
    "WINDOW_UPDATE of a stream": lambda: again(wire.window(1, 1), UNFINISHED),
    "WINDOW_UPDATE of a closed stream": lambda: again(wire.window(1, 1), UNFINISHED + wire.reset(1)),
    "WINDOW_UPDATE of a stream that was reset": lambda: again(wire.window(1, 1), MALFORMED),
    "PRIORITY": lambda: again(wire.priority(1)),
    "PRIORITY of many streams": lambda: each(lambda number: wire.priority(number, number + 2)),
    "PRIORITY_UPDATE": lambda: again(wire.priority_update(1, b"u=1, i"), UNFINISHED),
    "PRIORITY_UPDATE on a stream to come": lambda: again(wire.priority_update(1, b"u=1, i")),
    "empty DATA": lambda: again(wire.data(1), UNFINISHED),
    "DATA of padding": lambda: again(wire.frame(Kind.DATA, 1, wire.padded(b"", 255), wire.PADDED), UNFINISHED),
    "empty DATA of a stream that was reset": lambda: again(wire.data(1), MALFORMED),
    "HEADERS of a stream that was reset": lambda: again(wire.headers(1, [(b"a", b"b")]), MALFORMED),
    "RST_STREAM of a closed stream": lambda: again(wire.reset(1), UNFINISHED),
    "RST_STREAM of a stream that was reset": lambda: again(wire.reset(1), MALFORMED),
    "GOAWAY": lambda: again(wire.goaway()),
    "unknown frames": lambda: again(wire.frame(77, 1)),
    "large unknown frames": lambda: again(wire.frame(77, 0, bytes(16384))),
    "CONTINUATION": lambda: again(wire.continuation(1, bytes(16384), done=False), wire.headers(done=False)),
    "short CONTINUATION": lambda: again(wire.continuation(1, b"\x82", done=False), wire.headers(done=False)),
    "empty CONTINUATION": lambda: again(wire.continuation(1, b"", done=False), wire.headers(done=False)),
    "empty HEADERS": lambda: each(lambda number: wire.headers(number, [])),
}

MADE_RESETS: dict[str, Callable[[int], bytes]] = {
    "WINDOW_UPDATE of nothing": lambda number: wire.post(number) + wire.window(number, 0),
    "WINDOW_UPDATE of too much": lambda number: wire.post(number) + wire.window(number, 2**31 - 1),
    "PRIORITY that depends on itself": lambda number: wire.post(number) + wire.priority(number, number),
    "PRIORITY of 4 bytes": lambda number: wire.post(number) + wire.frame(Kind.PRIORITY, number, bytes(4)),
    "HEADERS that depends on itself": lambda number: wire.raw_headers(
        number, wire.priority_fields(number) + wire.block(GET), wire.WITH_PRIORITY
    ),
    "DATA after the end": lambda number: wire.headers(number) + wire.data(number, b"x"),
    "HEADERS after the end": lambda number: wire.headers(number) * 2,
    "a body that is too long": lambda number: wire.post(number, (b"content-length", b"1")) + wire.data(number, b"xy"),
    "no body": lambda number: wire.headers(number, [*GET, (b"content-length", b"1")]),
    "a body that is too short": lambda number: (
        wire.post(number, (b"content-length", b"9")) + wire.data(number, b"x", end=True)
    ),
    "malformed trailers": lambda number: wire.post(number) + wire.headers(number, [(b":path", b"/")]),
    "trailers that are not the end": lambda number: wire.post(number) + wire.headers(number, [], end=False),
    "trailers that are too large": lambda number: wire.post(number) + wire.raw_headers(number, b"\x90" * 300),
    "DATA beyond the window": lambda number: wire.post(number) + wire.data(number, bytes(16384)) * 4,
    "a malformed request": lambda number: wire.headers(number, [*GET, (b"X", b"y")]),
}
"""CVE-2025-8671: what makes a server reset streams that it has begun to serve."""


def flood(server: MemoryServer, parts: Iterator[bytes], most: int) -> Raw:
    """Send at most `most` of `parts` until the server ends the connection; other clients are served."""
    client, other = Raw(server), Client(server)
    for _, part in zip(range(most), parts, strict=False):
        client.send(part)
        assert held(server) <= SMALL + STREAMS * 65536
        if client.code is not None:
            break
    number = other.ask(list(wire.GET), b"x", end=False)
    other.turn()
    assert other.answers[number].reset is None
    assert other.goaways == []
    other.h2.reset_stream(number)
    other.turn()
    return client


def check_end(server: MemoryServer, client: Raw, app: Waiting) -> None:
    """The connection has ended for the right reason, and nothing of it is left."""
    assert client.code == Code.ENHANCE_YOUR_CALM
    assert app.most <= STREAMS + 1
    assert app.running == 0
    server.loop.advance(2)
    assert client.transport.closed
    assert len(server.context.connections) == 1
    assert held(server) == 0


@pytest.mark.parametrize("name", FLOODS)
def test_2_3_floods(name: str) -> None:
    """At the latest after as many frames as are allowed within ten seconds, each of them a round trip."""
    app = Waiting()
    with MemoryServer(app) as server:
        client = flood(server, FLOODS[name](), 1010)
        check_end(server, client, app)


@pytest.mark.parametrize("name", MADE_RESETS)
def test_2_3_made_you_reset(name: str) -> None:
    """Eleven are enough."""
    app = Waiting()
    with MemoryServer(app) as server:
        client = flood(server, each(MADE_RESETS[name]), 11)
        resets = [frame for frame in client.frames() if frame.kind == Kind.RST_STREAM]
        assert len(resets) == 10
        check_end(server, client, app)


@pytest.mark.parametrize("at_once", [10**5, 10**7])
def test_2_3_rapid_reset_in_one_segment(at_once: int) -> None:
    """No call begins for what was cancelled within the same turn of the loop."""
    app = Waiting()
    sent = b"".join([rapid_reset(number) for number in NUMBERS[:1000]])
    with MemoryServer(app) as server:
        turns = WatchedTurns(server)
        client = Raw(server)
        for at in range(0, len(sent), at_once):
            client.transport.feed(sent[at : at + at_once])
        server.loop.settle()
        assert app.calls < len(turns.spent) < 12
        assert client.code == Code.ENHANCE_YOUR_CALM


REFERENCES = wire.literal(b"a", b"", how=0x40)
BOMBS: dict[str, bytes] = {
    "129 references": b"\x90" * 129,
    "references to an empty field": REFERENCES + b"\xbe" * 5946,
    "as many as a block has bytes": REFERENCES + b"\xbe" * 60000,
    "references to a field of 4 KB": wire.literal(b"a", b"b" * 4000, how=0x40) + b"\xbe" * 120,
    "cookies in crumbs": wire.literal(b"cookie", b"", how=0x40) + b"\xbe" * 700,
    "2-byte references": wire.block([(b"a", b"")]) + REFERENCES * 66 + b"\xff\x00" * 30000,
    "many short fields": wire.block([(b"a", b"b")] * 300),
}


@pytest.mark.parametrize("name", BOMBS)
def test_2_3_header_bombs(name: str) -> None:
    """CVE-2016-6581, CVE-2026-49975: a section counts by its decoded size and its number of fields."""
    app = Waiting()
    sent = wire.block(GET) + BOMBS[name]
    parts = [sent[at : at + 16000] for at in range(0, len(sent), 16000)]
    more = [wire.continuation(1, part, done=part is parts[-1]) for part in parts[1:]]
    with MemoryServer(app) as server:
        client = Raw(server)
        client.send(wire.raw_headers(1, parts[0], done=not more) + b"".join(more))
        assert (app.calls, client.code) == (0, None)
        answer = client.frames()[-1]
        assert (answer.kind, answer.stream, answer.flags & wire.END_STREAM) in ((Kind.DATA, 1, 1), (Kind.HEADERS, 1, 1))
        client.send(wire.headers(3))
        assert app.calls == 1, "the connection goes on"
        assert held(server) == 0


OVERSIZED: dict[str, Callable[[int], bytes]] = {
    "references": lambda number: wire.raw_headers(number, wire.block(GET) + b"\x90" * 700),
    "fields": lambda number: wire.headers(number, [*GET, *[(b"a", b"b")] * 129]),
    "bytes": lambda number: wire.raw_headers(
        number, wire.block(GET) + wire.literal(b"a", b"b" * 4000, how=0x40) + b"\xbe" * 20
    ),
    "trailers": lambda number: wire.post(number) + wire.headers(number, [(b"a", b"b")] * 129),
}


@pytest.mark.parametrize("name", OVERSIZED)
def test_2_3_header_sections_that_are_too_large(name: str) -> None:
    """Ten within ten seconds are refused without ending the connection."""
    app = Waiting()
    with MemoryServer(app) as server:
        assert flood(server, each(OVERSIZED[name]), 10).code is None
    app = Waiting()
    with MemoryServer(app) as server:
        client = flood(server, each(OVERSIZED[name]), 11)
        check_end(server, client, app)


LITERALS: dict[str, bytes] = {
    "not for the table": wire.literal(b"a", b""),
    "for the table": wire.literal(b"a", b"", how=0x40),
    "for the table, with a name from it": b"\x7e\x00",
    "never for the table": wire.literal(b"a", b"", how=0x10),
}


@pytest.mark.parametrize("name", LITERALS)
def test_2_3_a_section_of_tiny_literals_ends_the_connection(name: str) -> None:
    """One is enough: keeping the tables in step would cost more than the connection is worth."""
    app = Waiting()
    sent = wire.block(GET) + REFERENCES + LITERALS[name] * (16_000 // len(LITERALS[name]))
    with MemoryServer(app) as server:
        client = flood(server, iter([wire.raw_headers(1, sent)]), 1)
        check_end(server, client, app)


def test_2_3_data_of_one_byte() -> None:
    """In one burst of a megabyte: 50,000 frames are accepted, and no more."""
    app = Waiting()
    frames = b"".join([wire.post(number) + wire.data(number, b"x") * 50_000 for number in (1, 3)])
    with MemoryServer(app) as server:
        turns = WatchedTurns(server)
        client = flood(server, iter([frames]), 1)
        assert max(turns.spent) <= UNITS_A_TURN + 200
        assert sum(turns.spent) < 2.1 * 50_000
        check_end(server, client, app)


def test_2_3_settings_of_many_windows_cost_no_more_than_themselves() -> None:
    """However many streams are open: each gets the last one."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        calls[frame.f_code.co_name] += event == "call"

    app = Waiting()
    with MemoryServer(app) as server:
        client = Raw(server)
        client.send(b"".join([wire.post(number) for number in NUMBERS[:STREAMS]]))
        sys.setprofile(count)
        try:
            client.send(wire.settings(*[(Setting.INITIAL_WINDOW_SIZE, size) for size in range(2700)]))
        finally:
            sys.setprofile(None)
        assert calls["widen_stream"] == STREAMS
        (connection,) = server.context.connections
        assert isinstance(connection, H2Connection)
        assert {stream.window for stream in connection._streams.live.values()} == {2699}
        assert client.code is None


def test_2_3_a_long_priority_is_not_read() -> None:
    """RFC 9218 section 4: what is malformed is ignored; reading the members of a long one would take a while."""
    assert read_priority(b"u=1" + b"," * 252) == (1, False)
    assert read_priority(b"u=1" + b"," * 254) == (3, False)


def test_2_3_a_table_full_of_references_costs_a_table() -> None:
    """RFC 7541 section 7.3: what a client puts into the table, and makes the server put into its own, is bounded."""
    with MemoryServer(Recorder()) as server:
        client = Raw(server)
        client.send(wire.settings((Setting.HEADER_TABLE_SIZE, 2**32 - 1), (Setting.MAX_HEADER_LIST_SIZE, 2**32 - 1)))
        for number in NUMBERS[:50]:
            fields = [wire.literal(b"x-%d" % part, b"%d" % number, how=0x40) for part in range(100)]
            client.send(wire.raw_headers(number, wire.block(GET) + b"".join(fields)))
        (connection,) = server.context.connections
        assert isinstance(connection, H2Connection)
        assert connection._requests.decoder._size <= 4096
        assert connection.sending.encoder._size <= 4096
        assert client.code is None
