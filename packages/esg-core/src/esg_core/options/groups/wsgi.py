"""Options about WSGI applications."""

from dataclasses import dataclass

from esg_core.options.groups.shorthands import Bound, ByteBound
from esg_core.options.option import Group, option


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class WSGIOptions:
    """The threads that run a WSGI application, and how much may wait for them and for clients."""

    wsgi_threads: Bound = option(
        10,
        Group.WSGI,
        "Threads that run a WSGI application; further requests wait.",
        "Per worker; threads are started as needed. At most this many requests run at once: with 1, the application "
        "need not be thread-safe, and `wsgi.multithread` is false.",
    )
    wsgi_body_memory: ByteBound = option(
        524288,
        Group.WSGI,
        "Bytes of a body kept in memory; the rest goes to a temporary file.",
        "Applies to a request body, which is read completely before the application is called, and to the part of a "
        "response that the client has not read yet. `limit_request_body` limits the size of a request body.",
    )
    wsgi_response_buffer: ByteBound = option(
        16777216,
        Group.WSGI,
        "Bytes of a response that may wait for a slow client.",
        "In memory and file together. After that, the thread waits until the client reads some of it or leaves, or "
        "`timeout_write` expires.",
    )
