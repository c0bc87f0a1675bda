"""Compressed messages that are small on the wire, on sockets: both loops and codecs, TLS, HTTP/2 (S-5, S-6)."""

import http.client
import os
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.e2e.server import PATIENCE, Server, serving
from tests.support.http.sockets import client_tls
from tests.support.ws.frames import BINARY, close, deflated, fragments, frame, read_frames
from tests.support.ws.sockets import client

APP = "tests.behaviour.apps.websocket_floods:app"

SIZE = 15_000_000
COUNT = 20

HELD = 100_000_000
"""Bytes: two messages of the largest size, one being put together from its parts, and what the allocator keeps."""

LONGEST = 0.1
"""Seconds of CPU: a few times what putting such a message together takes; inflating one takes 0.03."""


def messages() -> bytes:
    """In one frame each, and in two, which a codec reads."""
    content = deflated(bytes(SIZE))
    half = len(content) // 2
    first, second = fragments(BINARY, content[:half], content[half:])
    return (frame(BINARY, content, rsv=4) + bytes((first[0] | 0x40,)) + first[1:] + second) * (COUNT // 2)


def memory(server: Server) -> int:
    """Bytes of the process that are in memory, once they stay the same."""
    last, end = -1, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
        if pages == last:
            break
        last = pages
        time.sleep(0.3)
    return last * os.sysconf("SC_PAGE_SIZE")


def ask(server: Server, path: str, tls: ssl.SSLContext | None) -> float:
    """The longest turn of the loop since the last call, in seconds of CPU."""
    place = ("127.0.0.1", server.port)
    asked = http.client.HTTPConnection(*place) if tls is None else http.client.HTTPSConnection(*place, context=tls)
    asked.request("GET", path)
    answer = int(asked.getresponse().read()) / 1e6
    asked.close()
    return answer


@pytest.mark.needs("_tracemalloc")  # CPython: another collector keeps more memory
@pytest.mark.parametrize(("loop", "codec"), [("uvloop", "websockets"), ("asyncio", "wsproto")])
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_s6_what_is_not_received_waits_compressed(
    loop: str, codec: str, is_tls: bool, http2: bool, certificate: Path
) -> None:
    """And S-5: once received, it is processed in small turns, and nothing is lost."""
    options, tls = (["--ssl-certfile", str(certificate)], client_tls("http/1.1")) if is_tls else ([], None)
    with serving(APP, "--loop", loop, "--ws", codec, *options) as server:
        with client(server.connect(), "/", is_tls=is_tls, http2=http2) as websocket:
            before = memory(server)
            ask(server, "/", tls)
            sent = messages()
            taken = websocket.send(sent)
            assert 2 * SIZE < memory(server) - before < HELD
            ask(server, "/go", tls)
            websocket.send(sent[taken:] + close())
            answer = b""
            while not answer.endswith(b"\x88\x02\x03\xe8"):
                answer += websocket.receive()
        payloads = [found.payload for found in read_frames(answer)]
        assert payloads[:-1] == [str(SIZE).encode()] * COUNT
        assert ask(server, "/", tls) < LONGEST


CONNECT = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"localhost"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-extensions", b"permessage-deflate"),
]


@pytest.mark.needs("_tracemalloc", "aioquic")
@pytest.mark.parametrize(("loop", "codec"), [("uvloop", "websockets"), ("asyncio", "wsproto")])
def test_q8_the_same_over_http3(loop: str, codec: str, certificate: Path) -> None:
    """S-5, S-6."""
    from tests.support.http3.sockets import H3SocketClient

    tls = client_tls("http/1.1")
    options = ("--http3", "--ssl-certfile", str(certificate))
    with serving(APP, "--loop", loop, "--ws", codec, *options) as server, H3SocketClient(server.port) as client:
        client.start(CONNECT, end=False)
        assert client.head().status == 200
        before = memory(server)
        ask(server, "/", tls)
        client.say(messages())
        with suppress(TimeoutError):
            client.wait(lambda: client.over, 1.0)
        assert 2 * SIZE < memory(server) - before < HELD
        ask(server, "/go", tls)
        client.say(close())
        answer = b""
        while not answer.endswith(b"\x88\x02\x03\xe8"):
            answer += client.content()
        payloads = [found.payload for found in read_frames(answer)]
        assert payloads[:-1] == [str(SIZE).encode()] * COUNT
        assert ask(server, "/", tls) < LONGEST
