"""Sends HTTP/1.1 requests of the tests over HTTP/2, with a third-party client (rule 2-1)."""

from typing import Any

from esg_core.asgi import Headers
from tests.support.behaviour.kinds import Kind
from tests.support.http.client import Response
from tests.support.http.memory import MemoryServer
from tests.support.http2.driven import Answer, Client

ONLY_HTTP_1 = {"host", "connection", "transfer-encoding", "upgrade", "keep-alive"}
OF_FRAMING = {b":status", b"connection", b"transfer-encoding"}


def translated(data: bytes) -> tuple[Headers, bytes, bool]:
    """Header section and body of a request, and whether the body is as long as announced."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    named = [(name.lower(), value.strip()) for name, _, value in (one.partition(b":") for one in lines)]
    host = dict(named)[b"host"]
    fields: Headers = [(b":method", method), (b":scheme", b"http"), (b":path", target), (b":authority", host)]
    if method == b"CONNECT":
        fields = [(b":method", method), (b":authority", host)]
    fields += [(name, value) for name, value in named if name.decode() not in ONLY_HTTP_1]
    return fields, body, len(body) == int(dict(named).get(b"content-length", b"0"))


def ask(client: Client, data: bytes) -> int:
    """Send a request, and let the server work until nothing more happens; returns its stream."""
    fields, body, is_whole = translated(data)
    number = client.ask(fields, body or None, end=is_whole)
    client.turn()
    return number


def response_of(answer: Answer) -> Response:
    """An answer, as an HTTP/1.1 response without the fields that frame it there."""
    headers = [(name, value) for name, value in answer.fields if name not in OF_FRAMING]
    return Response(answer.status, headers, answer.body, answer.trailers)


def answer_to(kind: Kind, **options: Any) -> Answer:
    """The answer of a server with these additional options."""
    with MemoryServer(kind.app, **{**kind.options, **options}) as server:
        if kind.beside:
            ask(Client(server), kind.beside)
        client = Client(server)
        number = ask(client, kind.data)
        server.loop.advance(kind.seconds)
        client.turn()
        return client.answers[number]


def plain(response: Response) -> Response:
    """An HTTP/1.1 response without date and framing, for comparison with one of HTTP/2."""
    left_out = OF_FRAMING | {b"date"}
    headers = [(name, value) for name, value in response.headers if name not in left_out]
    return Response(response.status, headers, response.body, response.trailers)
