"""Turning HTTP/3 on and off while workers serve (rules Q-21, W-3, W-9)."""

import asyncio
import os
import random
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.core.loops import run_in
from tests.support.e2e.server import ROOT, Server
from tests.support.http.sockets import client_tls
from tests.support.http3.asking import H3Client

APP = "tests.e2e.apps.http3:app"


def udp(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock


def free_port() -> int:
    """A port that is free for TCP and UDP, and that the system gives to nothing else meanwhile."""
    while True:
        port = random.randrange(12000, 32768)  # below those that Linux chooses
        try:
            with udp(port), socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


class Site(Server):
    """One worker on TCP and on a UNIX socket, with a configuration file that says whether HTTP/3 is served."""

    def __init__(self, here: Path, certificate: Path, http3: bool) -> None:
        self.here = here
        self.number = free_port()
        self.parent = 0
        self.turn(http3)
        bind = ("--bind", f"127.0.0.1:{self.number}", "--bind", "unix:esg.sock")
        options = ("--config", "esg.toml", "--workers", "1", "--ssl-certfile", str(certificate), *bind)
        super().__init__(APP, *options, cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)})
        self.parent = self.pid
        self.wait_for("Started parent process")

    def turn(self, on: bool) -> None:
        (self.here / "esg.toml").write_text(f"http3 = {str(on).lower()}\n")

    def send(self, number: signal.Signals, *said: str) -> None:
        """Send a signal to the parent, and wait for what the log says then, in this order."""
        seen = len(self.lines)
        os.kill(self.parent, number)
        for one in said:
            self.wait_for(re.escape(one), seen)
            seen = 1 + next(at for at in range(seen, len(self.lines)) if one in self.lines[at])

    @property
    def alternative(self) -> str | None:
        """What a response over TCP says of HTTP/3."""
        with httpx.Client(verify=client_tls()) as client:
            answer: str | None = client.get(f"https://127.0.0.1:{self.number}/").headers.get("alt-svc")
            return answer


@contextmanager
def running(here: Path, certificate: Path, *, http3: bool) -> Iterator[Site]:
    with Site(here, certificate, http3) as server:
        try:
            yield server
        finally:
            os.kill(server.parent, signal.SIGTERM)
        server.wait_for(rf"Finished parent process \[{server.parent}\]")


def test_q21_only_a_new_program_turns_http3_on_and_a_port_in_use_leaves_all_as_it_is(
    tmp_path: Path, certificate: Path
) -> None:
    async def main() -> int:
        async with H3Client(server.number) as client:
            return (await client.request("GET", "/empty")).status

    with running(tmp_path, certificate, http3=False) as server:
        server.turn(True)
        server.send(
            signal.SIGHUP,
            "WARNING:  HTTP/3 needs SIGUSR2 or a restart of the whole server: it is not served yet",
            "Restarted 1 workers",
        )
        assert server.alternative is None
        with udp(server.number):
            server.send(
                signal.SIGUSR2,
                f"cannot listen on 127.0.0.1:{server.number} (UDP): it is in use by another program",
                "The new program failed: exit code 3; this one keeps serving",
            )
        assert (tmp_path / "esg.sock").exists()
        assert server.alternative is None
        server.send(
            signal.SIGUSR2, f"HTTP/3 (experimental) on UDP 127.0.0.1:{server.number}", "is serving", "Finished parent"
        )
        server.parent = int(server.wait_for(r"The new program \[(\d+)\] is serving")[1])
        assert run_in("asyncio", main()) == 204
        assert server.alternative == f'h3=":{server.number}"; ma=86400'


def test_q21_a_reload_turns_http3_off_and_connections_end_as_in_a_drain(tmp_path: Path, certificate: Path) -> None:
    async def main() -> None:
        async with H3Client(server.number) as client:
            stream = client.start("GET", "/slow")
            await client.head(stream)
            server.turn(False)
            await asyncio.to_thread(server.send, signal.SIGHUP, "Restarting 1 workers, one by one")
            assert (await client.answer(stream)).body == b"begun, ended"
            assert client.is_leaving

    with running(tmp_path, certificate, http3=True) as server:
        assert server.alternative is not None
        run_in("asyncio", main())
        server.wait_for("HTTP/3 is off: its UDP sockets are closed")
        udp(server.number).close()
        assert server.alternative is None
        server.turn(True)
        server.send(signal.SIGHUP, "HTTP/3 needs SIGUSR2", "Restarted 1 workers")
