"""The PROXY protocol (rule H-19): the preface as a grammar, and the connections that begin with it."""

import asyncio
import contextlib
import logging
import math
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.asgi import Receive, Scope, Send
from esg_core.context import Context
from esg_core.options.config import Config
from esg_core.proxy.preface import SIGNATURE, Address, PrefaceError, Route, missing, parse
from esg_core.proxy.trust import TrustedProxies
from esg_core.sockets.handshakes import Handshakes, TLSOptions
from esg_core.sockets.proxy_protocol import AnnouncedTransport, ProxyProtocol
from esg_core.turns import TurnBudget
from tests.support.certificates import CA
from tests.support.core.loops import until
from tests.support.http.sockets import LOOP_FACTORIES
from tests.support.installed import LOOPS

V1 = b"PROXY TCP4 198.51.100.7 192.0.2.1 5012 443\r\n"
V1_ROUTE = Route(("198.51.100.7", 5012), ("192.0.2.1", 443))


def binary(command: int, family: int, payload: bytes, *, version: int = 2, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, family, length or len(payload)) + payload


def ipv4_block(route: tuple[tuple[str, int], tuple[str, int]]) -> bytes:
    (source, source_port), (target, target_port) = route
    return IPv4Address(source).packed + IPv4Address(target).packed + struct.pack("!HH", source_port, target_port)


def ipv6_block(source: str, target: str, ports: tuple[int, int]) -> bytes:
    return IPv6Address(source).packed + IPv6Address(target).packed + struct.pack("!HH", *ports)


V2 = binary(1, 0x11, ipv4_block((("198.51.100.7", 5012), ("192.0.2.1", 443))))
TLV = b"\x04" + struct.pack("!H", 700) + bytes(700)


def read(data: bytes, step: int | None = None) -> tuple[Route | None, bytes]:
    """Parse a preface as a connection does, at most `step` bytes at a time; also returns what was left unread."""
    preface = b""
    while wanted := missing(preface):
        piece = data[len(preface) :][: min(wanted, step or wanted)]
        if not piece:
            raise EOFError
        preface += piece
    return parse(preface), data[len(preface) :]


# The preface


@pytest.mark.parametrize("step", [None, 1, 2, 7])
@pytest.mark.parametrize(
    ("preface", "route"),
    [
        (V1, V1_ROUTE),
        (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", Route(("0.0.0.0", 0), ("255.255.255.255", 65535))),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", Route(("1.1.1.1", 1), ("2.2.2.2", 2))),
        (b"PROXY TCP6 :: ::1 1 2\r\n", Route(("::", 1, 0, 0), ("::1", 2, 0, 0))),
        (
            b"PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0001 ffff:f:f:f:f:f:f:f 65535 65535\r\n",
            Route(("2001:db8::1", 65535, 0, 0), ("ffff:f:f:f:f:f:f:f", 65535, 0, 0)),
        ),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN \r\n", None),
        (b"PROXY UNKNOWN ffff:f:f:f:f:f:f:f ffff:f:f:f:f:f:f:f 65535 65535\r\n", None),
        (b"PROXY UNKNOWN whatever \xff\x00 it says\r\n", None),
        (V2, V1_ROUTE),
        (V2[:14] + struct.pack("!H", 12 + len(TLV)) + V2[16:] + TLV, V1_ROUTE),
        (
            binary(1, 0x21, ipv6_block("2001:db8::1", "::1", (1, 2))),
            Route(("2001:db8::1", 1, 0, 0), ("::1", 2, 0, 0)),
        ),
        (binary(1, 0x31, b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0")), Route("/client", "/server")),
        (binary(1, 0x31, bytes(216)), Route("", "")),
        (binary(0, 0x00, b""), None),
        (binary(0, 0x11, ipv4_block((("1.1.1.1", 1), ("2.2.2.2", 2)))), None),
        (binary(1, 0x00, b""), None),
        (binary(1, 0x00, b"ignored"), None),
        (binary(1, 0x10, bytes(12)), None),
    ],
)
def test_a_preface_is_read_to_the_byte(preface: bytes, route: Route | None, step: int | None) -> None:
    for rest in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\r\n"):
        assert read(preface + rest, step) == (route, rest)


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize(
    "preface",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdef",
        b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY\r\nTCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY UNKNOWNS 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 \xb2 2\r\n",
        b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        b"PROXY TCP4 1.1.1.1\r2.2.2.2 1 2\r\n",
        b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n",
        b"PROXY TCP4 " + b" " * 200,
        SIGNATURE[:-1] + b"X" * 20,
        binary(1, 0x11, bytes(12), version=1),
        binary(1, 0x11, bytes(12), version=3),
        binary(2, 0x11, bytes(12)),
        binary(15, 0x11, bytes(12)),
        binary(1, 0x12, bytes(12)),
        binary(1, 0x22, bytes(36)),
        binary(1, 0x32, bytes(216)),
        binary(1, 0x41, bytes(36)),
        binary(1, 0x13, bytes(12)),
        binary(1, 0x11, bytes(11)),
        binary(1, 0x21, bytes(35)),
        binary(1, 0x31, bytes(215)),
    ],
)
def test_what_is_no_preface_is_refused(preface: bytes, step: int | None) -> None:
    with pytest.raises(PrefaceError) as caught:
        read(preface, step)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("length", range(1, len(V1)))
def test_a_line_that_is_cut_off_is_neither_accepted_nor_refused(length: int) -> None:
    with pytest.raises(EOFError):
        read(V1[:length])


@pytest.mark.parametrize("length", range(1, len(V2)))
def test_a_binary_preface_that_is_cut_off_is_neither_accepted_nor_refused(length: int) -> None:
    with pytest.raises(EOFError):
        read(V2[:length])


PORTS = st.integers(0, 65535)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str).filter(lambda text: "%" not in text)


def line(family: str, source: str, target: str, ports: tuple[int, int]) -> bytes:
    return f"PROXY {family} {source} {target} {ports[0]} {ports[1]}\r\n".encode()


@given(IPV4, IPV4, st.tuples(PORTS, PORTS), st.binary(max_size=30), st.integers(1, 120))
def test_ipv4_comes_out_as_it_went_in(source: str, target: str, ports: tuple[int, int], rest: bytes, step: int) -> None:
    route = Route((source, ports[0]), (target, ports[1]))
    block = ipv4_block(((source, ports[0]), (target, ports[1])))
    for preface in (line("TCP4", source, target, ports), binary(1, 0x11, block)):
        assert read(preface + rest, step) == (route, rest)


@given(IPV6, IPV6, st.tuples(PORTS, PORTS), st.binary(max_size=30), st.integers(1, 120))
def test_ipv6_comes_out_as_it_went_in(source: str, target: str, ports: tuple[int, int], rest: bytes, step: int) -> None:
    route = Route((source, ports[0], 0, 0), (target, ports[1], 0, 0))
    for preface in (line("TCP6", source, target, ports), binary(1, 0x21, ipv6_block(source, target, ports))):
        assert read(preface + rest, step) == (route, rest)


def outcome(data: bytes, step: int | None) -> object:
    try:
        return read(data, step)
    except (PrefaceError, EOFError) as exc:
        return type(exc)


FRAGMENTS = [b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"1.1.1.1 ", b"::1 ", b"80 ", b"80\r\n", b"\r\n", b"\n", b"\r"]
BINARY_FRAGMENTS = [
    SIGNATURE,
    b"\x21",
    b"\x20",
    b"\x11",
    b"\x21",
    b"\x31",
    b"\x00\x0c",
    b"\x00\x24",
    bytes(12),
    bytes(36),
]
NOISE = st.one_of(
    st.binary(max_size=150),
    st.lists(st.sampled_from(FRAGMENTS), max_size=10).map(lambda parts: b"PROXY " + b"".join(parts)),
    st.lists(st.sampled_from(BINARY_FRAGMENTS), max_size=8).map(lambda parts: SIGNATURE + b"".join(parts)),
)


@given(NOISE, st.integers(1, 20))
def test_the_outcome_does_not_depend_on_how_bytes_arrive(data: bytes, step: int) -> None:
    """Only `PrefaceError` escapes, and never more than 107 bytes (version 1) or what version 2 announces is read."""
    whole = outcome(data, None)
    assert whole == outcome(data, step)
    if isinstance(whole, tuple) and not data.startswith(SIGNATURE):
        assert len(data) - len(whole[1]) <= 107


# Connections


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that is never called."""


class Inner(asyncio.Protocol):
    """The protocol behind the listener: reports what it sees of its transport, echoes, and ends with the connection."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.deadline = math.inf
        self.check_at = 0

    def drain(self) -> None:
        """Stays until the client ends."""

    def abort(self) -> None:
        self.transport.abort()

    def expire(self, now: float) -> None:
        raise AssertionError("it has no deadline")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.context.connections.add(self)
        names = (transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        self.transport.write(repr(names).encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.context.connections.discard(self)
        self.context.left()


class Watched(ProxyProtocol):
    """Tells the test when it is called."""

    calls: asyncio.Queue[str]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.calls.put_nowait("made")

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        self.calls.put_nowait("read" if self._handshake is None else "handshake")


class Listener:
    """A PROXY listener with its context, and clients for it."""

    def __init__(self, allowed: str = "127.0.0.1", **options: Any) -> None:
        self.context = Context(Config("app:app", **options), nothing, asyncio.get_running_loop())
        self.trust = TrustedProxies(allowed)
        self.handshakes: Handshakes | None = None
        self.client_tls: ssl.SSLContext | None = None
        self.path: str | None = None
        self.calls = asyncio.Queue[str]()

    def make(self) -> asyncio.BaseProtocol:
        protocol = Watched(lambda: Inner(self.context), self.context, self.trust, self.handshakes)
        protocol.calls = self.calls
        return protocol

    def speak_tls(self, context: ssl.SSLContext) -> None:
        limit = self.context.config.timeout_tls_handshake
        self.handshakes = Handshakes(TLSOptions(lambda: context, limit), self.context.budget)

    def inner(self) -> Inner:
        """The protocol of the only connection."""
        (connection,) = self.context.connections
        assert isinstance(connection, Inner)
        return connection

    async def called(self, *expected: str) -> None:
        """Return once the protocols have had these calls, in this order."""
        for name in expected:
            while await self.calls.get() != name:
                pass

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Listener"]:
        loop = self.context.loop
        if self.path:
            self.server: asyncio.AbstractServer = await loop.create_unix_server(cast(Any, self.make), self.path)
        else:
            self.server = await loop.create_server(cast(Any, self.make), "127.0.0.1", 0)
        try:
            async with self.server:
                yield self
        finally:
            for connection in list(self.context.connections):
                connection.abort()
            self.context.draining = True
            async with asyncio.timeout(10):
                await self.context.wait_quiet()
            self.context.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(*cast(Any, self.server).sockets[0].getsockname())

    @contextlib.asynccontextmanager
    async def client(self, *pieces: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture(params=list(LOOPS))
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    def call(main: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await main()

        with asyncio.Runner(loop_factory=LOOP_FACTORIES[request.param]) as runner:
            runner.run(bounded())

    return call


Run = Callable[[Callable[[], Awaitable[None]]], None]


def shown(client: Address, server: Address) -> bytes:
    return repr((client, server)).encode() + b"\n"


def test_the_inner_protocol_sees_the_announced_addresses(run: Run) -> None:
    async def main() -> None:
        async with Listener().open() as listener:
            for preface, route in (
                (V1, V1_ROUTE),
                (V2, V1_ROUTE),
                (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Route(("2001:db8::1", 1, 0, 0), ("::1", 2, 0, 0))),
                (binary(1, 0x31, b"/a".ljust(108, b"\0") + b"/b".ljust(108, b"\0")), Route("/a", "/b")),
            ):
                async with listener.client(preface + b"and the rest") as (reader, writer):
                    assert await reader.readline() == shown(*route[:2])
                    assert await reader.readexactly(12) == b"and the rest"
                    writer.write(b"later")
                    assert await reader.readexactly(5) == b"later"

    run(main)


@pytest.mark.parametrize("preface", [b"PROXY UNKNOWN\r\n", binary(0, 0, b""), binary(1, 0, b"xyz")])
def test_a_proxy_that_announces_nothing_leaves_the_addresses_as_they_are(run: Run, preface: bytes) -> None:
    async def main() -> None:
        async with Listener().open() as listener, listener.client(preface) as (reader, writer):
            own = (writer.get_extra_info("sockname"), writer.get_extra_info("peername"))
            assert await reader.readline() == shown(*own[:2])

    run(main)


@pytest.mark.parametrize("preface", [V1, V2])
def test_a_preface_may_drip_in(run: Run, preface: bytes) -> None:
    async def main() -> None:
        data = preface + b"xyz"
        pieces = (data[n : n + 1] for n in range(len(data)))
        async with Listener().open() as listener, listener.client(*pieces) as (reader, _):
            assert await reader.readline() == shown(*V1_ROUTE[:2])
            assert await reader.readexactly(3) == b"xyz"

    run(main)


def test_a_preface_with_large_extensions(run: Run) -> None:
    """The longest possible preface."""

    async def main() -> None:
        extensions = [struct.pack("!BH", 0xEA, size - 3) + bytes(size - 3) for size in (*[1000] * 65, 523)]
        preface = binary(1, 0x11, V2[16:] + b"".join(extensions))
        assert len(preface) == 16 + 65535
        async with Listener().open() as listener, listener.client(preface + b"xyz") as (reader, _):
            assert await reader.readline() == shown(*V1_ROUTE[:2])
            assert await reader.readexactly(3) == b"xyz"

    run(main)


def test_a_listener_on_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        listener = Listener("unix")
        listener.path = str(tmp_path / "s")
        async with listener.open(), listener.client(V1) as (reader, _):
            assert await reader.readline() == shown(*V1_ROUTE[:2])

    run(main)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", "it does not begin with a PROXY preface"),
        (b"PROXY TCP4 1.1.1.1 x 1 2\r\n", "the line is malformed"),
        (binary(1, 0x11, bytes(4)), "the addresses are cut off"),
    ],
)
def test_what_is_no_preface_closes_the_connection_with_one_line(
    run: Run, caplog: pytest.LogCaptureFixture, data: bytes, reason: str
) -> None:
    async def main() -> None:
        async with Listener().open() as listener, listener.client(data) as (reader, writer):
            port = writer.get_extra_info("sockname")[1]
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            assert caplog.messages == [f"proxy-protocol: closed the connection from 127.0.0.1:{port}: {reason}"]
            assert caplog.records[0].levelno == logging.WARNING

    run(main)


def test_a_peer_that_is_not_trusted_is_closed(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Listener("192.0.2.1").open() as listener, listener.client(V1) as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            assert len(caplog.messages) == 1
            assert "forwarded-allow-ips does not trust it" in caplog.messages[0]

    run(main)


def test_a_connection_that_ends_at_once_is_no_news(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Balancers check a port by opening and closing a connection."""

    async def main() -> None:
        async with Listener().open() as listener:
            for data in (b"", V1[:10]):
                async with listener.client(data) as (reader, writer):
                    writer.write_eof()
                    with contextlib.suppress(ConnectionError):
                        assert await reader.read() == b""

    run(main)
    assert [message.partition(": closed")[2].partition(": ")[2] for message in caplog.messages] == [
        "it ended within the preface"
    ]


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (V1[:10], 1), (V2[:20], 1)])
def test_the_preface_has_a_deadline(run: Run, caplog: pytest.LogCaptureFixture, data: bytes, lines: int) -> None:
    """Rule H-17: from accept, as for the head of a first request."""

    async def main() -> None:
        begin = asyncio.get_running_loop().time()
        async with Listener(timeout_request_headers=0.5).open() as listener, listener.client(data) as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert 0.45 <= asyncio.get_running_loop().time() - begin <= 1.1

    run(main)
    assert [message.endswith("the preface was not complete in time") for message in caplog.messages] == [True] * lines


def test_the_context_knows_a_connection_from_its_preface_on(run: Run) -> None:
    """Rule L-2: a drain does not wait for a connection that has sent no preface, but serves what is on its way."""

    async def main() -> None:
        async with Listener().open() as listener:
            context = listener.context
            async with listener.client(b"") as (silent, _), listener.client(V1[:10]) as (reader, writer):
                await listener.called("made", "made", "read")
                writer.write(V1[10:])
                context.drain()
                assert await reader.readline() == shown(*V1_ROUTE[:2])
                async with asyncio.timeout(2):
                    assert await silent.read() == b""
                assert all(isinstance(connection, Inner) for connection in context.connections)

    run(main)


def test_a_connection_made_while_the_server_drains(run: Run) -> None:
    async def main() -> None:
        async with Listener().open() as listener:
            listener.context.drain()
            async with listener.client(V1) as (reader, _), listener.client() as (silent, _):
                assert await reader.readline() == shown(*V1_ROUTE[:2])
                async with asyncio.timeout(2):
                    assert await silent.read() == b""

    run(main)


def test_nothing_is_held_after_the_hand_over(run: Run) -> None:
    async def main() -> None:
        async with Listener().open() as listener, listener.client(V1) as (reader, _):
            await reader.readline()
            inner = listener.inner()
            transport = inner.transport
            assert isinstance(transport, AnnouncedTransport)
            assert transport.get_protocol() is inner
            assert listener.context.sweeper._buckets.get(0) is None
            assert all(not bucket for bucket in listener.context.sweeper._buckets.values())

    run(main)


def test_the_announced_transport_is_the_transport_otherwise(run: Run) -> None:
    async def main() -> None:
        async with Listener().open() as listener, listener.client(V1) as (reader, writer):
            await reader.readline()
            transport = listener.inner().transport
            assert transport.get_extra_info("socket").getsockname() == writer.get_extra_info("peername")
            assert transport.get_extra_info("nothing", "default") == "default"
            transport.set_write_buffer_limits(1000, 10)
            assert (transport.get_write_buffer_limits(), transport.get_write_buffer_size()) == ((10, 1000), 0)
            assert (transport.is_reading(), transport.is_closing(), transport.can_write_eof()) == (True, False, True)
            transport.pause_reading()
            writer.write(b"held back")
            transport.writelines([b"a", bytearray(b"b"), memoryview(b"c")])
            assert await reader.readexactly(3) == b"abc"
            assert not transport.is_reading()
            transport.resume_reading()
            assert await reader.readexactly(9) == b"held back"
            transport.write_eof()
            assert await reader.read() == b""
            transport.close()
            assert transport.is_closing()

    run(main)


# TLS within


@pytest.fixture(scope="module")
def certificates() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server for 127.0.0.1 and of a client that trusts it."""
    authority = CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


Certificates = tuple[ssl.SSLContext, ssl.SSLContext]


def talk_tls(address: tuple[str, int], context: ssl.SSLContext, first: bytes) -> tuple[bytes, bytes]:
    """A blocking client: preface and ClientHello in one segment, Finished and the first data in another."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(address, timeout=20) as connection:
        prefix = V1
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(prefix + outgoing.read())
                prefix = b""
                incoming.write(connection.recv(65536))
        tls.write(first)
        connection.sendall(outgoing.read())
        received = b""
        while not received.endswith(first):
            try:
                received += tls.read(65536)
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(65536))
        seen, _, echoed = received.partition(b"\n")
        return seen + b"\n", echoed


def test_tls_may_follow_the_preface(run: Run, certificates: Certificates) -> None:
    """Nothing is lost even if preface, handshake and data arrive in the same segments."""

    async def main() -> None:
        listener = Listener()
        listener.speak_tls(certificates[0])
        async with listener.open():
            address = cast(Any, listener.server).sockets[0].getsockname()
            for first in (b"hello", b"x" * 100_000):
                talked = asyncio.get_running_loop().run_in_executor(None, talk_tls, address, certificates[1], first)
                assert await talked == (shown(*V1_ROUTE[:2]), first)

    run(main)


def test_tls_belongs_to_the_transport_that_the_inner_protocol_gets(run: Run, certificates: Certificates) -> None:
    async def main() -> None:
        listener = Listener()
        listener.speak_tls(certificates[0])
        async with listener.open(), listener.client(b"PROXY UNKNOWN\r\n") as (reader, writer):
            await writer.start_tls(certificates[1], server_hostname="127.0.0.1")
            assert await reader.readline() == shown(
                writer.get_extra_info("sockname"), writer.get_extra_info("peername")
            )
            assert listener.inner().transport.get_extra_info("ssl_object").version() == "TLSv1.3"
            writer.write(b"echo")
            assert await reader.readexactly(4) == b"echo"

    run(main)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", ["refused plain HTTP from 198.51.100.7:5012: this port speaks TLS"]),
        (b"what is no TLS at all", []),
        (b"", []),
    ],
)
def test_a_failed_handshake_ends_quietly(
    run: Run, certificates: Certificates, caplog: pytest.LogCaptureFixture, data: bytes, told: list[str]
) -> None:
    """Data that is not TLS, and a client that leaves: nothing is left behind. H-11: only plain HTTP is reported."""

    async def main() -> None:
        listener = Listener()
        listener.speak_tls(certificates[0])
        async with listener.open(), listener.client(V1 + data) as (reader, writer):
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            listener.context.draining = True
            await listener.context.wait_quiet()

    run(main)
    found = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert [text.partition(",")[0] for text in found] == told


def test_a_handshake_has_a_deadline(run: Run, certificates: Certificates) -> None:
    """Rule H-17: timeout-tls-handshake."""

    async def main() -> None:
        listener = Listener(timeout_tls_handshake=0.3)
        listener.speak_tls(certificates[0])
        begin = asyncio.get_running_loop().time()
        async with listener.open(), listener.client(V1) as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            listener.context.draining = True
            await listener.context.wait_quiet()
        assert 0.25 <= asyncio.get_running_loop().time() - begin <= 0.9

    run(main)


def test_a_handshake_without_a_deadline_has_none(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-17: asyncio's own deadline, a minute, does not replace one that is off."""
    monkeypatch.setattr("asyncio.constants.SSL_HANDSHAKE_TIMEOUT", 0.1)

    async def main() -> None:
        listener = Listener(timeout_tls_handshake=0)
        listener.speak_tls(certificates[0])
        async with listener.open(), listener.client(V1) as (reader, writer):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.5)
            writer.close()
            listener.context.draining = True
            await listener.context.wait_quiet()

    asyncio.run(main())


def test_a_handshake_can_be_aborted(run: Run, certificates: Certificates) -> None:
    """Rule L-2: after the graceful time all connections are aborted."""

    async def main() -> None:
        listener = Listener()
        listener.speak_tls(certificates[0])
        async with listener.open(), listener.client(V1 + b"\x16\x03\x01") as (reader, _):
            await listener.called("made", "handshake")
            (connection,) = listener.context.connections
            connection.abort()
            listener.context.draining = True
            await listener.context.wait_quiet()
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""

    run(main)


def test_a_drain_ends_a_handshake_without_a_word(
    run: Run, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule L-2: for a client that sends nothing more."""

    async def main() -> None:
        listener = Listener()
        listener.speak_tls(certificates[0])
        async with listener.open(), listener.client(V1 + b"\x16\x03\x01") as (reader, _):
            await listener.called("made", "handshake")
            (connection,) = listener.context.connections
            connection.drain()
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""

    run(main)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_drain_waits_for_a_handshake_that_waits_for_its_turn(run: Run, certificates: Certificates) -> None:
    """Rules L-2 and H-23."""

    async def main() -> None:
        turns: list[Callable[[], None]] = []
        listener = Listener()
        listener.handshakes = handshakes = Handshakes(TLSOptions(lambda: certificates[0], 10), TurnBudget(turns.append))

        async def turn() -> None:
            while True:
                while turns:
                    turns.pop()()
                await asyncio.sleep(0)

        async with listener.open(), listener.client(b"PROXY UNKNOWN\r\n") as (reader, writer):
            shaking = asyncio.create_task(writer.start_tls(certificates[1], server_hostname="127.0.0.1"))
            await until(lambda: handshakes.are_waiting)
            (connection,) = listener.context.connections
            connection.drain()
            connection.expire(connection.deadline)
            turning = asyncio.create_task(turn())
            await shaking
            writer.write(b"echo")
            await reader.readline()
            assert await reader.readexactly(4) == b"echo"
            turning.cancel()

    run(main)
