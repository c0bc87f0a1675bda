"""Clients that leave, send slowly or do not read take no threads from others (rules I-1, I-4).

Over each parser, loop and version of HTTP.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from esg_core.errors import ClientDisconnected
from tests.support.wsgi.clients import WAYS_TO_LEAVE, Talk
from tests.support.wsgi.serving import WAYS, Environ, StartResponse, Way, WSGIServer, each_way, wsgi_server

TEXT = [("Content-Type", "text/plain")]
PART = b"x" * 65536
PARTS = 208
"""Of a download of 13 MB, more than sockets and buffers hold."""

SOON, LATE = 1.0, 10.0
"""Seconds within which a thread must come back, and by how many a busy machine may be late."""

PATIENCE = 60.0


class Downloads:
    """An application that answers `/` at once and `/download` in parts; counts running and finished calls."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self._parts = parts
        self._changed = threading.Condition()
        self.begun = self.closed = 0
        self.ends: list[type[BaseException] | None] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            start_response("200 OK", TEXT)
            return [b"here"]
        with self._changed:
            self.begun += 1
        start_response("200 OK", TEXT)
        return Download(self, self._parts())

    def note(self, error: BaseException | None) -> None:
        with self._changed:
            self.ends.append(None if error is None else type(error))

    def close(self) -> None:
        with self._changed:
            self.closed += 1
            self._changed.notify_all()

    def wait_until_closed(self, count: int, seconds: float) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.closed >= count, seconds), f"{self.closed} of {count} are closed"


class Download:
    """One response, which notes how its generator ended."""

    def __init__(self, owner: Downloads, parts: Iterator[bytes]) -> None:
        self._owner = owner
        self._generator: Generator[bytes, None, None] = self._run(parts)

    def __iter__(self) -> Iterator[bytes]:
        return self._generator

    def close(self) -> None:
        self._generator.close()
        self._owner.close()

    def _run(self, parts: Iterator[bytes]) -> Generator[bytes, None, None]:
        try:
            yield from parts
        except BaseException as error:
            self._owner.note(error)
            raise
        self._owner.note(None)


def file_of_13_mb() -> Iterator[bytes]:
    for _ in range(PARTS):
        yield PART


def endless() -> Iterator[bytes]:
    while True:
        yield PART


def ticking() -> Iterator[bytes]:
    while True:
        yield b"tick\n"
        time.sleep(0.1)


def raising_when_left() -> Iterator[bytes]:
    try:
        yield from endless()
    finally:
        raise ZeroDivisionError("on the way out")


@contextmanager
def downloading(server: WSGIServer, count: int) -> Iterator[list[Talk]]:
    """`count` clients that have requested a download and received its first bytes."""
    fields = [(b"Connection", b"close")] if server.version == "1.1" else []
    with ExitStack() as stack:
        clients = [stack.enter_context(server.talk(receive_buffer=65536)) for _ in range(count)]
        for client in clients:
            client.send("GET", "/download", fields, b"", announced=True)
            client.read_some()
        yield clients


@each_way
@pytest.mark.parametrize("how", WAYS_TO_LEAVE)
@pytest.mark.parametrize("parts", [file_of_13_mb, endless, ticking])
def test_i1_threads_come_back_from_clients_that_leave(parts: Callable[[], Iterator[bytes]], how: str, way: Way) -> None:
    """Twelve of them for ten threads, however much the application still produces; the next one is served at once."""
    app = Downloads(parts)
    with wsgi_server(app, way, wsgi_response_buffer=200_000) as server:
        with downloading(server, 10) as clients:
            for client in clients:
                client.leave(how)
            began = time.monotonic()
            app.wait_until_closed(10, PATIENCE)
            assert time.monotonic() - began < SOON + LATE
        assert server.ask().body == b"here"
        server.wait_idle()
        assert app.closed == app.begun == 10
        assert set(app.ends) <= {None, GeneratorExit}
        assert server.server.log.trouble == []


@each_way
def test_i5_what_is_raised_by_a_generator_that_is_closed_is_logged_once(way: Way) -> None:
    app = Downloads(raising_when_left)
    with wsgi_server(app, way, wsgi_response_buffer=200_000, is_valid=False) as server:
        with downloading(server, 3) as clients:
            for client in clients:
                client.leave("reset")
            server.wait_idle()
        assert server.ask().body == b"here"
        records = [record for record in server.server.log.records if record.levelno == 40]
        assert [record.exc_info[0] for record in records if record.exc_info] == [ZeroDivisionError] * 3


@each_way
def test_i1_write_tells_the_application_that_its_client_has_gone(way: Way) -> None:
    told: list[type[BaseException]] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", TEXT)
        try:
            while True:
                write(PART)
        except OSError as error:
            told.append(type(error))
            raise

    with wsgi_server(app, way, wsgi_response_buffer=200_000) as server:
        with server.talk() as client:
            client.send("GET", "/", [], b"", announced=True)
            client.read_some()
            client.leave("reset")
            server.wait_idle()
        assert told == [ClientDisconnected]
        assert server.server.log.trouble == []


@each_way
def test_i1_a_client_that_leaves_before_the_first_part(way: Way) -> None:
    """While the application computes its response, which is completed and sent to no client."""
    asked, may_answer = threading.Event(), threading.Event()

    def parts() -> Iterator[bytes]:
        asked.set()
        assert may_answer.wait(PATIENCE)
        yield from endless()

    app = Downloads(parts)
    with wsgi_server(app, way) as server:
        with server.talk() as client:
            client.send("GET", "/download", [], b"", announced=True)
            assert asked.wait(PATIENCE)
            client.leave("reset")
        time.sleep(0.1)  # for the server to notice
        may_answer.set()
        app.wait_until_closed(1, PATIENCE)
        server.wait_idle()
        assert server.server.log.trouble == []


HALF_CLOSING = [way for way in WAYS if way.version == "1.1"]


@pytest.mark.parametrize("way", HALF_CLOSING, ids=str)
def test_h9_a_client_that_closes_its_side_gets_the_whole_response(way: Way) -> None:
    """H-9: even if it takes longer than noticing that the client will send no more."""

    def parts() -> Iterator[bytes]:
        for _ in range(8):
            time.sleep(0.15)
            yield PART

    app = Downloads(parts)
    with wsgi_server(app, way) as server, server.server.connect() as client:
        client.send(b"GET /download HTTP/1.1\r\nHost: a.test\r\n\r\n").half_close()
        assert len(client.response().body) == 8 * len(PART)
        server.wait_idle()
        assert app.ends == [None]


@pytest.mark.parametrize("way", HALF_CLOSING, ids=str)
def test_h9_a_client_that_has_closed_its_side_is_served_while_it_reads(way: Way) -> None:
    """H-9, H-17: an endless download, until the client stops reading: then `timeout_write` ends it like any other."""
    app = Downloads(endless)
    with (
        wsgi_server(app, way, wsgi_response_buffer=200_000, timeout_write=1) as server,
        server.server.connect(receive_buffer=65536) as client,
    ):
        client.send(b"GET /download HTTP/1.1\r\nHost: a.test\r\n\r\n").half_close()
        began, size = time.monotonic(), 0
        while time.monotonic() - began < 2 or size < 10 * PARTS * len(PART):  # longer than a silent client is given
            data = client.socket.recv(1 << 20)
            assert data, f"cut off after {size} bytes"
            size += len(data)
        assert app.closed == 0
        app.wait_until_closed(1, PATIENCE)
        assert app.ends == [GeneratorExit]


@each_way
def test_i4_a_client_that_stops_reading_holds_a_thread_until_timeout_write(way: Way) -> None:
    """Beyond its response buffer."""
    app = Downloads(endless)
    with wsgi_server(app, way, wsgi_response_buffer=200_000, timeout_write=1) as server, downloading(server, 1):
        app.wait_until_closed(1, PATIENCE)
        assert app.ends == [GeneratorExit]


# Slow clients.


@each_way
def test_i4_slow_uploads_take_no_threads(way: Way) -> None:
    """Twelve for two threads, none of which is used before a whole body has come."""
    called: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        size = len(environ["wsgi.input"].read(-1))
        called.append(size)
        start_response("200 OK", TEXT)
        return [b"%d" % size]

    with wsgi_server(app, way, wsgi_threads=2) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.talk()) for _ in range(12)]
        for client in clients:
            client.upload("/", 20)
            client.go_on(b"x" * 10, end=False)
        assert server.ask().body == b"0"
        assert called == [0]
        for client in clients:
            client.go_on(b"x" * 10, end=True)
            assert client.read("POST").body == b"20"


@each_way
@pytest.mark.parametrize("how", WAYS_TO_LEAVE)
def test_i4_the_application_hears_nothing_of_an_upload_that_breaks_off(how: str, way: Way) -> None:
    called: list[bool] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        called.append(True)
        start_response("200 OK", TEXT)
        return []

    with wsgi_server(app, way, wsgi_body_memory=1000) as server:
        with server.talk() as client:
            client.upload("/", 100_000)
            client.go_on(b"x" * 50_000, end=False)
            server.server.wait_until(lambda: server.server.context.cycles)
            client.leave(how)
            server.wait_idle()
        assert called == []
        assert server.server.log.trouble == []


@each_way
def test_i1_clients_that_do_not_read_take_no_threads(way: Way) -> None:
    """Twelve downloads of 13 MB for two threads: each is produced to its end, and every byte arrives."""
    app = Downloads(file_of_13_mb)
    with wsgi_server(app, way, wsgi_threads=2) as server, downloading(server, 12) as clients:
        app.wait_until_closed(12, PATIENCE)
        assert server.ask().body == b"here"
        assert app.ends == [None] * 12
        for client in clients[::11]:
            assert client.read_last() == PART * PARTS


@each_way
def test_i4_what_waits_in_memory_and_file_keeps_its_order(way: Way) -> None:
    """A slow reader, a small bound and parts of all sizes: nothing is lost or sent twice."""
    sizes = [1, 70_000, 3, 200_000, 5, 5, 5, 64_000, 1_000_000, 2, 300_000] * 3
    parts = [bytes([65 + number % 26]) * size for number, size in enumerate(sizes)]
    is_behind = threading.Event()

    def noted() -> Iterator[bytes]:
        for number, part in enumerate(parts):
            if number == 8:  # there is more before it than may wait in memory
                is_behind.set()
            yield part

    app = Downloads(noted)
    with (
        wsgi_server(app, way, wsgi_body_memory=50_000, wsgi_response_buffer=400_000) as server,
        downloading(server, 1) as [client],
    ):
        assert is_behind.wait(PATIENCE)
        assert client.read_last() == b"".join(parts)
        server.wait_idle()
        assert server.server.log.trouble == []


@each_way
def test_i4_more_requests_than_threads_wait_for_one(way: Way) -> None:
    """Nine for three threads: three meet at a time, never four."""
    lock, meeting = threading.Lock(), threading.Barrier(3)
    running: list[int] = [0]

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with lock:
            running[0] += 1
            running.append(running[0])
        meeting.wait(PATIENCE)
        with lock:
            running[0] -= 1
        start_response("200 OK", TEXT)
        return [b"x"]

    with wsgi_server(app, way, wsgi_threads=3) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.talk()) for _ in range(9)]
        for client in clients:
            client.send("GET", "/", [], b"", announced=True)
        assert [client.read("GET").body for client in clients] == [b"x"] * 9
        assert max(running) == 3


@each_way
def test_i1_a_thousand_clients_that_leave_leave_nothing_behind(way: Way) -> None:
    app = Downloads(endless)
    with wsgi_server(app, way, wsgi_threads=50, wsgi_response_buffer=100_000, is_valid=False) as server:
        threads = threading.active_count()
        for _ in range(20):
            with downloading(server, 50) as clients:
                for client in clients:
                    client.leave("reset")
        server.wait_idle()
        assert app.closed == app.begun == 1000
        assert threading.active_count() <= threads + 50 + 8  # those of the pool, and the loop's own
        assert server.ask().body == b"here"
        assert server.server.log.trouble == []
