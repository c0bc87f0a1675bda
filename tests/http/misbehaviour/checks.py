"""What the tests of misbehaving applications share: a request, a well-behaved neighbour, the log."""

import logging
import traceback
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport
from tests.http.misbehaviour.case import body, sends, start
from tests.support.http.client import Response, read_responses
from tests.support.http.memory import LogRecords, MemoryServer

WELL = b"GET /well HTTP/1.1\r\nHost: t\r\n\r\n"

well = sends(start(headers=[(b"content-length", b"4")]), body(b"well"))


def request(method: str = "GET", *lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join((b"%b / HTTP/%b" % (method.encode(), version), b"Host: t", *lines, b"", b""))


def beside(app: Any) -> Any:
    """The application, next to one that behaves well."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> Any:
        return await (well if scope["path"] == "/well" else app)(scope, receive, send)

    return dispatch


def errors(log: LogRecords) -> str:
    """What the log says at level `error`, including tracebacks."""
    texts = []
    for record in log.records:
        assert record.levelno == logging.ERROR
        texts.append(record.getMessage())
        if record.exc_info:
            texts.extend(traceback.format_exception(*record.exc_info))
    return "\n".join(texts)


def is_well(server: MemoryServer, transport: MemoryTransport) -> bool:
    """Whether a further request on this connection is served."""
    transport.read()
    transport.feed(WELL)
    server.loop.settle()
    responses = read_responses(transport.read(), iter(["GET"]))
    return [(response.status, response.body) for response in responses] == [(200, b"well")]


def final(data: bytes, method: str) -> Response:
    [response] = [response for response in read_responses(data, iter([method])) if response.status >= 200]
    return response
