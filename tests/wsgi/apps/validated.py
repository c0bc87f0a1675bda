"""An application that is right in every way, inside the validator of the standard library, which watches the server."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.validate import validator

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PLAIN = ("Content-Type", "text/plain")


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return ROUTES[environ["PATH_INFO"]](environ, start_response)


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """With a length, which the response to HEAD has too."""
    start_response("200 OK", [PLAIN, ("Content-Length", "5")])
    return [b"hello"]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The body, read in each of the four ways."""
    file = environ["wsgi.input"]
    parts = [file.read(3), file.readline(), *file.readlines(1), *file]
    environ["wsgi.errors"].write(f"a body of {sum(map(len, parts))} bytes\n")
    environ["wsgi.errors"].writelines(["one line\n"])
    environ["wsgi.errors"].flush()
    start_response("200 OK", [PLAIN])
    return [b"".join(parts)]


def nothing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return [b""]


def lines(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [PLAIN])
    return (b"line %d\n" % number for number in range(100))


def written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [PLAIN])
    write(b"written, ")
    write(b"")
    write(b"written again, ")
    return [b"returned"]


def replaced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    import sys

    start_response("200 OK", [PLAIN, ("Content-Length", "100")])
    try:
        raise ValueError("what the first answer has failed with")
    except ValueError:
        start_response("503 Instead", [PLAIN, ("X-Second", "yes")], sys.exc_info())
    return [b"instead"]


ROUTES = {
    "/hello": hello,
    "/echo": echo,
    "/nothing": nothing,
    "/lines": lines,
    "/written": written,
    "/replaced": replaced,
}
app = validator(application)
