"""The transport in memory keeps the promises of asyncio's own."""

import asyncio
from collections.abc import Iterator

import pytest

from esg_core.testing import ManualLoop, MemoryTransport, drip


class Recorder(asyncio.Protocol):
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.keep_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(("lost", exc))


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.fixture
def protocol() -> Recorder:
    return Recorder()


@pytest.fixture
def transport(loop: ManualLoop, protocol: Recorder) -> MemoryTransport:
    transport = MemoryTransport(protocol, loop)
    transport.open()
    loop.settle()
    assert protocol.calls == ["made"]
    protocol.calls.clear()
    return transport


def test_who_talks_to_whom(loop: ManualLoop, protocol: Recorder) -> None:
    plain = MemoryTransport(protocol, loop)
    assert plain.get_extra_info("peername") == ("127.0.0.1", 50000)
    assert plain.get_extra_info("sockname") == ("127.0.0.1", 8000)
    assert plain.get_extra_info("ssl_object") is None
    unix = MemoryTransport(protocol, loop, peername="", sockname="/run/s", extra={"sslcontext": "x"})
    assert unix.get_extra_info("sockname") == "/run/s"
    assert unix.get_extra_info("sslcontext") == "x"


class TestReading:
    def test_segments_come_from_the_loop_one_by_one(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        drip(transport.feed, b"abc")
        assert protocol.calls == []
        loop.settle()
        assert protocol.calls == [b"a", b"b", b"c"]

    def test_a_long_segment_comes_in_parts(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        transport.feed(bytes(600_000))
        loop.settle()
        assert [len(data) for data in protocol.calls if isinstance(data, bytes)] == [262_144, 262_144, 75_712]

    def test_nothing_comes_while_reading_is_paused(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        transport.pause_reading()
        assert not transport.is_reading()
        transport.feed(b"abc")
        transport.feed_eof()
        loop.settle()
        assert protocol.calls == []
        assert transport.unread == 3
        transport.resume_reading()
        loop.settle()
        assert protocol.calls == [b"abc", "eof", ("lost", None)]
        assert transport.unread == 0

    def test_a_pause_stops_the_next_segment(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "data_received", lambda data: transport.pause_reading())
        drip(transport.feed, b"abc")
        loop.settle()
        assert transport.unread == 2

    def test_the_end_closes_unless_the_protocol_keeps_it_open(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        protocol.keep_open = True
        transport.feed_eof()
        loop.settle()
        assert protocol.calls == ["eof"]
        assert not transport.is_closing()
        transport.write(b"still there")
        assert transport.read() == b"still there"

    def test_nothing_comes_after_close(self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport) -> None:
        transport.close()
        transport.feed(b"too late")
        loop.settle()
        assert protocol.calls == [("lost", None)]


class TestWriting:
    def test_what_is_written_is_kept(self, transport: MemoryTransport) -> None:
        transport.write(b"ab")
        transport.write(bytearray(b"cd"))
        transport.writelines([b"ef", memoryview(b"gh")])
        transport.write(b"")
        assert transport.writes == [b"ab", b"cd", b"efgh"]
        assert transport.read(3) == b"abc"
        assert transport.read() == b"defgh"
        assert transport.read() == b""
        assert transport.written == b"abcdefgh"

    def test_only_bytes_are_written(self, transport: MemoryTransport) -> None:
        with pytest.raises(TypeError, match="not str"):
            transport.write("text")  # type: ignore[arg-type]  # that is what is tested

    def test_a_client_that_reads_pauses_nobody(self, protocol: Recorder, transport: MemoryTransport) -> None:
        transport.write(bytes(1_000_000))
        assert transport.get_write_buffer_size() == 0
        assert protocol.calls == []

    def test_a_client_that_does_not_read_pauses_writing(self, protocol: Recorder, transport: MemoryTransport) -> None:
        transport.set_write_buffer_limits(high=10, low=4)
        assert transport.get_write_buffer_limits() == (4, 10)
        transport.stall()
        transport.write(bytes(10))
        assert protocol.calls == []
        transport.write(bytes(5))
        assert protocol.calls == ["pause"]
        assert transport.get_write_buffer_size() == 15
        transport.read(10)
        assert protocol.calls == ["pause"]
        transport.read(1)
        assert protocol.calls == ["pause", "resume"]

    def test_what_was_read_before_the_stall_does_not_count(self, transport: MemoryTransport) -> None:
        transport.write(bytes(100))
        transport.stall()
        transport.write(bytes(5))
        assert transport.get_write_buffer_size() == 5
        transport.read(102)
        assert transport.get_write_buffer_size() == 3
        transport.read()
        assert transport.get_write_buffer_size() == 0

    @pytest.mark.parametrize(("high", "low"), [(1, 2), (10, -1)])
    def test_water_marks_make_sense(self, transport: MemoryTransport, high: int, low: int) -> None:
        with pytest.raises(ValueError, match="must not be below"):
            transport.set_write_buffer_limits(high, low)

    def test_water_marks_left_out(self, transport: MemoryTransport) -> None:
        transport.set_write_buffer_limits(low=100)
        assert transport.get_write_buffer_limits() == (100, 400)
        transport.set_write_buffer_limits(high=0)
        assert transport.get_write_buffer_limits() == (0, 0)
        transport.set_write_buffer_limits()
        assert transport.get_write_buffer_limits() == (16_384, 65_536)

    def test_half_close(self, transport: MemoryTransport) -> None:
        assert transport.can_write_eof()
        transport.write_eof()
        assert transport.eof_written
        with pytest.raises(RuntimeError, match="after write_eof"):
            transport.write(b"x")

    def test_tls_has_no_half_close(self, loop: ManualLoop, protocol: Recorder) -> None:
        transport = MemoryTransport(protocol, loop, extra={"ssl_object": object()})
        assert not transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            transport.write_eof()


class TestTheEnd:
    def test_close_is_told_from_the_loop_and_once(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        transport.close()
        transport.close()
        transport.abort()
        assert transport.is_closing()
        assert protocol.calls == []
        loop.settle()
        assert protocol.calls == [("lost", None)]
        assert transport.closed

    def test_close_waits_until_the_client_has_read(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        transport.stall()
        transport.write(b"response")
        transport.close()
        loop.settle()
        assert not transport.closed
        assert transport.read() == b"response"
        loop.settle()
        assert transport.closed

    def test_what_is_written_after_close_is_lost(self, transport: MemoryTransport) -> None:
        transport.close()
        transport.write(b"late")
        assert transport.written == b""
        assert transport.late == b"late"

    def test_abort_waits_for_nobody(self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport) -> None:
        transport.stall()
        transport.write(b"response")
        transport.abort()
        loop.settle()
        assert transport.aborted
        assert transport.get_write_buffer_size() == 0
        assert protocol.calls == [("lost", None)]

    def test_a_client_that_breaks_the_connection(
        self, loop: ManualLoop, protocol: Recorder, transport: MemoryTransport
    ) -> None:
        transport.reset()
        loop.settle()
        assert transport.is_closing()
        assert str(protocol.calls) == "[('lost', ConnectionResetError('connection reset by peer'))]"


def test_another_protocol_takes_over(loop: ManualLoop, protocol: Recorder, transport: MemoryTransport) -> None:
    other = Recorder()
    transport.set_protocol(other)
    assert transport.get_protocol() is other
    transport.feed(b"x")
    loop.settle()
    assert (protocol.calls, other.calls) == ([], [b"x"])


def test_a_protocol_that_wants_its_own_buffer_is_refused(loop: ManualLoop) -> None:
    with pytest.raises(TypeError, match=r"asyncio\.Protocol"):
        MemoryTransport(asyncio.BufferedProtocol(), loop)  # type: ignore[arg-type]  # that is what is tested
