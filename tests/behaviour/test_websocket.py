"""WebSocket as users see it: real clients and sockets, both codecs, both loops, cleartext and TLS (S-1 to S-5)."""

import hashlib
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from tests.support.certificates import CA
from tests.support.core.loops import run_in
from tests.support.e2e.server import PATIENCE, Server, serving
from tests.support.installed import LOOPS
from tests.support.ws.frames import CLOSE, CONTINUATION, PING, TEXT, close, frame, text

APP = "tests.behaviour.apps.websocket:app"
CODECS = ("websockets", "wsproto")
FRONTS = ("httptools", "h11", "tls")
SIZES = (0, 1, 125, 126, 65535, 65536, 1_000_000)


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


@pytest.fixture(scope="module")
def certificate(authority: CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def trust(authority: CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module", params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest, front: str, codec: str, certificate: Path) -> Iterator[Server]:
    options = ["--ssl-certfile", str(certificate)] if front == "tls" else ["--http", front]
    with serving(APP, "--loop", request.param, "--ws", codec, *options) as running:
        yield running


@pytest.fixture
def tls(front: str, trust: ssl.SSLContext) -> ssl.SSLContext | None:
    return trust if front == "tls" else None


def address(server: Server, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def opened(
    server: Server, path: str, tls: ssl.SSLContext | None = None, **options: Any
) -> AbstractContextManager[ClientConnection]:
    """A client of `websockets`, which reads and writes TLS from two threads at once.

    OpenSSL does not allow that, and one handshake in some 1,500 fails, where a client of one thread loses none of
    30,000: so it is retried.
    """
    for patience in (3, PATIENCE) if tls is not None else (PATIENCE,):
        with suppress(TimeoutError):
            client: AbstractContextManager[ClientConnection] = connect(
                address(server, path), ssl=tls, max_size=None, open_timeout=patience, close_timeout=PATIENCE, **options
            )
            return client
    raise TimeoutError("the handshake got no answer")


def ending(client: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the server closes."""
    with pytest.raises(ConnectionClosed) as raised:
        client.recv(timeout=PATIENCE)
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason


# The client of `websockets`.


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_s1_websockets_client(server: Server, tls: ssl.SSLContext | None, compression: str | None) -> None:
    """Texts, bytes, fragments, pings; with and without compression."""
    with opened(server, "/echo", tls, compression=compression, subprotocols=["a", "b"]) as client:
        assert client.subprotocol == "a"
        assert bool(client.protocol.extensions) == (compression is not None)
        for size in SIZES:
            for message in ("x" * size, os.urandom(size), "Grüße " * (size // 7)):
                client.send(message)
                assert client.recv(timeout=PATIENCE) == message
        client.send(["in", " ", "three"])
        assert client.recv(timeout=PATIENCE) == "in three"
        client.send(part for part in (b"a" * 70_000, b"", b"b"))
        assert client.recv(timeout=PATIENCE) == b"a" * 70_000 + b"b"
        assert client.ping().wait(PATIENCE)
        client.close(3001, "enough")
    assert client.close_code == 3001
    server.wait_for("ended with 3001 'enough'")


def test_s2_the_scheme_and_the_extension_tls(server: Server, tls: ssl.SSLContext | None) -> None:
    with opened(server, "/scheme", tls) as client:
        assert client.recv(timeout=PATIENCE) == ("wss True" if tls else "ws False")
        assert ending(client) == (1000, "")


def test_s3_a_fast_sender_and_a_slow_application(server: Server, tls: ssl.SSLContext | None) -> None:
    """100 messages, 20 MB, more than all buffers hold; none is lost, and they stay in order."""
    messages = [os.urandom(200_000) for _ in range(100)]
    with opened(server, "/digest", tls, compression=None) as client:
        for message in messages:
            client.send(message)
        for message in messages:
            assert client.recv(timeout=PATIENCE) == f"{len(message)} {hashlib.sha256(message).hexdigest()}"


@pytest.mark.parametrize(
    ("path", "end"), [("/closes", (4000, "full")), ("/raises", (1011, "internal error")), ("/returns", (1000, ""))]
)
def test_s4_ends(server: Server, tls: ssl.SSLContext | None, path: str, end: tuple[int, str]) -> None:
    with opened(server, path, tls) as client:
        assert ending(client) == end


def test_s2_a_denial(server: Server, tls: ssl.SSLContext | None) -> None:
    with pytest.raises(InvalidStatus) as raised, opened(server, "/denies", tls):
        pass
    assert raised.value.response.status_code == 403


# The client of aiohttp.


def test_s1_aiohttp_client(server: Server, tls: ssl.SSLContext | None) -> None:
    """With its own codec and compression; it answers pings by itself."""

    async def talk() -> int | None:
        async with aiohttp.ClientSession() as session:
            where = address(server, "/echo")
            async with session.ws_connect(where, ssl=tls or True, compress=15, max_msg_size=0) as client:
                for size in SIZES:
                    await client.send_str("é" * size)
                    assert await client.receive_str() == "é" * size
                    await client.send_bytes(bytes(size))
                    assert await client.receive_bytes() == bytes(size)
                await client.ping(b"?")
                await client.close(code=3002)
                return client.close_code

    assert run_in("asyncio", talk()) == 3002


# A client of `wsproto`.


class WsprotoClient:
    """As much of a client as the tests need."""

    def __init__(self, server: Server, path: str, tls: ssl.SSLContext | None) -> None:
        raw = server.connect()
        self._socket = raw if tls is None else tls.wrap_socket(raw, server_hostname="127.0.0.1")
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._events: Iterator[Event] = iter(())
        self.send(Request(host="127.0.0.1", target=path, extensions=[PerMessageDeflate(client_max_window_bits=12)]))
        accepted = self.receive()
        assert isinstance(accepted, AcceptConnection)
        assert accepted.extensions

    def send(self, event: Event) -> None:
        self._socket.sendall(self._connection.send(event))

    def receive(self) -> Event:
        for event in self._events:
            return event
        while True:
            self._connection.receive_data(self._socket.recv(65536) or None)
            self._events = iter(list(self._connection.events()))
            for event in self._events:
                return event

    def message(self) -> Any:
        """The next message, whole."""
        parts: list[Any] = []
        while True:
            event = self.receive()
            assert isinstance(event, (TextMessage, BytesMessage))
            parts.append(event.data)
            if event.message_finished:
                return ("" if isinstance(event, TextMessage) else b"").join(parts)

    def close(self) -> None:
        self._socket.close()


def test_s1_wsproto_client(server: Server, tls: ssl.SSLContext | None) -> None:
    client = WsprotoClient(server, "/echo", tls)
    for size in SIZES:
        client.send(TextMessage(data="é" * size))
        assert client.message() == "é" * size
        client.send(BytesMessage(data=b"y" * size))
        assert client.message() == b"y" * size
    client.send(TextMessage(data="one ", message_finished=False))
    client.send(Ping(payload=b"between"))
    client.send(TextMessage(data="two"))
    pong = client.receive()
    assert isinstance(pong, Pong)
    assert bytes(pong.payload) == b"between"
    assert client.message() == "one two"
    client.send(CloseConnection(code=1001, reason="bye"))
    end = client.receive()
    assert isinstance(end, CloseConnection)
    assert end.code == 1001
    client.close()


# The same port in HTTP, and bytes by hand.

UPGRADE = (
    b"GET /echo HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def close_frame(code: int, reason: str = "") -> bytes:
    """The close of a server."""
    payload = code.to_bytes(2, "big") + reason.encode()
    return bytes((0x88, len(payload))) + payload


def wrapped(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return connection if tls is None else tls.wrap_socket(connection, server_hostname="127.0.0.1")


def read_until_closed(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


@pytest.mark.everywhere
def test_s2_http_and_websocket_on_one_connection(server: Server, tls: ssl.SSLContext | None) -> None:
    """A request, then the upgrade with its first frame behind it in the same segment."""
    with wrapped(server.connect(), tls) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert connection.recv(65536).endswith(b"plain")
        connection.sendall(UPGRADE + text("at once"))
        answer = b""
        while not answer.endswith(b"\x81\x07at once"):
            part = connection.recv(65536)
            assert part
            answer += part


def test_s5_why_a_connection_fails_can_be_read(server: Server, tls: ssl.SSLContext | None) -> None:
    """Even by a client that goes on sending, in cleartext and over TLS: no reset comes before the close frame."""
    with wrapped(server.connect(), tls) as connection:
        connection.sendall(UPGRADE + text("good") + frame(TEXT, b"\xff") + frame(TEXT, bytes(50_000)))
        answer = read_until_closed(connection)
    assert answer.endswith(b"\x81\x04good\x88\x0f\x03\xefinvalid UTF-8")


# What a client may send, and how that ends: by section of RFC 6455, then of RFC 7692.
ENDS: dict[str, tuple[bytes, bytes]] = {
    "1.4 nothing counts after a close": (close(1000) + text("late"), close_frame(1000)),
    "5.1 no mask": (frame(TEXT, b"x", mask=None), close_frame(1002, "protocol error")),
    "5.2 reserved bit": (frame(TEXT, b"x", rsv=2), close_frame(1002, "protocol error")),
    "5.2 compression that was not agreed on": (frame(TEXT, b"x", rsv=4), close_frame(1002, "protocol error")),
    "5.2 reserved opcode": (frame(5), close_frame(1002, "protocol error")),
    "5.2 long form of a length": (bytes((0x81, 0xFE, 0, 5)) + bytes(9), close_frame(1002, "protocol error")),
    "5.4 continuation of nothing": (frame(CONTINUATION, b"x"), close_frame(1002, "protocol error")),
    "5.4 a message within another": (frame(TEXT, b"x", fin=False) + text("y"), close_frame(1002, "protocol error")),
    "5.5 long control frame": (frame(PING, bytes(126)), close_frame(1002, "protocol error")),
    "5.5 control frame in fragments": (frame(PING, fin=False), close_frame(1002, "protocol error")),
    "5.5.1 a close without code": (close(None), b"\x88\0"),
    "5.5.1 a close with a reason": (close(3001, b"bye"), close_frame(3001, "bye")),
    "5.5.1 half a code": (frame(CLOSE, b"\x03"), close_frame(1002, "protocol error")),
    "7.4 a code that nobody may send": (close(1005), close_frame(1002, "protocol error")),
    "7.4 a code that was registered later": (close(1014), close_frame(1014)),
    "8.1 text that is not UTF-8": (frame(TEXT, b"\xff"), close_frame(1007, "invalid UTF-8")),
    "8.1 a reason that is not UTF-8": (close(1000, b"\xff"), close_frame(1007, "invalid UTF-8")),
    "10.4 a message that is too big": (b"\x81" + bytes((0xFF, 1)) + bytes(7), close_frame(1009, "message too big")),
}


def test_s1_s5_ends_of_rfc_6455(server: Server, tls: ssl.SSLContext | None) -> None:
    """S-5: earlier messages are answered first; the close frame arrives, then the end of the connection."""
    with ExitStack() as stack:
        connections = {case: stack.enter_context(wrapped(server.connect(), tls)) for case in ENDS}
        for case, connection in connections.items():
            connection.sendall(UPGRADE + text("before") + ENDS[case][0])
        for case, connection in connections.items():
            answer = read_until_closed(connection).partition(b"\r\n\r\n")[2]
            assert answer == b"\x81\x06before" + ENDS[case][1], case


# Drain, force, and clients that do nothing.


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("ws", CODECS)
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
def test_s4_a_drain_closes_all_with_1012(
    loop: str, ws: str, is_tls: bool, certificate: Path, trust: ssl.SSLContext
) -> None:
    """L-2: and the server exits cleanly, at once."""
    options, tls = (["--ssl-certfile", str(certificate)], trust) if is_tls else ([], None)
    with Server(APP, "--loop", loop, "--ws", ws, *options) as server:
        with ExitStack() as stack:
            clients = [stack.enter_context(opened(server, "/echo", tls)) for _ in range(5)]
            server.process.send_signal(signal.SIGTERM)
            assert [ending(client) for client in clients] == [(1012, "service restart")] * 5
        assert server.wait() == 0
        assert server.output.count("ended with 1012 'service restart'") == 5


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
def test_s4_a_client_that_does_not_answer_holds_a_drain_up_for_5_seconds_only(
    loop: str, is_tls: bool, certificate: Path, trust: ssl.SSLContext
) -> None:
    options, tls = (["--ssl-certfile", str(certificate)], trust) if is_tls else ([], None)
    with Server(APP, "--loop", loop, *options) as server, wrapped(server.connect(), tls) as connection:
        connection.sendall(UPGRADE)
        assert connection.recv(65536).startswith(b"HTTP/1.1 101 ")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert connection.recv(65536).startswith(b"\x88\x11\x03\xf4")
        assert server.wait() == 0
        assert time.monotonic() - began < 15  # its pings would be given up later


@pytest.mark.parametrize("loop", LOOPS)
def test_l2_an_application_that_does_not_end_is_cancelled(loop: str) -> None:
    with Server(APP, "--loop", loop, "--timeout-graceful-shutdown", "0.5") as server:
        with opened(server, "/stays") as client:
            server.process.send_signal(signal.SIGTERM)
            assert ending(client)[0] == 1012
        assert server.wait() == 1


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
def test_s3_a_client_that_does_not_read(loop: str, is_tls: bool, certificate: Path, trust: ssl.SSLContext) -> None:
    """Its application waits in `send()`, the server holds next to nothing for it, and timeout-write ends it."""
    options, tls = (["--ssl-certfile", str(certificate)], trust) if is_tls else ([], None)
    with (
        Server(APP, "--loop", loop, "--timeout-write", "1", *options) as server,
        wrapped(server.connect(), tls) as connection,
    ):
        before = memory(server)
        connection.sendall(UPGRADE.replace(b"/echo", b"/flood"))
        sent = int(server.wait_for(r"flooded with (\d+)")[1])
        assert sent < 50_000_000
        assert memory(server) - before < 20_000_000
        server.wait_for("does not read its messages: aborted")
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
def test_s3_who_goes_while_nobody_reads_is_let_go(
    loop: str, is_tls: bool, certificate: Path, trust: ssl.SSLContext
) -> None:
    """The application neither receives nor sends, so the server reads no more: the next pings reveal it."""
    options, tls = (["--ssl-certfile", str(certificate)], trust) if is_tls else ([], None)
    limits = ["--ws-max-queue", "2", "--ws-ping-interval", "0.3", "--ws-ping-timeout", "0.3"]
    with Server(APP, "--loop", loop, *limits, *options) as server:
        assert server.url
        before = sockets(server)
        with wrapped(server.connect(), tls) as connection:
            connection.sendall(UPGRADE.replace(b"/echo", b"/stays"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 101 ")
            connection.sendall(text("unheard") * 5)
            assert connection.recv(65536)[:2] == b"\x89\x04"
            assert sockets(server) == before + 1
        end = time.monotonic() + PATIENCE
        while sockets(server) > before:
            assert time.monotonic() < end, "the connection is still there"
            time.sleep(0.05)


def sockets(server: Server) -> int:
    """How many sockets the process has."""
    found = 0
    for entry in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(entry.readlink()).startswith("socket:")
    return found


def memory(server: Server) -> int:
    """Bytes of the process that are in memory."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("ws", CODECS)
def test_s3_a_client_that_does_not_answer_pings(ws: str) -> None:
    with Server(APP, "--ws", ws, "--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5") as server:
        with server.connect() as silent, opened(server, "/echo") as there:
            silent.sendall(UPGRADE)
            server.wait_for("ended with 1011 'keepalive ping timeout'")
            there.send("still here")
            assert there.recv(timeout=PATIENCE) == "still here"
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_u7_over_a_unix_socket(loop: str, tmp_path: Path) -> None:
    """U-7: the log has a name for a client without address."""
    place = tmp_path / "esg.sock"
    with Server(APP, "--loop", loop, "--uds", str(place)) as server:
        server.wait_for("esg.sock")
        with unix_connect(str(place), "ws://t/echo") as client:
            client.send("hello")
            assert client.recv(timeout=PATIENCE) == "hello"
            client.socket.sendall(frame(TEXT, b"\xff"))
            assert ending(client) == (1007, "invalid UTF-8")
        server.wait_for("closed the WebSocket of unix: a text message is not UTF-8")
        assert server.stop() == 0


def test_s1_with_none_a_request_for_a_websocket_is_plain_http() -> None:
    with serving(APP, "--ws", "none") as server, server.connect() as connection:
        connection.sendall(UPGRADE)
        assert connection.recv(65536).endswith(b"plain")
        server.wait_for(r"(?m)^INFO: +Started server process \[\d+\] with \w+, \w+$")


def test_u4_a_websocket_by_import_string() -> None:
    """U-4: another implementation of the same contract."""
    with serving(APP, "--ws", "esg_ws.entry_points:wsproto") as server, opened(server, "/echo") as client:
        client.send("hello")
        assert client.recv(timeout=PATIENCE) == "hello"


def test_u4_a_name_that_is_not_there() -> None:
    """U-4: one line, which lists the known names; exit code 2."""
    with Server(APP, "--ws", "websocket") as server:
        assert server.wait() == 2
        (line,) = [line for line in server.lines if "unknown name" in line]
        assert "ws: unknown name 'websocket'; choose auto, none, websockets, wsproto or MODULE:ATTRIBUTE" in line
