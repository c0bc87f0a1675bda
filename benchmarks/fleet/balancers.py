"""The balancers: each runs the configuration of `examples/deploy/fleet`, with the addresses of this machine."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet.hosts import PATIENCE, ROOT, launch, written

EXAMPLES = ROOT / "examples" / "deploy" / "fleet"
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", str(Path(sys.executable).parent)))


class BalancerFailed(Exception):
    """It did not start, or ended; the text is what it wrote."""


@dataclass(frozen=True)
class Balancer:
    """A program and its configuration; `repeats` says whether it can ask another host."""

    program: str
    configuration: str
    repeats: bool = True

    @property
    def path(self) -> Path:
        """Its configuration."""
        return EXAMPLES / self.configuration

    def adapted(self, port: int, hosts: int) -> str:
        """The configuration, listening on one port of the loopback, with all hosts on another."""
        text = self.path.read_text(encoding="utf-8")
        text = re.sub(r"\b10\.0\.0\.1([1-3]):8000\b", lambda found: f"127.0.0.{int(found[1]) + 1}:{hosts}", text)
        if self.program == "envoy":
            text = re.sub(
                r"address: 10\.0\.0\.1([1-3]), port_value: 8000",
                lambda found: f"address: 127.0.0.{int(found[1]) + 1}, port_value: {hosts}",
                text,
            )
            return text.replace("address: 0.0.0.0, port_value: 8080", f"address: 127.0.0.1, port_value: {port}")
        return re.sub(r"\b(bind|listen) :?8080\b", rf"\1 127.0.0.1:{port}", text)

    @property
    def version(self) -> str:
        """Its name and version."""
        command = [self._found(), "--version" if self.program == "envoy" else "-v"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"version:? ?(?:nginx/|\w+/)?([\d.]+)", said.stdout + said.stderr)
        return f"{self.program} {found[1]}" if found else self.program

    def _found(self) -> str:
        program = shutil.which(self.program, path=_PATH)
        if program is None:
            raise BalancerFailed(f"{self.program} is not installed")
        return program

    def command(self, directory: Path) -> list[str]:
        """How to run the configuration in that directory, in the foreground."""
        program = self._found()
        if self.program == "haproxy":
            return [program, "-db", "-f", str(directory / self.configuration)]
        if self.program == "envoy":
            where = ["--config-path", str(directory / self.configuration), "--use-dynamic-base-id"]
            return [program, *where, "--concurrency", "1", "--log-level", "warning"]
        user = " user root;" if os.geteuid() == 0 else ""
        where = ["-p", str(directory), "-c", str(directory / self.configuration), "-e", "stderr"]
        return [program, *where, "-g", f"daemon off;{user}"]


BALANCERS = {
    "haproxy": Balancer("haproxy", "haproxy.cfg"),
    "nginx": Balancer("nginx", "nginx.conf"),
    "envoy": Balancer("envoy", "envoy.yaml"),
    "haproxy-tcp": Balancer("haproxy", "haproxy-tcp.cfg", repeats=False),
}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def balancing(balancer: Balancer, hosts: int, directory: Path) -> AsyncIterator[int]:
    """Run it in front of the hosts that listen on that port; gives its own port."""
    port = free_port()
    (directory / balancer.configuration).write_text(balancer.adapted(port, hosts), encoding="utf-8")
    log = directory / f"{balancer.program}.log"
    process = launch(balancer.command(directory), log)
    try:
        await _listens(process, port, log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, PATIENCE)


async def _listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise BalancerFailed(written(log))
