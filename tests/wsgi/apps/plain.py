"""A plain WSGI application: it reports its environ, reads bodies in every way, streams, and counts concurrent calls."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from tests.support.wsgi.parts import PART, STREAMS, Parts, say, slow

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Meetings:
    """Calls that wait for each other, by how many are expected; `most` is how many were here at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._running = 0
        self._barriers: dict[int, threading.Barrier] = {}
        self._lock = threading.Lock()

    def attend(self, parties: int, seconds: float) -> bool:
        """Whether `parties` calls were here within `seconds`."""
        with self._lock:
            barrier = self._barriers.setdefault(parties, threading.Barrier(parties))
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            barrier.wait(seconds)
        except threading.BrokenBarrierError:
            return False
        finally:
            with self._lock:
                self._running -= 1
        return True


_meetings = Meetings()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/environ"):
        return as_json(start_response, described(environ))
    name = path.removeprefix("/")
    if name in STREAMS:
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return Parts(STREAMS[name]())
    return ROUTES[path](environ, start_response)


def as_json(start_response: StartResponse, value: object, status: str = "200 OK") -> list[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def described(environ: Environ) -> dict[str, Any]:
    """What JSON can represent, and the types of the rest."""
    shown = {name: value for name, value in environ.items() if isinstance(value, str | bool | tuple)}
    foreign = [name for name, value in shown.items() if isinstance(value, str) and not is_native(value)]
    found = "left behind" in environ
    environ["left behind"] = "by a former request"
    return {**shown, "kind": type(environ).__name__, "foreign": foreign, "found": found}


def is_native(text: str) -> bool:
    return all(ord(character) < 256 for character in text)


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Read the body as the query says; report when that begins."""
    way = environ["QUERY_STRING"]
    say(f"reading by {way}")
    data = b"".join(READ[way](environ["wsgi.input"]))
    answer = {
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        "terminated": environ.get("wsgi.input_terminated"),
        "length": environ.get("CONTENT_LENGTH") or None,
        "after": [len(part) for part in (environ["wsgi.input"].read(), environ["wsgi.input"].read(10))],
    }
    return as_json(start_response, answer)


def in_pieces(read: Callable[[int], bytes], size: int) -> Iterable[bytes]:
    """Each piece has the requested size, until nothing more comes."""
    while piece := read(size):
        assert len(piece) <= size
        yield piece


def in_lines(file: Any) -> Iterable[bytes]:
    while line := file.readline():
        assert line.count(b"\n") <= 1
        yield line


def as_lines(lines: Iterable[bytes]) -> Iterable[bytes]:
    """All lines but the last end with a line end."""
    former = b"\n"
    for line in lines:
        assert former.endswith(b"\n")
        assert line.count(b"\n") <= 1
        former = line
        yield line


READ: dict[str, Callable[[Any], Iterable[bytes]]] = {
    "read": lambda file: [file.read()],
    "read-n": lambda file: in_pieces(file.read, 10_000),
    "readline": in_lines,
    "readline-n": lambda file: in_pieces(file.readline, 100_000),
    "readlines": lambda file: as_lines(file.readlines()),
    "iterate": as_lines,
}


def unread(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer without looking at the body."""
    return hello(environ, start_response)


def large(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """1 MB as one part."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return Parts([PART * 16])


def large_in_parts(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """1 MB in parts of 1 KB."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return Parts(PART[:1024] for _ in range(1024))


def events(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return Parts(slow(time.sleep))


def stuck(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Neither answers nor returns."""
    say("stuck")
    threading.Event().wait()
    return hello(environ, start_response)


def meet(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Wait until `parties` calls are here, for at most `seconds`; report how many were here at the same time."""
    query = parse_qs(environ["QUERY_STRING"])
    have_met = _meetings.attend(int(query["parties"][0]), float(query["seconds"][0]))
    return as_json(start_response, {"met": have_met, "most": _meetings.most})


ROUTES = {
    "/": hello,
    "/body": body,
    "/unread": unread,
    "/large": large,
    "/large-in-parts": large_in_parts,
    "/events": events,
    "/stuck": stuck,
    "/meet": meet,
}
