"""HTTP/3 with several workers on one UDP port (rules Q-20, Q-21)."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.behaviour.administered import admin_of
from tests.support.core.loops import run_in
from tests.support.e2e.programs import find, needs
from tests.support.e2e.server import PATIENCE, Server
from tests.support.http3.asking import H3Client
from tests.support.reload.processes import wait_until

APP = "tests.e2e.apps.http3:app"


def options(certificate: Path, *more: str) -> tuple[str, ...]:
    return ("--http3", "--ssl-certfile", str(certificate), "--workers", "2", "--timeout-keep-alive", "120", *more)


@contextmanager
def running(certificate: Path, *more: str) -> Iterator[Server]:
    """A server with two workers; it, or the program that has taken its place, is stopped at the end."""
    with Server(APP, *options(certificate, *more)) as server:
        for said in ("Waiting for application startup", "Started server process", "on UDP"):
            server.wait_for(said)
        try:
            yield server
        finally:
            replaced = re.search(r"Starting a new program \[(\d+)\]", server.output)
            last = server.pid if replaced is None else int(replaced[1])
            os.kill(last, signal.SIGTERM)
        server.wait_for(rf"Finished parent process \[{last}\]")


async def pid(client: H3Client) -> int:
    """The worker that serves a connection."""
    return int((await client.request("GET", "/pid")).body)


async def pids(clients: Sequence[H3Client]) -> list[int]:
    return [await pid(client) for client in clients]


async def connect_until(
    stack: AsyncExitStack, server: Server, is_enough: Callable[[set[int]], bool]
) -> tuple[list[H3Client], list[int]]:
    """Clients, as many as it takes until `is_enough` of the workers that serve them, and those."""
    clients: list[H3Client] = []
    served_by: list[int] = []
    async with asyncio.timeout(2 * PATIENCE):
        while not is_enough(set(served_by)):
            clients.append(await stack.enter_async_context(H3Client(server.port)))
            served_by.append(await pid(clients[-1]))
    return clients, served_by


def are(count: int, found: set[int]) -> bool:
    return len(found) == count


@pytest.mark.parametrize("more", [(), ("--preload",)])
def test_q20_connections_spread_and_stay_with_their_worker(certificate: Path, more: tuple[str, ...]) -> None:
    """Q-20: also when clients move, and when a worker is added; the parent's figures are those of all."""

    async def main(server: Server) -> int:
        async with AsyncExitStack() as stack:
            clients, first = await connect_until(stack, server, partial(are, 2))
            for client in clients:
                await client.open_socket()
            assert await pids(clients) == first
            seen = len(server.lines)
            server.process.send_signal(signal.SIGTTIN)
            await asyncio.to_thread(server.wait_for, "Started server process", seen)
            others, _ = await connect_until(stack, server, partial(are, 3))
            assert await pids(clients) == first
            return 3 * len(clients) + len(others)

    with running(certificate, "--admin", "127.0.0.1:0", *more) as server:
        assert server.wait_for(r"HTTP/3 \(experimental\) on UDP 127\.0\.0\.1:(\d+)")[1] == str(server.port)
        asked, admin = run_in("asyncio", main(server)), admin_of(server)
        wait_until(lambda: admin.series().get('esg_http_requests_total{method="GET",protocol="3",code="200"}') == asked)
        assert server.output.count("on UDP") == 1


def test_q21_the_clients_of_a_killed_worker_learn_it_at_once_and_others_go_on(certificate: Path) -> None:
    async def main(server: Server) -> None:
        async with AsyncExitStack() as stack:
            clients, served_by = await connect_until(stack, server, partial(are, 2))
            victim = served_by[0]
            os.kill(victim, signal.SIGKILL)
            await asyncio.to_thread(server.wait_for, rf"Worker \[{victim}\] was ended by SIGKILL")
            for client, worker in zip(clients, served_by, strict=True):
                if worker == victim:
                    client.start("GET", "/pid")
                    await client.until(partial(getattr, client, "was_reset"))
                else:
                    assert await pid(client) == worker
            await connect_until(stack, server, lambda found: bool(found - set(served_by)))

    with running(certificate) as server:
        run_in("asyncio", main(server))


async def ask_until(is_over: asyncio.Event, server: Server) -> None:
    """Ask one request after the other, on a new connection whenever the server wants no more on the last."""
    while not is_over.is_set():
        async with H3Client(server.port) as client:
            while not is_over.is_set() and not client.is_leaving:
                await pid(client)
                await asyncio.sleep(0.02)  # the servers that start need the processor too


STEPS = {
    "SIGHUP": ("Restarting 2 workers", "Retiring worker", "Finished server", "Retiring worker", "Restarted 2 workers"),
    "SIGUSR2": ("Starting a new program", "Waiting for appl", "Started parent", "is serving", "Finished parent"),
}
"""What the log says until all workers have been replaced."""


@pytest.mark.parametrize("how", STEPS)
def test_q21_a_rolling_restart_and_an_upgrade_lose_no_request(certificate: Path, how: str) -> None:
    """Q-21: the workers of before serve what they have, and those after them what is new."""

    async def main(server: Server) -> None:
        is_over = asyncio.Event()
        async with H3Client(server.port) as slow, asyncio.TaskGroup() as load:
            stream = slow.start("GET", "/slow")
            await slow.head(stream)
            for _ in range(2):
                load.create_task(ask_until(is_over, server))
            seen = len(server.lines)
            server.process.send_signal(getattr(signal, how))
            for said in STEPS[how]:
                await asyncio.to_thread(server.wait_for, said, seen)
                seen = 1 + next(at for at in range(seen, len(server.lines)) if said in server.lines[at])
            assert (await slow.answer(stream)).body == b"begun, ended"
            is_over.set()
        async with AsyncExitStack() as stack:
            await connect_until(stack, server, partial(are, 2))

    with running(certificate) as server:
        run_in("asyncio", main(server))


@needs("gtlsclient")
def test_q20_ngtcp2_moves_between_addresses(certificate: Path, tmp_path: Path) -> None:
    client = find("gtlsclient") or ""
    moves = ("--change-local-addr=100ms", "--delay-stream=500ms", "--exit-on-all-streams-close", "-q")
    with running(certificate) as server:
        for number, flags in enumerate([(), ("--scid=", "--nat-rebinding")] * 3):
            directory = tmp_path / str(number)
            directory.mkdir()
            url = f"https://localhost:{server.port}/20000"
            subprocess.run(
                [client, *flags, *moves, f"--download={directory}", "127.0.0.1", str(server.port), url],
                timeout=3 * PATIENCE,
                check=False,  # its exit code says little
            )
            assert {file.name: file.stat().st_size for file in directory.iterdir()} == {"20000": 20000}, flags
