"""The interface of PEP 3333, with `wsgiref.validate` between server and application (rules I-2, I-3, I-5).

Over each parser, loop and version of HTTP.
"""

import io
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

import pytest

from tests.support.wsgi.serving import WAYS, Environ, StartResponse, Way, WSGIApplication, each_way, wsgi_server

TEXT = [("Content-Type", "text/plain")]


class Body:
    """An application's result: an iterable that counts how often it is closed, and may fail."""

    def __init__(self, parts: Iterable[bytes], *, fails_to_close: bool = False) -> None:
        self.closed = 0
        self._parts = iter(parts)
        self._fails = fails_to_close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self.closed += 1
        if self._fails:
            raise ValueError("broken close")


def answering(body: Iterable[bytes], *headers: tuple[str, str], status: str = "200 OK") -> "Answering":
    return Answering(body, status, [*TEXT, *headers])


class Answering:
    """An application that answers every request with the same object."""

    def __init__(self, body: Iterable[bytes], status: str, headers: list[tuple[str, str]]) -> None:
        self.body = body
        self._status = status
        self._headers = headers

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self._status, self._headers)
        return self.body


@each_way
def test_i5_a_body_of_one_part_gets_its_length(way: Way) -> None:
    with wsgi_server(answering([b"hello"]), way, is_valid=False) as server:
        answer = server.ask()
        assert (answer.status, answer.body, answer.get(b"content-length")) == (200, b"hello", b"5")
        assert answer.get(b"content-type") == b"text/plain"


@each_way
def test_i5_parts_are_sent_one_after_the_other_and_closed_once(way: Way) -> None:
    body = Body([b"one ", b"", b"two ", b"three"])
    with wsgi_server(answering(body), way) as server:
        answer = server.ask()
        assert answer.body == b"one two three"
        assert answer.get(b"content-length") is None
        server.wait_idle()
        assert body.closed == 1
        assert server.errors() == []


@each_way
def test_i5_a_part_is_sent_before_the_next_one_is_made(way: Way) -> None:
    """PEP 3333, "Buffering and Streaming": no block is delayed."""
    import threading

    may_go_on = threading.Event()

    def parts() -> Iterator[bytes]:
        yield b"first"
        assert may_go_on.wait(15)
        yield b"last"

    with wsgi_server(answering(Body(parts())), way) as server, server.talk() as client:
        client.send("GET", "/", [], b"", announced=True)
        seen = b""
        while b"first" not in seen:
            seen += client.read_some()
        may_go_on.set()
        while b"last" not in seen:
            seen += client.read_some()


@each_way
def test_i5_what_is_written_comes_before_what_is_returned(way: Way) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", TEXT)
        write(b"written ")
        write(b"")
        write(b"twice ")
        return [b"returned"]

    with wsgi_server(app, way) as server:
        assert server.ask().body == b"written twice returned"


@each_way
def test_i5_headers_may_be_given_with_the_first_part(way: Way) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("202 Accepted", TEXT)
        yield b"late"

    with wsgi_server(app, way) as server:
        answer = server.ask()
        assert (answer.status, answer.body) == (202, b"late")


@each_way
def test_i5_an_error_is_answered_instead_while_nothing_has_been_sent(way: Way) -> None:
    """PEP 3333, `exc_info`: the first status and headers are forgotten."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT, ("X-First", "1"), ("Content-Length", "3")])
        try:
            raise ValueError("for the page of errors")
        except ValueError:
            start_response("503 Sorry", TEXT, sys.exc_info())
        return [b"sorry"]

    with wsgi_server(app, way) as server:
        answer = server.ask()
        assert (answer.status, answer.body, answer.get(b"x-first")) == (503, b"sorry", None)
        assert answer.get(b"content-length") in (b"5", None)
        assert server.errors() == []


@each_way
def test_i5_an_error_after_the_first_part_is_raised_again_and_cuts_the_response(way: Way) -> None:
    caught: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"part"
        try:
            raise ValueError("too late for a page")
        except ValueError:
            try:
                start_response("500 Oh", TEXT, sys.exc_info())
            except ValueError as error:
                caught.append(str(error))
                raise

    with wsgi_server(app, way) as server:
        with pytest.raises(EOFError):
            server.ask()
        assert caught == ["too late for a page"]
        [error] = server.errors()
        assert error.startswith("exception in the application: GET /")


@each_way
@pytest.mark.parametrize("where", ["calling", "first part", "later part", "close"])
def test_i5_what_the_application_raises_is_logged_once(where: str, way: Way) -> None:
    """A 500 if nothing has been sent, else a cut response; `close` is called in any case."""

    def parts() -> Iterator[bytes]:
        if where == "first part":
            raise ZeroDivisionError(where)
        yield b"part"
        if where == "later part":
            raise ZeroDivisionError(where)

    bodies: list[Body] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if where == "calling":
            raise ZeroDivisionError(where)
        start_response("200 OK", TEXT)
        bodies.append(Body(parts(), fails_to_close=where == "close"))
        return bodies[-1]

    with wsgi_server(app, way, is_valid=False) as server:
        if where in ("calling", "first part"):
            answer = server.ask()
            assert (answer.status, answer.body) == (500, b"Internal Server Error")
        else:
            with pytest.raises(EOFError):
                server.ask()
        server.wait_idle()
        assert [body.closed for body in bodies] == ([] if where == "calling" else [1])
        [record] = [record for record in server.server.log.records if record.levelno == 40]
        assert record.exc_info is not None
        assert record.exc_info[0] is (ValueError if where == "close" else ZeroDivisionError)


def returns_nothing_of_use(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    return None  # type: ignore[return-value] # the error under test


def never_starts(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return [b"x"]


def starts_too_late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    yield b"x"
    start_response("200 OK", TEXT)


def starts_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return []


def yields_text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    return "text"  # type: ignore[return-value] # the error under test


def lists_text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    return ["a", "b"]  # type: ignore[list-item] # the error under test


def says_no_status(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("fine", TEXT)
    return []


def has_a_number_for_a_header(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-Number", 1)])
    return []


def splits_a_header(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-Split", "a\r\nX-Other: b")])
    return [b"x"]


def writes_foreign_letters(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-Name", "Łódź")])
    return [b"x"]


@each_way
@pytest.mark.parametrize(
    ("app", "said"),
    [
        (returns_nothing_of_use, "not iterable"),
        (never_starts, "without calling start_response"),
        (starts_too_late, "without calling start_response"),
        (starts_twice, "again without exc_info"),
        (yields_text, "not str"),
        (lists_text, "bytes"),
        (says_no_status, "'fine' is not a status"),
        (has_a_number_for_a_header, "pairs of native strings"),
        (splits_a_header, "a control byte"),
        (writes_foreign_letters, "pairs of native strings"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_i5_an_application_that_breaks_the_interface_gets_a_500(app: WSGIApplication, said: str, way: Way) -> None:
    with wsgi_server(app, way, is_valid=False) as server:
        assert server.ask().status == 500
        [record] = [record for record in server.server.log.records if record.levelno == 40]
        assert record.exc_info is not None
        assert said in str(record.exc_info[1])


@each_way
def test_i5_what_goes_beyond_the_content_length_is_an_error_and_not_sent(way: Way) -> None:
    body = Body([b"hello", b" and more"])
    with wsgi_server(answering(body, ("Content-Length", "5")), way) as server:
        assert server.ask().body == b"hello"
        server.wait_idle()
        assert body.closed == 1
        assert len(server.errors()) == 1


@each_way
def test_i5_the_answer_is_there_before_the_application_has_closed(way: Way) -> None:
    """As soon as all of the content-length has been produced: frameworks do their last work in `close`."""
    import threading

    may_close = threading.Event()

    class Late(Body):
        def close(self) -> None:
            assert may_close.wait(15)
            super().close()

    body = Late([b"hello"])
    with wsgi_server(answering(body, ("Content-Length", "5")), way) as server:
        assert server.ask().body == b"hello"
        assert body.closed == 0
        may_close.set()
        server.wait_idle()
        assert body.closed == 1


@each_way
@pytest.mark.parametrize("parts", [[b"hello"], [b"hel", b"lo"], []], ids=["one", "two", "none"])
@pytest.mark.parametrize("length", [(), (("Content-Length", "5"),)], ids=["open", "length"])
def test_i5_head_is_answered_without_a_body(parts: list[bytes], length: tuple[tuple[str, str], ...], way: Way) -> None:
    body = Body(parts)
    with wsgi_server(answering(body, *length), way) as server:
        answer = server.ask("HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.get(b"content-length") == (b"5" if length else None)
        server.wait_idle()
        assert body.closed == 1
        assert server.errors() == []


@each_way
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_i5_statuses_without_a_body(status: str, way: Way) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [])
        return [b""]

    with wsgi_server(app, way) as server:
        answer = server.ask()
        assert (answer.status, answer.body) == (int(status[:3]), b"")
        assert answer.get(b"content-length") is None
        assert answer.get(b"transfer-encoding") is None
        assert server.errors() == []


# The request's body.


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [body]


SIZES = [0, 1, 70_000, 600_000]


@each_way
@pytest.mark.parametrize("announced", [True, False], ids=["length", "open"])
@pytest.mark.parametrize("size", SIZES)
def test_i2_the_whole_body_is_there_whether_its_length_is_announced_or_not(
    size: int, announced: bool, way: Way
) -> None:
    """Chunked, or HTTP/2 without content-length: nothing is lost, and `CONTENT_LENGTH` gives the size."""
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with wsgi_server(echo, way) as server:
        answer = server.ask("POST", body=body, announced=announced)
        assert answer.body == body
        says_nothing = size == 0 and (announced or way.version == "2")
        assert answer.get(b"x-length") == (b"none" if says_nothing else b"%d" % size)


@each_way
@pytest.mark.parametrize("memory", [1000, 1_000_000], ids=["in a file", "in memory"])
def test_i2_a_body_is_read_in_all_ways(memory: int, way: Way) -> None:
    lines = [b"first\n", b"second\n", b"x" * 100_000 + b"\n", b"last"]
    seen: list[object] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        seen[:] = [body.readline(), body.read(3), body.read(0), body.readline(2), body.readlines()]
        seen.append(body.read(10))
        start_response("200 OK", TEXT)
        return [b"ok"]

    with wsgi_server(app, way, wsgi_body_memory=memory) as server:
        assert server.ask("POST", body=b"".join(lines)).body == b"ok"
        assert seen == [b"first\n", b"sec", b"", b"on", [b"d\n", *lines[2:]], b""]
        assert server.ask("POST", body=b"".join(lines), announced=False).body == b"ok"
        assert seen == [b"first\n", b"sec", b"", b"on", [b"d\n", *lines[2:]], b""]


@each_way
def test_i2_a_body_beyond_the_memory_is_in_a_file(way: Way) -> None:
    kinds: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        kinds.append("memory" if isinstance(body, io.BytesIO) else "file")
        assert body.read(500_000) == b"x" * int(environ["CONTENT_LENGTH"])
        start_response("200 OK", TEXT)
        return [b"ok"]

    with wsgi_server(app, way, is_valid=False, wsgi_body_memory=100_000) as server:
        for size in (50_000, 300_000, 400_000):
            assert server.ask("POST", body=b"x" * size).body == b"ok"
        assert kinds == ["memory", "file", "file"]


@each_way
def test_i2_a_body_beyond_its_limit_is_refused_before_the_application_is_called(way: Way) -> None:
    called: list[bool] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        called.append(True)
        return []

    with wsgi_server(app, way, limit_request_body=1000) as server:
        assert server.ask("POST", body=b"x" * 1001).status == 413
        assert server.ask("POST", body=b"x" * 1001, announced=False).status == 413
        assert called == []


def test_i2_a_client_that_waits_for_100_continue_gets_it() -> None:
    way = Way(wiring=WAYS[0].wiring, version="1.1")
    with wsgi_server(echo, way) as server, server.server.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.response("POST").status == 100
        assert client.send(b"hello").response("POST").body == b"hello"


# Particular kinds of requests.

value: ContextVar[str] = ContextVar("value", default="untouched")


@each_way
def test_i3_each_request_has_its_own_context(way: Way) -> None:
    """Set in the application, still set while the result is iterated and closed, and unseen by the next request."""
    seen: list[str] = []

    class Tells(Body):
        def close(self) -> None:
            seen.append(value.get())

    def parts() -> Iterator[bytes]:
        seen.append(value.get())
        yield b"x"

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(value.get())
        value.set(environ["PATH_INFO"])
        start_response("200 OK", TEXT)
        return Tells(parts())

    with wsgi_server(app, way, wsgi_threads=1) as server:
        for path in ("/a", "/b"):
            server.ask(path=path)
        server.wait_idle()
        assert seen == ["untouched", "/a", "/a", "untouched", "/b", "/b"]


@each_way
def test_i3_what_is_written_to_the_errors_comes_at_once(way: Way, capfd: pytest.CaptureFixture[str]) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.errors"].write("no end of line")
        environ["wsgi.errors"].writelines([", but", " all\n"])
        start_response("200 OK", TEXT)
        return [b"x"]

    with wsgi_server(app, way) as server:
        server.ask()
        assert capfd.readouterr().err == "no end of line, but all\n"


@pytest.mark.parametrize(("threads", "multithread"), [(1, b"False"), (2, b"True")])
def test_i3_one_thread_is_no_multithreading(threads: int, multithread: bytes) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEXT)
        return [str(environ["wsgi.multithread"]).encode()]

    with wsgi_server(app, WAYS[0], wsgi_threads=threads) as server:
        assert server.ask().body == multithread
