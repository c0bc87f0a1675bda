"""`--log-level trace` on real servers (rule R-4): connections and ASGI messages, whatever carries them."""

import re
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.e2e.server import PATIENCE, Server, serving
from tests.support.http.sockets import client_tls
from tests.support.installed import LOOPS, PARSERS

APP = "tests.behaviour.apps.traced:app"


def traced(server: Server, pattern: str) -> list[str]:
    """The trace of the server's first client until a line matches the pattern, without the client's address."""
    server.wait_for(rf"(?m)^TRACE:    (?:\[?[\w.:]+\]?|unix) - {pattern}$")
    lines = [line.removeprefix("TRACE:    ") for line in server.lines if line.startswith("TRACE:    ")]
    found = [re.fullmatch(r"(127\.0\.0\.1:\d+|unix) - (.*)", line) for line in lines]
    return [one[2] for one in found if one is not None]


def of_calls(lines: Sequence[str]) -> list[str]:
    return [line.partition("] ")[2] for line in lines if line.startswith("ASGI [")]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("parser", PARSERS)
def test_a_request_over_http_1(loop: str, parser: str) -> None:
    with serving(APP, "--log-level", "trace", "--loop", loop, "--http", parser) as server:
        with httpx.Client() as client:
            answer = client.post(f"{server.url}/x?y=%0A", content=b"a" * 40, headers={"authorization": "secret"})
        assert answer.text == "a" * 40
        lines = traced(server, "connection closed")
        server.wait_for(r"(?m)^TRACE:    ASGI \[1\] send lifespan\.startup\.complete$")
    assert (lines[0], lines[-1]) == ("connection opened: HTTP/1.1", "connection closed")
    started, *rest = of_calls(lines)
    assert re.fullmatch(r"started http POST /x\?y=%0A HTTP/1\.1 headers=<host .*authorization.*>", started)
    assert rest == [
        f"receive http.request body=<40 bytes {b'a' * 32!r}...> more_body=False",
        "send http.response.start status=200 headers=<content-length>",
        f"send http.response.body body=<40 bytes {b'a' * 32!r}...>",
        "completed",
    ]
    assert "secret" not in server.output
    assert [line for line in server.lines if "lifespan" in line] == [
        f"TRACE:    ASGI [1] {what}"
        for what in (
            "started lifespan",
            "receive lifespan.startup",
            "send lifespan.startup.complete",
            "receive lifespan.shutdown",
            "send lifespan.shutdown.complete",
        )
    ]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("front", ["cleartext", "tls"])
def test_a_request_over_http_2(loop: str, front: str, certificate: Path) -> None:
    options = ["--ssl-certfile", str(certificate)] if front == "tls" else []
    with serving(APP, "--log-level", "trace", "--loop", loop, *options) as server:
        context = client_tls("h2") if front == "tls" else True
        with httpx.Client(http1=False, http2=True, verify=context) as client:
            assert client.post(f"{server.url}/", content=b"hello").text == "hello"
        lines = traced(server, "connection closed")
    opened = ["connection opened: HTTP/2"]
    if front == "cleartext":
        opened = ["connection opened: HTTP/1.1", "connection switched to HTTP/2"]
    assert lines[: len(opened)] == opened
    assert "completed" in of_calls(lines)
    assert lines.count("connection closed") == 1


@pytest.mark.parametrize(
    ("loop", "codec", "front"),
    [
        ("uvloop", "websockets", "cleartext"),
        ("uvloop", "wsproto", "tls"),
        ("asyncio", "wsproto", "cleartext"),
        ("asyncio", "websockets", "tls"),
    ],
)
def test_a_websocket(loop: str, codec: str, front: str, certificate: Path) -> None:
    options = ["--ssl-certfile", str(certificate)] if front == "tls" else []
    with serving(APP, "--log-level", "trace", "--loop", loop, "--ws", codec, *options) as server:
        context: ssl.SSLContext | None = client_tls() if front == "tls" else None
        url = server.url.replace("http", "ws", 1)
        with connect(f"{url}/ws", ssl=context, open_timeout=PATIENCE) as socket:
            socket.send("hi\nthere")
            assert socket.recv(PATIENCE) == "hi\nthere"
        lines = traced(server, "connection closed")
    assert lines[0] == "connection opened: HTTP/1.1"
    assert [line for line in lines if line.startswith("connection")][1:] == [
        "connection switched to WebSocket",
        "connection closed",
    ]
    started, *rest = of_calls(lines)
    assert started.startswith("started websocket /ws HTTP/1.1 headers=<host ")
    assert rest == [
        "receive websocket.connect",
        "send websocket.accept",
        r"receive websocket.receive text=<8 characters 'hi\nthere'>",
        r"send websocket.send text=<8 characters 'hi\nthere'>",
        "receive websocket.disconnect code=1000 reason=''",
        "completed",
    ]


def test_clients_of_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "esg.sock")
    with Server(APP, "--log-level", "trace", "--uds", path) as server:
        server.wait_for("running on unix:")
        with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
            assert client.post("http://esg/", content=b"hello").text == "hello"
        lines = traced(server, "connection closed")
    assert (lines[0], lines[-1]) == ("connection opened: HTTP/1.1", "connection closed")


@pytest.mark.parametrize("options", [("--workers", "1"), ("--workers", "1", "--preload")])
def test_a_worker_traces_too(options: tuple[str, ...]) -> None:
    with serving(APP, "--log-level", "trace", *options) as server:
        with httpx.Client() as client:
            client.post(server.url, content=b"hello")
        server.wait_for(r"(?m)^TRACE:    \[\d+\] 127\.0\.0\.1:\d+ - connection closed$")
        server.wait_for(r"ASGI \[2\] receive http\.request body=<5 bytes b'hello'> more_body=False")
