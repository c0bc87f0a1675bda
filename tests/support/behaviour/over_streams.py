"""Sends HTTP/1.1 requests of the tests over HTTP/2 and HTTP/3, with third-party clients (rules 2-1, Q-1)."""

import re
from typing import TYPE_CHECKING, Any

import pytest

from esg_core.asgi import Headers
from tests.support.behaviour.kinds import Kind
from tests.support.http.client import Response
from tests.support.http.memory import MemoryServer
from tests.support.http.translated import translated
from tests.support.http2.driven import Answer
from tests.support.http2.driven import Client as H2Client
from tests.support.installed import MISSING

if TYPE_CHECKING or "aioquic" not in MISSING:
    from tests.support.http3.driven import Client as H3Client

    Client = H2Client | H3Client

OF_FRAMING = {b":status", b"connection", b"transfer-encoding"}

OF_HTTP_1 = re.compile(r"http-1\.0|client-keeps|client-closes|bad-|late-head|large-chunks|coding|version|on-http-1")
"""Kinds that depend on bytes or framing that only HTTP/1.1 has."""

HTTP2, HTTP3 = "http2", "http3"
OF_HTTP3 = pytest.param(HTTP3, marks=pytest.mark.needs("aioquic"))
each_version = pytest.mark.parametrize("version", [HTTP2, OF_HTTP3])


def connect(server: MemoryServer, version: str, host: str = "127.0.0.1", **how: Any) -> "Client":
    """A new connection in memory, from this address; `window` is what the server may send on a stream."""
    peername = (host, 5000)
    return (
        H3Client(server, peername=peername, **how) if version == HTTP3 else H2Client(server, peername=peername, **how)
    )


def websocket_request(client: "Client", *more: tuple[bytes, bytes]) -> Headers:
    """The header section of a handshake (RFC 8441, RFC 9220)."""
    protocol = [(b":protocol", b"websocket"), (b"sec-websocket-version", b"13")]
    return request(client, b"/chat?room=1", b"CONNECT", *protocol, *more)


def request(client: "Client", path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Headers:
    """The header section of a request."""
    scheme = (b":scheme", client.scheme)
    return [(b":method", method), scheme, (b":path", path), (b":authority", b"a.test"), *more]


def ask(client: "Client", data: bytes) -> int:
    """Send a request, and let the server work until nothing more happens; returns its stream."""
    fields, body, is_whole = translated(data, client.scheme)
    number = client.ask(fields, body or None, end=is_whole)
    client.turn()
    return number


def response_of(answer: Answer) -> Response:
    """An answer, as an HTTP/1.1 response without the fields that frame it there."""
    headers = [(name, value) for name, value in answer.fields if name not in OF_FRAMING]
    return Response(answer.status, headers, answer.body, answer.trailers)


def answer_to(kind: Kind, version: str, **options: Any) -> Answer:
    """The answer of a server with these additional options."""
    with MemoryServer(kind.app, **{**kind.options, **options}) as server:
        if kind.beside:
            ask(connect(server, version), kind.beside)
        client = connect(server, version)
        number = ask(client, kind.data)
        server.loop.advance(kind.seconds)
        client.turn()
        return client.answers[number]


def plain(response: Response) -> Response:
    """An HTTP/1.1 response without date and framing, for comparison with one of another version."""
    left_out = OF_FRAMING | {b"date"}
    headers = [(name, value) for name, value in response.headers if name not in left_out]
    return Response(response.status, headers, response.body, response.trailers)
