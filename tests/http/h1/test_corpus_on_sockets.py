"""The corpus over real sockets: both parsers, both loops, cleartext and TLS (rules H-8, H-11, H-12).

Everything is checked in memory; here, that sockets and TLS change nothing, and that no response is lost to a reset.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import pytest

import esg_http.entry_points
from esg_core.context import Context
from esg_core.options.config import Config
from tests.http.corpus import CASES
from tests.http.corpus.case import Case
from tests.support.certificates import CA
from tests.support.http.client import Incomplete, Response, read_responses
from tests.support.http.memory import LogRecords, Recorder
from tests.support.http.sockets import LOOP_FACTORIES
from tests.support.installed import LOOPS, PARSERS

LAST = b"GET /last HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

ON_SOCKETS = [case for case in CASES if not (case.unfinished or case.eof or case.options)]


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's side of TLS."""
    authority = CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def on_the_wire(case: Case) -> tuple[bytes, tuple[int, ...]]:
    """What is sent and the expected statuses; a request that ends the connection follows a case that keeps it."""
    return (case.data, case.statuses) if case.closes else (case.data + LAST, (*case.statuses, 200))


class Client:
    """Sends cases to one server, each on its own connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None, app: Recorder) -> None:
        self.port = port
        self.tls = tls
        self.app = app

    async def send(self, case: Case) -> str | None:
        """What is wrong with the outcome, or None."""
        self.app.calls.clear()
        data, expected = on_the_wire(case)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        try:
            writer.write(data)
            responses = await asyncio.wait_for(self.read(reader, len(expected)), timeout=10)
        except (OSError, TimeoutError) as error:
            return f"{case.id}: {error!r}"
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        statuses = tuple(response.status for response in responses)
        return None if statuses == expected else f"{case.id}: {statuses} instead of {expected}"

    async def read(self, reader: asyncio.StreamReader, count: int) -> list[Response]:
        """The final responses up to the end of the connection; with TLS, which has no half close, `count` of them."""
        data = b""
        while part := await reader.read(65536):
            data += part
            if self.tls is not None and len(responses := self.complete(data)) == count:
                return responses
        return self.complete(data)

    def complete(self, data: bytes) -> list[Response]:
        methods: Iterator[str] = iter([call.scope["method"] for call in self.app.calls])
        with suppress(Incomplete):
            return [response for response in read_responses(data, methods) if response.status >= 200]
        return []


async def failures(parser: str, tls: bool, cases: list[Case]) -> list[str]:
    app = Recorder()
    loop = asyncio.get_running_loop()
    context = Context(Config(app), app, loop)
    sides = contexts() if tls else (None, None)
    server = await loop.create_server(getattr(esg_http.entry_points, parser)(context), "127.0.0.1", 0, ssl=sides[0])
    async with server:
        client = Client(server.sockets[0].getsockname()[1], sides[1], app)
        outcomes = [await client.send(case) for case in cases]
        context.drain()
        await asyncio.wait_for(context.wait_quiet(), timeout=10)
    context.close()
    return [outcome for outcome in outcomes if outcome is not None]


@contextmanager
def logged() -> Iterator[LogRecords]:
    log = LogRecords()
    logging.getLogger("esg").addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger("esg").removeHandler(log)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
def test_sockets_change_nothing(parser: str, loop: str, tls: bool) -> None:
    cases = ON_SOCKETS[len(parser) % 3 :: 3] if tls else ON_SOCKETS
    with logged() as log, asyncio.Runner(loop_factory=LOOP_FACTORIES[loop]) as runner:
        wrong = runner.run(failures(parser, tls, cases))
    assert not wrong, "\n".join(wrong)
    assert len(log.texts(logging.WARNING)) == sum(case.is_refusal for case in cases)
    assert log.texts(logging.ERROR) == []
