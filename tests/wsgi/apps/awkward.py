"""An application that does unusual things, some that PEP 3333 allows and some that it forbids."""

import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from tests.support.wsgi.parts import PART, Parts, say

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PLAIN = ("Content-Type", "text/plain")


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return ROUTES[environ["PATH_INFO"]](environ, start_response)


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [PLAIN, ("Content-Length", "5")])
    return Parts([b"hello"])


def nothing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return Parts([])


def empty(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [PLAIN])
    return Parts([b"", b""])


def replaced_late(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A second response after the first has begun: `start_response` raises the error that it is given."""

    def parts() -> Iterator[bytes]:
        yield PART
        try:
            raise ValueError("too late for another answer")
        except ValueError:
            start_response("500 Instead", [PLAIN], sys.exc_info())
        say("start_response has returned")

    start_response("200 OK", [PLAIN])
    return Parts(parts())


def replaced_after_write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [PLAIN])
    write(PART)
    try:
        raise ValueError("too late for another answer")
    except ValueError:
        start_response("500 Instead", [PLAIN], sys.exc_info())
    say("start_response has returned")
    return Parts([])


def replaced_after_empty_parts(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Empty parts begin nothing, so a second response is possible."""

    def parts() -> Iterator[bytes]:
        yield b""
        try:
            raise ValueError("in time for another answer")
        except ValueError:
            start_response("503 Instead", [PLAIN], sys.exc_info())
        yield b"instead"

    start_response("200 OK", [PLAIN])
    return Parts(parts())


def twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [PLAIN])
    start_response("200 OK", [PLAIN])
    return Parts([b"never seen"])


def never(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return Parts([b"never seen"])


def lazy(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """`start_response` is called when the first part is asked for."""

    def parts() -> Iterator[bytes]:
        start_response("201 Created", [PLAIN])
        yield b"lazy"

    return Parts(parts())


def raises(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("the application has failed")


def raises_when_started(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [PLAIN])
    raise RuntimeError("the application has failed")


def raises_at_first(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    def parts() -> Iterator[bytes]:
        raise RuntimeError("the application has failed")
        yield b""

    start_response("200 OK", [PLAIN])
    return Parts(parts())


def raises_midway(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    def parts() -> Iterator[bytes]:
        yield PART
        raise RuntimeError("the application has failed")

    start_response("200 OK", [PLAIN])
    return Parts(parts())


def raises_at_close(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    def fail() -> None:
        raise RuntimeError("the application has failed")

    start_response("200 OK", [PLAIN])
    return Parts([b"all of it"], fail)


def leaves(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """An exception that ends programs does not end the server."""
    raise SystemExit("the application wants to leave")


def text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A part that is not bytes; the annotation is right for all others."""
    parts: list[Any] = ["text"]
    start_response("200 OK", [PLAIN])
    return Parts(parts)


def splits(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A field that would become two."""
    start_response("200 OK", [PLAIN, ("X-One", "1\r\nX-Two: 2")])
    return Parts([b"never seen"])


def complains(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Write to the error log, with letters that are not ASCII."""
    environ["wsgi.errors"].write("the application complains: Grüße\n")
    environ["wsgi.errors"].flush()
    return hello(environ, start_response)


class NoisyFile(io.FileIO):
    """A file that reports when it is closed."""

    def close(self) -> None:
        if not self.closed:
            say("file closed")
        super().close()


class NoisyBytes(io.BytesIO):
    """Something like a file that has no descriptor."""

    def close(self) -> None:
        if not self.closed:
            say("file closed")
        super().close()


def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """This file."""
    start_response("200 OK", [PLAIN, ("Content-Length", str(Path(__file__).stat().st_size))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](NoisyFile(__file__))
    return wrapped


def rest_of_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """This file from its 100th byte, without a length, in blocks of an unusual size."""
    opened = NoisyFile(__file__)
    opened.seek(100)
    start_response("200 OK", [PLAIN])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](opened, 1000)
    return wrapped


def part_of_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The first 100 bytes: the file is longer than the announced length."""
    start_response("200 OK", [PLAIN, ("Content-Length", "100")])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](NoisyFile(__file__))
    return wrapped


def like_a_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """2 MB without a descriptor."""
    start_response("200 OK", [PLAIN])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](NoisyBytes(PART * 32))
    return wrapped


LAST: list[IO[bytes]] = []
"""The plain file that was wrapped last."""


def _wrapped(opened: IO[bytes], environ: Environ) -> Iterable[bytes]:
    LAST[:] = [opened]
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](opened)
    return wrapped


def plain_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """This file, as Python opens it."""
    start_response("200 OK", [PLAIN])
    return _wrapped(Path(__file__).open("rb"), environ)


def part_of_plain_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """50 bytes from the 100th on."""
    start_response("200 OK", [PLAIN, ("Content-Length", "50")])
    opened = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
    opened.seek(100)
    return _wrapped(opened, environ)


def changed_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """2 MB, of which the last are not in the file yet."""
    start_response("200 OK", [PLAIN])
    opened = tempfile.TemporaryFile()  # noqa: SIM115 - as above
    opened.write(PART * 32 + b"end")
    opened.seek(0)
    opened.write(b"begin")
    opened.seek(2)
    return _wrapped(opened, environ)


def file_is_closed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Whether the plain file that was wrapped last is closed."""
    start_response("200 OK", [PLAIN])
    return Parts([str(LAST[0].closed).encode()])


ROUTES = {
    f"/{route.__name__.replace('_', '-')}": route
    for route in (
        *(hello, nothing, empty, replaced_late, replaced_after_write, replaced_after_empty_parts, twice, never, lazy),
        *(raises, raises_when_started, raises_at_first, raises_midway, raises_at_close, leaves, text, splits),
        *(complains, file, rest_of_file, part_of_file, like_a_file),
        *(plain_file, part_of_plain_file, changed_file, file_is_closed),
    )
}
