"""No value of a field or target costs more time than its bytes are worth, however it is made (rule H-20).

A pattern that backtracks turns one header of 60 KB into a minute of a server that answers no client. So each field that
ESG reads itself is tried with runs of separators, quotes and white space.
"""

import time

import pytest

from esg_core.access import AccessLog
from esg_core.lifecycle.assembly import upgrades
from esg_core.proxy.headers import NAMES as FORWARDED
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.installed import PARSERS

MEANT_FOR_HTTP = ("connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade")
MEANT_FOR_WEBSOCKET = ("extensions", "key", "protocol", "version")
LOGGED = ("referer", "traceparent", "user-agent", "x-request-id")

FIELDS = (
    *MEANT_FOR_HTTP,
    *(f"sec-websocket-{name}" for name in MEANT_FOR_WEBSOCKET),
    *(name.decode() for name in FORWARDED),
    *LOGGED,
)

RUNS = (" ", "\t", ",", ";", "=", '"', ",,;", " ,", "a=", ";a", 'a="', "a,", "/a", "/.", ":", "[", "1", "a", "%41", "-")

SIZE = 60_000

HANDSHAKE = {
    "host": "t",
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version": "13",
}

PATIENCE = 1.0
"""CPU seconds: it takes milliseconds, and a pattern that backtracks takes a minute."""


TRIES = 3
"""A costly pattern is costly each time; garbage collection or a busy machine is not."""


def cost(server: MemoryServer, request: bytes) -> float:
    """CPU seconds that a request takes, on a new connection."""
    transport = server.connect()
    begin = time.thread_time()
    transport.feed(request)
    server.loop.settle()
    taken = time.thread_time() - begin
    transport.reset()
    server.loop.settle()
    return taken


def requests(run: str) -> list[bytes]:
    """Requests with a long value, of runs between letters, each in one field, and one with a long target."""
    long = "a" + run * (SIZE // len(run)) + "b"
    heads = [{**HANDSHAKE, name: long} for name in FIELDS]
    lines = ["".join(f"{name}: {value}\r\n" for name, value in head.items()) for head in heads]
    target = "/?" + "".join(run.split()).replace('"', "") * 1000
    return [*(f"GET / HTTP/1.1\r\n{line}\r\n".encode() for line in lines), f"GET {target} HTTP/1.1\r\n\r\n".encode()]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("run", RUNS)
def test_h20_no_value_of_a_field_is_costly(parser: str, run: str) -> None:
    with MemoryServer(Recorder(), parser, access_log_format="json", forwarded_allow_ips="*") as server:
        server.context.upgrades = upgrades(server.context)
        server.context.access = AccessLog.create(server.context.config, server.loop)
        for request in requests(run):
            assert any(cost(server, request) < PATIENCE for _ in range(TRIES)), request[:200]
