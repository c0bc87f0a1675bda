"""The WebSocket client of the benchmarks: its frames, and one row for real."""

import sys
import zlib

import pytest

from benchmarks import idle_websockets
from benchmarks.__main__ import main
from benchmarks.websocket_frames import FrameCounter, compressed, frames_of, masked_frame, text_of
from esg_core.testing import pieces
from esg_ws.frames import head
from tests.ws.frames import masked


def server_frame(payload: bytes) -> bytes:
    return head(0x81, len(payload)) + payload


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
