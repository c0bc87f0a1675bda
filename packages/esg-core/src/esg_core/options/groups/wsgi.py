"""Options about WSGI applications."""

from dataclasses import dataclass

from esg_core.options.groups.shorthands import Bound, ByteBound
from esg_core.options.option import Group, option


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class WSGIOptions:
    """The threads that run a WSGI application, and what may wait for them and for clients."""

    wsgi_threads: Bound = option(
        10,
        Group.WSGI,
        "Threads that run a WSGI application; further requests wait.",
        "In each worker. They are started as they are needed. As many requests run at once at the most: with 1, the "
        "application need not be thread-safe, and `wsgi.multithread` is false.",
    )
    wsgi_body_memory: ByteBound = option(
        524288,
        Group.WSGI,
        "Bytes of a body kept in memory; more go to a temporary file.",
        "Of a request's body, which is there as a whole before the application is called, and of what a client has not "
        "read yet of a response. How large a request's body may be says `limit_request_body`.",
    )
    wsgi_response_buffer: ByteBound = option(
        16777216,
        Group.WSGI,
        "Bytes of a response that may wait for a slow client.",
        "In memory and file together. Beyond them, the thread waits for the client as well, until that has read some "
        "of it, has left, or `timeout_write` is over.",
    )
