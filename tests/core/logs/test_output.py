"""Standard output that may be slow, full or gone (rule R-3: nothing is lost or held up)."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esg_core.logs.output import UNSENT_LIMIT, Output
from esg_core.testing import ManualLoop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be polled")


FULL = Path("/dev/full")


class Pipe:
    """A pipe instead of the process's standard output."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w", encoding="utf-8")
        os.set_blocking(self.reader, False)

    def read(self) -> bytes:
        """All that is in the pipe now."""
        found = bytearray()
        while True:
            try:
                data = os.read(self.reader, 65536)
            except BlockingIOError:
                return bytes(found)
            if not data:
                return bytes(found)
            found += data

    def close_reader(self) -> None:
        os.close(self.reader)
        self.reader = -1

    def close(self) -> None:
        self.stream.close()
        if self.reader >= 0:
            os.close(self.reader)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    pipe = Pipe()
    monkeypatch.setattr(sys, "__stdout__", pipe.stream)
    yield pipe
    pipe.close()


@pytest.fixture
def own_stdout(monkeypatch: pytest.MonkeyPatch) -> Callable[[io.TextIOWrapper], Output]:
    """Makes an output that takes a stream for the process's standard output."""

    def make(stream: io.TextIOWrapper) -> Output:
        monkeypatch.setattr(sys, "__stdout__", stream)
        return Output(stream)

    return make


def told(output: Output, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings about the output, which are logged to the output itself."""
    said: list[str] = []

    def warning(_: object, message: str, *arguments: object) -> None:
        said.append(message % arguments)
        output.write(said[-1])

    monkeypatch.setattr("logging.Logger.warning", warning)
    return said


def test_the_batch_and_what_is_written_come_in_their_order(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    output.batch += ["one", "two"]
    output.write("three")
    assert pipe.read() == b"one\ntwo\nthree\n"
    assert output.batch == []


def test_what_the_application_has_printed_goes_first(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    pipe.stream.write("printed by the application\n")
    output.write("logged")
    assert pipe.read() == b"printed by the application\nlogged\n"


def test_a_stream_that_took_the_place_of_stdout_gets_the_text() -> None:
    stream = io.StringIO()
    Output(stream).write("grüße")
    assert stream.getvalue() == "grüße\n"


def test_what_the_encoding_cannot_say_is_escaped(own_stdout: Callable[[io.TextIOWrapper], Output]) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as ours, os.fdopen(writer, "w", encoding="ascii") as stream:
        own_stdout(stream).write("grüße")
        assert ours.readline() == b"gr\\xfc\\xdfe\n"


def test_a_full_pipe_holds_nobody_up_and_loses_nothing(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    lines = [f"line {number} {'x' * 80}" for number in range(5000)]
    output.batch += lines
    begin = time.monotonic()
    assert not output.flush()
    assert time.monotonic() - begin < 5  # until the pipe is read it would be forever
    received = pipe.read()
    while not output.flush():
        received += pipe.read()
    received += pipe.read()
    assert received.decode().splitlines() == lines


def test_pieces_end_at_line_ends_so_that_lines_of_processes_do_not_mix(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    output.batch += ["x" * 99] * 5000
    output.flush()
    assert pipe.read().endswith(b"x\n")


def test_a_line_longer_than_a_piece_is_written_whole(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    output.batch += ["before", "x" * 20000, "after"]
    assert output.flush()
    assert pipe.read() == b"before\n" + b"x" * 20000 + b"\nafter\n"


def test_the_end_waits_for_a_slow_reader(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    output.batch += ["x" * 99] * 2000
    received = bytearray()

    def read() -> None:
        while len(received) < 200_000:
            received.extend(pipe.read())

    thread = threading.Thread(target=read)
    thread.start()
    assert output.flush(wait=10)
    thread.join()
    assert len(received) == 200_000


def test_the_end_does_not_wait_for_ever(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    output.batch += ["x" * 99] * 2000
    begin = time.monotonic()
    assert not output.flush(wait=0.2)
    assert 0.15 < time.monotonic() - begin < 10


def test_what_a_reader_did_not_take_is_written_when_it_reads_again(pipe: Pipe) -> None:
    output = Output(pipe.stream)
    with ManualLoop() as loop:
        loop.call_soon(output.write, "\n".join(["x" * 99] * 1000))
        loop.advance(1)
        received = pipe.read()
        loop.advance(0.2)
        received += pipe.read()
        assert len(received) == 100_000
        assert not loop._scheduled  # type: ignore[attr-defined] # rule L-5: no tick goes on


def test_more_than_can_be_kept_is_counted_and_confessed(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(pipe.stream)
    said = told(output, monkeypatch)
    total = 0
    for _ in range(30):
        output.batch += ["x" * 99] * 500
        total += 500
        output.flush()
    assert said == []
    received = bytearray()
    while not said:
        output.flush()
        received += pipe.read()
    received += pipe.read()
    *lines, confession = received.decode().splitlines()
    assert len(lines) * 100 > UNSENT_LIMIT
    assert confession == f"{total - len(lines)} log lines were lost: standard output is not being read"


def test_a_reader_that_is_gone_is_no_error(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(pipe.stream)
    said = told(output, monkeypatch)
    pipe.close_reader()
    for _ in range(3):
        output.write("nobody reads this")
    assert said == []


@pytest.mark.skipif(not FULL.exists(), reason="needs the device that is always full")
def test_a_full_disk_drops_lines_and_says_so_when_it_has_room_again(
    own_stdout: Callable[[io.TextIOWrapper], Output], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    with FULL.open("w", encoding="utf-8") as stream, os.fdopen(reader, "rb") as ours:
        output = own_stdout(stream)
        said = told(output, monkeypatch)
        output.batch += ["lost"] * 3
        output.flush()
        output.write("lost too")
        assert said == []
        os.dup2(writer, stream.fileno())
        os.close(writer)
        output.write("there is room")
        assert ours.readline() == b"there is room\n"
        assert ours.readline() == b"4 log lines were lost: No space left on device\n"
        assert len(said) == 1


HALF_A_LINE = """
import resource, signal, sys
from esg_core.logs.output import Output
output = Output(sys.stdout)
resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
output.batch += ["x" * 99, "y" * 99]
output.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
output.write("whole")
"""


def test_half_a_line_does_not_become_the_beginning_of_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-c", HALF_A_LINE], stdout=file, check=True, timeout=30)
    assert path.read_text(encoding="ascii").splitlines() == ["x" * 99, "y" * 50, "whole"]


FORKING = """
import os, sys
from esg_core import logs
from esg_core.options.config import Config
logs.configure(Config("app:app"))
from esg_core.logs.setup import _Console
_Console.output.batch.append("of the parent")
if os.fork() == 0:
    _Console.output.write("of the child")
    os._exit(0)
os.wait()
"""


def test_a_forked_child_does_not_repeat_its_parents_lines() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines() == ["of the child", "of the parent"]
    assert done.stderr == ""


def test_threads_write_whole_lines_and_lose_none(pipe: Pipe) -> None:
    output = Output(pipe.stream)

    def write(name: str) -> None:
        for number in range(100):
            output.write(f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    output.flush()
    assert sorted(pipe.read().decode().splitlines()) == sorted(f"{name} {n}" for name in "abcd" for n in range(100))


def test_a_descriptor_that_was_closed_is_no_error(own_stdout: Callable[[io.TextIOWrapper], Output]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    output = own_stdout(stream)
    stream.close()
    output.write("nowhere to go")
    assert output.flush()
