"""Of ten thousand requests of all kinds, each is counted once (rule M-1): both parsers, each version of HTTP."""

import random
from collections import Counter

import pytest

from esg_core.access import AccessLog
from tests.http.test_counting import answer_as_asked, counting
from tests.support.behaviour.over_streams import HTTP2, HTTP3, connect, request
from tests.support.figures.counting import Figures, counted_by
from tests.support.http.memory import MemoryServer
from tests.support.installed import PARSERS

MANY = 10_000
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW", "_OTHER")
STATUSES = (200, 204, 206, 301, 304, 404, 418, 500, 503, 599, 799)
KNOWN = frozenset(METHODS[:7])


class Plan:
    """What is asked, and what has to be counted of it."""

    def __init__(self, seed: int, protocol: str) -> None:
        self._random = random.Random(seed)
        self._protocol = protocol
        self.requests: Counter[tuple[str, ...]] = Counter()
        self.received = self.sent = 0

    def next(self) -> tuple[str, str, bytes]:
        """Method, path and body of the next request."""
        pick = self._random.choice
        method, status, size = pick(METHODS), pick(STATUSES), self._random.randrange(40)
        body = b"b" * self._random.randrange(1, 30) if method in ("POST", "PUT") else b""
        self.received += len(body)
        self.sent += 0 if method == "HEAD" or status in (204, 304) else size
        code = str(status) if status not in (599, 799) else "other"
        self.requests[method if method in KNOWN else "_OTHER", self._protocol, code] += 1
        return method, f"/{status}/{size}", body

    def check(self, figures: Figures) -> None:
        assert figures.nonzero("esg_http_requests") == dict(self.requests)
        durations = figures.nonzero("esg_http_request_duration_seconds")
        assert sum(durations.values()) == sum(self.requests.values())
        assert figures.one("esg_http_request_body_bytes") == self.received
        assert figures.one("esg_http_response_body_bytes") == self.sent


@pytest.mark.parametrize(
    ("protocol", "is_logged", "many"), [("1.1", False, MANY), ("1.1", True, MANY // 10), ("1.0", False, MANY // 10)]
)
@pytest.mark.parametrize("parser", PARSERS)
def test_m1_ten_thousand_requests_over_http1(parser: str, protocol: str, is_logged: bool, many: int) -> None:
    plan = Plan(1, protocol)
    with MemoryServer(answer_as_asked, parser) as server:
        tally = counting(server)
        if is_logged:
            server.context.access = AccessLog.create(server.context.config, server.loop)
        transport = server.connect()
        for number in range(many):
            if protocol == "1.0" and number:
                transport = server.connect()
                server.transports.remove(transport)
            method, path, body = plan.next()
            head = f"{method} {path} HTTP/{protocol}\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n"
            transport.feed(head.encode() + body)
            server.loop.settle()
            if protocol == "1.0":
                transport.feed_eof()
            if number % 500 == 0:
                transport.read()
        figures = counted_by(tally)
    plan.check(figures)
    assert figures.one("esg_connections_accepted", "1.1") == (many if protocol == "1.0" else 1)


@pytest.mark.parametrize(
    ("version", "many"), [(HTTP2, MANY), pytest.param(HTTP3, MANY // 10, marks=pytest.mark.needs("aioquic"))]
)
def test_m1_ten_thousand_requests_by_streams(version: str, many: int) -> None:
    protocol = version.removeprefix("http")
    plan = Plan(2, protocol)
    with MemoryServer(answer_as_asked) as server:
        tally = counting(server)
        client = connect(server, version)
        for number in range(many):
            method, path, body = plan.next()
            client.ask(request(client, path.encode(), method.encode()), body or None)
            if number % 50 == 49:
                client.turn()
        figures = counted_by(tally)
        assert figures.one("esg_connections", protocol) == 1
        assert figures.one(f"esg_http{protocol}_streams") == 0
    plan.check(figures)
