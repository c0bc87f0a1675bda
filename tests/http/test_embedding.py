"""HTTP inside another asyncio program (rule U-3): `start_server()` and `HTTPProtocol`, over both loops and parsers."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest

import esg_http
from esg_core.asgi import Receive, Scope, Send
from esg_core.errors import StartupError, UsageError
from esg_http.embedding import OF_A_LISTENER, OF_A_PROCESS
from tests.support.core.loops import run_in, until
from tests.support.installed import LOOPS, PARSER, PARSERS

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"

everywhere = pytest.mark.parametrize(("loop", "parser"), list(product(LOOPS, PARSERS)))


class App:
    """Responds at once, or at /wait when `release` is set; `told` is what happened to its lifespan."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.release = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                self.told.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        if scope["path"] == "/wait":
            self.told.append("waiting")
            await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


class Connection:
    """The client's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def fetch(self, request: bytes = GET) -> bytes:
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head.partition(b"\r\n")[0] + b" " + await self.reader.readexactly(5)

    async def is_closed(self) -> bool:
        """Wait, and return whether the server closes it without another byte."""
        try:
            rest = await asyncio.wait_for(self.reader.read(), 10)
        except ConnectionResetError:
            rest = b""
        self.writer.close()
        return rest == b""


async def connect(server: Any) -> Connection:
    return Connection(*await asyncio.open_connection(*server.sockets[0].getsockname()[:2]))


async def start(app: App, parser: str, **settings: Any) -> esg_http.HTTPServer:
    return await esg_http.start_server(app, "127.0.0.1", 0, http=parser, **settings)


OK = b"HTTP/1.1 200 OK hello"


@everywhere
def test_u3_a_server_is_used_as_that_of_asyncio(loop: str, parser: str) -> None:
    async def main() -> list[str]:
        app = App()
        async with await start(app, parser) as server:
            assert isinstance(server, asyncio.AbstractServer)
            await server.start_serving()
            await server.wait_closed()  # it is still open
            assert (app.told, server.is_serving()) == (["startup"], True)
            assert server.get_loop() is asyncio.get_running_loop()
            client = await connect(server)
            assert await client.fetch() == OK
            assert (server.stats()["requests_total"], len(server.context.connections)) == (1, 1)
        assert (server.is_serving(), server.sockets) == (False, ())
        server.close()
        await server.wait_closed()
        assert await client.is_closed()
        return app.told

    assert run_in(loop, main()) == ["startup", "shutdown"]


@everywhere
def test_u3_l2_what_runs_ends_when_serving_for_ever_is_cancelled(loop: str, parser: str) -> None:
    async def main() -> list[str]:
        app = App()
        server = await start(app, parser)
        serving = asyncio.create_task(server.serve_forever())
        client = await connect(server)
        client.writer.write(GET.replace(b"/", b"/wait", 1))
        await until(lambda: "waiting" in app.told)
        serving.cancel()
        await until(lambda: not server.is_serving())
        app.release.set()
        assert await client.answer() == OK
        assert await client.is_closed()
        with pytest.raises(asyncio.CancelledError):
            await serving
        return app.told

    assert run_in(loop, main()) == ["startup", "waiting", "shutdown"]


@everywhere
def test_u3_clients_can_be_closed_or_aborted_and_others_still_come(loop: str, parser: str) -> None:
    async def main() -> None:
        app = App()
        async with await start(app, parser) as server:
            idle, busy = await connect(server), await connect(server)
            assert await idle.fetch() == OK
            busy.writer.write(GET.replace(b"/", b"/wait", 1))
            await until(lambda: "waiting" in app.told)
            server.close_clients()
            assert await idle.is_closed()
            app.release.set()
            assert await busy.answer() == OK
            assert await busy.is_closed()
            app.release.clear()
            cut = await connect(server)
            cut.writer.write(GET.replace(b"/", b"/wait", 1))
            await until(lambda: app.told.count("waiting") == 2)
            server.abort_clients()
            assert await cut.is_closed()
            app.release.set()
            late = await connect(server)
            assert await late.fetch() == OK
            late.writer.close()

    run_in(loop, main())


@everywhere
def test_u3_a_factory_of_protocols_serves_what_others_accept(loop: str, parser: str) -> None:
    """The lifespan is up to the program."""

    async def main() -> list[str]:
        app = App()
        protocols = esg_http.HTTPProtocol(app, http=parser)
        server = await asyncio.get_running_loop().create_server(protocols, "127.0.0.1", 0)
        client = await connect(server)
        assert await client.fetch() == OK
        assert protocols.stats()["requests_total"] == 1
        client.writer.write(GET.replace(b"/", b"/wait", 1))
        await until(lambda: "waiting" in app.told)
        server.close()
        draining = asyncio.create_task(protocols.drain())
        await asyncio.sleep(0)
        app.release.set()
        assert await client.answer() == OK
        assert await client.is_closed()
        await draining
        return app.told

    assert run_in(loop, main()) == ["waiting"]


@pytest.mark.parametrize("loop", LOOPS)
def test_u3_a_bound_socket_takes_the_place_of_an_address(loop: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            address = sock.getsockname()
            async with await esg_http.start_server(App(), sock=sock) as server:
                assert server.sockets[0].getsockname() == address
                client = await connect(server)
                assert await client.fetch() == OK
                client.writer.close()

    run_in(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_u3_a_failed_start_leaves_nothing_behind(loop: str) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def main() -> None:
        with pytest.raises(StartupError, match="no database"):
            await esg_http.start_server(broken, "127.0.0.1", 0)

    run_in(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_u3_requests_are_logged_if_the_program_wants_to_hear_of_them(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with await start(App(), PARSER) as server:
            client = await connect(server)
            assert await client.fetch() == OK
            client.writer.close()

    for level, expected in ((logging.WARNING, 0), (logging.INFO, 1)):
        with caplog.at_level(level, "esg.access"):
            run_in(loop, main())
        said = [record.getMessage() for record in caplog.records if record.name == "esg.access"]
        assert len(said) == expected
    assert '"GET / HTTP/1.1" 200' in said[0]


async def nobody(scope: Scope, receive: Receive, send: Send) -> None: ...


def refusal(make: Callable[[], Awaitable[Any]]) -> str:
    async def main() -> str:
        with pytest.raises(UsageError) as caught:
            await make()
        return str(caught.value)

    return run_in("asyncio", main())


@pytest.mark.parametrize("name", sorted(OF_A_PROCESS))
def test_u3_options_of_a_process_are_refused(name: str) -> None:
    setting: dict[str, Any] = {name: 1}
    said = refusal(lambda: esg_http.start_server(nobody, **setting))
    assert said == f"{name} is not a setting of start_server: it belongs to a whole server (esg.run, esg.Server)"


@pytest.mark.parametrize("name", sorted(OF_A_PROCESS | OF_A_LISTENER))
def test_u3_options_of_a_listener_are_refused_if_the_program_listens(name: str) -> None:
    async def make() -> None:
        setting: dict[str, Any] = {name: 1}
        esg_http.HTTPProtocol(nobody, **setting)

    assert refusal(make).startswith(f"{name} is not a setting of HTTPProtocol: ")


def test_u3_an_address_beside_a_socket_or_a_certificate_without_use_is_refused() -> None:
    async def make() -> None:
        settings: dict[str, Any] = {"ssl_certfile": "cert.pem"}
        esg_http.HTTPProtocol(nobody, **settings)

    assert refusal(make).startswith("ssl_certfile: TLS belongs to the listener")
    with socket.socket() as sock:
        said = refusal(lambda: esg_http.start_server(nobody, port=1, sock=sock))
    assert said == "sock takes the place of host and port: give one or the other"
