"""Requests that have arrived whole need no task, unless their call lasts, fails or is cancelled (rule I-6)."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from esg_core.app.wsgi import watch
from esg_core.app.wsgi.bridge import WSGIBridge
from esg_core.context import TASK_NAME
from tests.support.wsgi.serving import WAYS, Environ, StartResponse, Way, WSGIServer, each_way, wsgi_server

PATIENCE = 60.0

TEXT = [("Content-Type", "text/plain")]

TWO = [way for way in WAYS if way.wiring.loop == "uvloop" and way.wiring.parser == "httptools"]
"""One for each version of HTTP: the parser and the loop have no part in it."""

each_version = pytest.mark.parametrize("way", TWO, ids=str)


class Held:
    """An application that answers when it is told to; `/` answers at once."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.began = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.calls: list[str] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.calls.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] != "/":
            self.began.release()
            assert self.go_on.wait(PATIENCE)
            if self._error is not None:
                raise self._error
        start_response("200 OK", TEXT)
        return [environ["wsgi.input"].read() or b"here"]


def tasks(server: WSGIServer) -> int:
    """How many requests have a task."""
    return server.server.run(lambda: sum(task.get_name() == TASK_NAME for task in asyncio.all_tasks()))


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call lasts long enough for a closer look."""
    monkeypatch.setattr(watch, "LOOK", 3600.0)


@each_way
@pytest.mark.usefixtures("unwatched")
def test_i6_a_whole_answer_to_a_whole_request_needs_no_task(way: Way) -> None:
    app = Held()
    with wsgi_server(app, way, is_valid=False) as server:
        with server.talk() as client:
            client.send("POST", "/held", [], b"sent with it", announced=True)
            assert app.began.acquire(timeout=PATIENCE)
            expected = 1 if way.version == "2" else 0  # the body came after the head
            assert tasks(server) == expected
            app.go_on.set()
            assert client.read("POST").body == b"sent with it"
        app.go_on.clear()
        with server.talk() as client:
            client.send("GET", "/held", [], b"", announced=True)
            assert app.began.acquire(timeout=PATIENCE)
            assert tasks(server) == 0
            app.go_on.set()
            assert client.read("GET").body == b"here"
        server.wait_idle()
        assert server.errors() == []


@each_version
@pytest.mark.parametrize("error", [None, ValueError("it fails")], ids=["answers", "fails"])
def test_i6_a_call_that_lasts_goes_on_in_a_task(
    way: Way, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK", 0.01)
    app = Held(error)
    with wsgi_server(app, way, is_valid=False) as server:
        with server.talk() as client:
            client.send("GET", "/held", [], b"", announced=True)
            server.server.wait_until(lambda: [task for task in asyncio.all_tasks() if task.get_name() == TASK_NAME])
            app.go_on.set()
            assert client.read("GET").status == (200 if error is None else 500)
        server.wait_idle()
        assert len(server.errors()) == (error is not None)


def parts(start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", TEXT)
    yield b"two "
    yield b"parts"


def too_long(start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "3")])
    return [b"more"]


def no_status(start_response: StartResponse) -> list[bytes]:
    start_response("none", TEXT)
    return [b""]


def bad_field(start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("X-Bad", "a\rb")])
    return [b"never sent"]


Answer = Callable[[StartResponse], Iterable[bytes]]

ODD: dict[Answer, tuple[int, bytes, int]] = {
    parts: (200, b"two parts", 0),
    no_status: (500, b"Internal Server Error", 1),
    bad_field: (500, b"Internal Server Error", 1),
}
"""Status, body and errors in the log."""


@each_version
@pytest.mark.parametrize("answer", ODD, ids=lambda answer: answer.__name__)
def test_i6_whatever_is_not_whole_or_right_ends_as_ever(way: Way, answer: Answer) -> None:
    with wsgi_server(lambda _environ, start_response: answer(start_response), way, is_valid=False) as server:
        status, body, errors = ODD[answer]
        for _ in range(2):
            response = server.ask()
            assert (response.status, response.body) == (status, body)
        server.wait_idle()
        assert len(server.errors()) == 2 * errors


@each_version
def test_i6_a_body_beyond_its_length_is_cut(way: Way) -> None:
    with wsgi_server(lambda _environ, start_response: too_long(start_response), way, is_valid=False) as server:
        assert server.ask().body == b"mor"
        server.wait_idle()
        assert len(server.errors()) == 1


@each_version
@pytest.mark.usefixtures("unwatched")
def test_i6_a_call_without_a_task_can_be_cancelled(way: Way) -> None:
    """As a stop does when its time is over (rule L-2): the call is abandoned."""
    app = Held()
    with wsgi_server(app, way, is_valid=False) as server:
        with server.talk() as client:
            client.send("GET", "/held", [], b"", announced=True)
            assert app.began.acquire(timeout=PATIENCE)
            context = server.server.context
            for task in server.server.run(context.tasks):
                server.server.run(task.cancel)
            server.wait_idle()
        app.go_on.set()
        assert server.ask().body == b"here"


@pytest.mark.needs("httptools")
@pytest.mark.usefixtures("unwatched")
def test_i6_a_stream_that_is_cancelled_at_once_is_never_begun() -> None:
    """2-3: one that is cancelled later counts as a stream until its call is over."""
    app = Held()
    [way] = [way for way in TWO if way.version == "2"]
    with wsgi_server(app, way, is_valid=False) as server, server.server.connect() as client:
        http2 = H2Connection(H2Configuration(client_side=True))
        http2.initiate_connection()
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test")]
        http2.send_headers(1, [*head, (":path", "/at-once")], end_stream=True)
        http2.reset_stream(1)
        http2.send_headers(3, [*head, (":path", "/later")], end_stream=True)
        client.send(http2.data_to_send())
        assert app.began.acquire(timeout=PATIENCE)
        http2.reset_stream(3)
        client.send(http2.data_to_send())
        server.server.wait_until(lambda: [cycle for cycle in server.server.context.cycles if cycle.client_gone])
        app.go_on.set()
        server.wait_idle()
        assert server.ask().body == b"here"
        assert app.calls == ["/later", "/"]
        assert server.errors() == []


@each_version
def test_i6_calls_without_a_task_share_their_threads(way: Way) -> None:
    with wsgi_server(Held(), way, is_valid=False) as server:
        bridge = server.server.context.app
        assert isinstance(bridge, WSGIBridge)
        assert server.ask().body == b"here"
        before = dict(bridge._serving)
        assert server.ask().body == b"here"
        assert bridge._serving == before
        assert len(before) == 1


@each_version
@pytest.mark.parametrize("fresh", [False, True])
def test_i6_each_call_has_variables_of_its_own(way: Way, fresh: bool) -> None:
    variable = ContextVar("variable", default=b"unset")

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        before = variable.get()
        variable.set(b"set by another call")
        start_response("200 OK", TEXT)
        return [before]

    with wsgi_server(app, way, reset_contextvars=fresh) as server:
        assert [server.ask().body for _ in range(3)] == [b"unset"] * 3
