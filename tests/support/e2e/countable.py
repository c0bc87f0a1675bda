"""Clients that know how many of their requests a server has answered, whatever connections it ends meanwhile."""

import os
import subprocess
from typing import BinaryIO

from tests.support.e2e.server import Server
from tests.support.http2.wire import END_STREAM, OPENING, Kind, headers
from tests.support.ws.memory import REQUEST

PATH = "/?seconds=0.002"
"""It takes that long, so that a load lasts for a while."""

PER_CONNECTION = 20
PATIENCE = 120.0


def over_http1(server: Server, count: int) -> int:
    """How many requests curl has got 200 for, of so many one after the other; it repeats what a server left unread."""
    url = f"{server.url}{PATH}&number=[1-{count}]"
    command = ["curl", "--silent", "--http1.1", "--output", os.devnull, "--write-out", "%{stderr}%{http_code}\n", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    statuses = done.stderr.split()
    assert set(statuses) == {"200"}, (done.returncode, set(statuses))
    return len(statuses)


def over_http2(server: Server, count: int) -> int:
    """How many requests got 200; what GOAWAY says was not served is asked for again (RFC 9113 section 6.8)."""
    answered = 0
    while answered < count:
        with server.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(OPENING)
            last = 2 * min(PER_CONNECTION, count - answered) - 1
            number = 1
            while number <= last:
                connection.sendall(headers(number, FIELDS))
                last = min(last, _read_response(stream, number, last))
                answered += number <= last
                number += 2
    return answered


FIELDS = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", PATH.encode()), (b":authority", b"esg"))
STATUS_200 = 0x88
"""The field of HPACK's static table."""


def _read_response(stream: BinaryIO, number: int, last: int) -> int:
    """Read until the end of the response; returns the last stream that is served on this connection.

    That is less than `number` where this request is not served.
    """
    while True:
        head = stream.read(9)
        assert len(head) == 9, "the connection ended in a response"
        payload = stream.read(int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        assert kind != Kind.RST_STREAM
        if kind == Kind.GOAWAY:
            last = number if number <= int.from_bytes(payload[:4], "big") else number - 1
            if last < number:
                return last
        if kind == Kind.HEADERS:
            assert payload[0] == STATUS_200
        if kind in (Kind.HEADERS, Kind.DATA) and flags & END_STREAM:
            return last


def as_websockets(server: Server, count: int) -> int:
    """How many of so many handshakes, one after the other, were accepted; each client leaves at once."""
    return sum(_is_opened(server) for _ in range(count))


def _is_opened(server: Server) -> bool:
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(REQUEST + b"\r\n")
        return stream.readline().startswith(b"HTTP/1.1 101 ")
