"""WSGI applications whose response is late: the client gets a 504, and the thread is left (rules H-24, I-1)."""

import threading
from collections.abc import Iterable

from tests.support.wsgi.serving import Environ, StartResponse, Way, each_way, wsgi_server


@each_way
def test_h24_the_client_of_a_late_thread_gets_504(way: Way) -> None:
    """H-24: nothing can end a thread; it keeps its slot, and others are served by the rest."""
    released, done = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/late":
            released.wait()
            done.set()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    try:
        with wsgi_server(app, way, timeout_response=1) as server:
            assert server.ask(path="/late").status == 504
            assert not done.is_set()
            assert server.ask().body == b"hello"
            assert server.errors() == []
            server.wait_idle()
    finally:
        released.set()
    assert done.wait(20)
