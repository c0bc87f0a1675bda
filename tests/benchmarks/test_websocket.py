"""The WebSocket client of the benchmarks: its frames, and one row for real."""

import queue
import socket
import sys
import threading
import zlib

import pytest

from benchmarks import idle_websockets
from benchmarks.__main__ import main
from benchmarks.websocket_client import open_clients
from benchmarks.websocket_frames import FrameCounter, compressed, frames_of, masked_frame, pong, text_of
from esg_core.testing import pieces
from esg_ws.frames import head
from tests.support.ws.frames import masked


def server_frame(payload: bytes) -> bytes:
    return head(0x81, len(payload)) + payload


def server_ping(payload: bytes) -> bytes:
    return bytes((0x89, len(payload))) + payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_of_the_client(size: int) -> None:
    payload = text_of(size)
    frame = masked_frame(payload, is_compressed=False)
    begin = len(head(0x81, size))
    assert len(frame) == begin + 4 + size
    assert masked(frame[begin + 4 :], frame[begin : begin + 4]) == payload


def test_compressed_content() -> None:
    assert zlib.decompressobj(wbits=-9).decompress(compressed(text_of(5000)) + b"\0\0\xff\xff") == text_of(5000)
    assert masked_frame(b"x", is_compressed=True)[0] == 0xC1


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000, 1 << 20])
def test_frames_of_the_server_are_counted(step: int) -> None:
    sizes = (0, 1, 125, 126, 3000, 0, 70_000 if step > 5 else 7)
    sent = b"".join(server_frame(bytes(size)) for size in sizes)
    counter = FrameCounter()
    assert sum(counter.feed(piece) for piece in pieces(sent, step)) == len(sizes)
    assert not counter.has_begun
    assert [len(payload) for _, payload in frames_of(sent)] == list(sizes)
    assert len(frames_of(sent[:-1])) == len(sizes) - 1


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1 << 20])
def test_pings_are_no_messages_and_are_kept_to_be_answered(step: int) -> None:
    control = (server_ping(b"ping"), b"\x8a\0", server_ping(b""))
    sent = server_frame(b"one") + control[0] + server_frame(bytes(300)) + control[1] + control[2]
    counter = FrameCounter()
    assert sum(counter.feed(piece) for piece in pieces(sent, step)) == 2
    assert not counter.has_begun
    assert counter.pings == [b"ping", b""]
    assert [len(payload) for _, payload in frames_of(sent)] == [3, 300]
    assert pong(b"ping") == bytes((0x8A, 0x84)) + bytes(4) + b"ping"


def test_clients_answer_pings_while_messages_come() -> None:
    """A server that pings at once, in the packet of its handshake and between messages."""

    def serve(listener: socket.socket, got: "queue.Queue[bytes]") -> None:
        with listener.accept()[0] as server:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += server.recv(4096)
            server.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + server_ping(b"a"))
            got.put(server.recv(7, socket.MSG_WAITALL))
            server.sendall(server_ping(b"b") + server_frame(b"x"))
            got.put(server.recv(7, socket.MSG_WAITALL))

    got: queue.Queue[bytes] = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, got))
        thread.start()
        (client,) = open_clients(listener.getsockname(), 1, deflate=False, most=4096)
        with client.socket:
            client.missing = 1
            while client.missing:
                client.receive()
            assert [got.get(timeout=10), got.get(timeout=10)] == [pong(b"a"), pong(b"b")]
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="CPU time is read from Linux's /proc")
@pytest.mark.parametrize("row", ["ws-64", "ws-4k-deflate", "ws-broadcast"])
def test_a_row_is_measured(row: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quick", "--rows", row, "--servers", "esg", "--rounds", "1", "--seconds", "1"]) == 0
    assert f"| {row} " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")
def test_idle_websockets_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert idle_websockets.main(["--sockets", "50", "--seconds", "0.5", "--servers", "esg"]) == 0
    assert "| esg, WebSocket, deflate | " in capsys.readouterr().out
