"""What happens to the fleet while clients ask: one scene is one event, and the return to a whole fleet."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet.balancers import Balancer, balancing, free_port
from benchmarks.fleet.clients import Clients
from benchmarks.fleet.hosts import Fleet, Host, Hosts
from benchmarks.fleet.tally import Tally

SETTLE = 1.0
"""Seconds of load before and after each event."""

GONE = 2.0
"""Seconds for which a killed host is missing."""

CUT_OFF = 5.0
"""Seconds for which a host is stopped."""

OVERLOADED, EXTRA = 5.0, 40
"""Seconds, and clients beside the balancer that make one host busy."""

OPTIONS = {"overloaded": ("--backpressure-max-limit", "10")}
"""What ESG is told in a scene besides: how many requests of this application it can handle at once."""

RETURN = 60.0
"""Seconds in which a host must be back in service."""


@dataclass(frozen=True)
class Stage:
    """A running fleet: its hosts, their port, and what the clients of the balancer have seen."""

    hosts: Sequence[Host]
    port: int
    tally: Tally

    async def is_back(self, host: Host) -> None:
        """Return when the balancer uses the host again."""
        async with asyncio.timeout(RETURN):
            await self.tally.has_answered(host.name, self.tally.hosts[host.name] + 3)


async def replaced(stage: Stage) -> None:
    """All hosts, one after the other: stopped by SIGTERM, and started when they have ended."""
    for host in stage.hosts:
        await host.stop()
        await host.start()
        await stage.is_back(host)


async def killed(stage: Stage) -> None:
    """One host: ended by SIGKILL, and started a little later."""
    host = stage.hosts[1]
    host.send(signal.SIGKILL)
    await host.ended()
    await asyncio.sleep(GONE)
    await host.start()
    await stage.is_back(host)


async def cut_off(stage: Stage) -> None:
    """One host: stopped by SIGSTOP, as if its network were gone, and continued."""
    host = stage.hosts[1]
    host.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(CUT_OFF)
    finally:
        host.send(signal.SIGCONT)
    await stage.is_back(host)


async def overloaded(stage: Stage) -> None:
    """One host: kept busy by clients that do not come through the balancer."""
    busy = [asyncio.create_task(_keep_busy(stage.hosts[1].address, stage.port)) for _ in range(EXTRA)]
    await asyncio.sleep(OVERLOADED)
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


async def _keep_busy(address: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                writer.write(b"GET /busy HTTP/1.1\r\nhost: fleet\r\nconnection: close\r\n\r\n")
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(0.05)


SCENES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "replaced": replaced,
    "killed": killed,
    "cut off": cut_off,
    "overloaded": overloaded,
}


async def play(scene: str, balancer: Balancer, server: str) -> Tally:
    """One scene on a new fleet; returns what the clients have seen."""
    with tempfile.TemporaryDirectory(prefix="esg-fleet-") as name:
        directory = Path(name)
        fleet = Fleet(server, balancer.path, free_port(), directory, OPTIONS.get(scene, ()))
        async with Hosts(fleet) as hosts, balancing(balancer, fleet.port, directory) as port:
            async with Clients(port) as tally:
                stage = Stage(hosts.all, fleet.port, tally)
                await asyncio.gather(*(stage.is_back(host) for host in hosts.all))
                await asyncio.sleep(SETTLE)
                await SCENES[scene](stage)
                await asyncio.sleep(SETTLE)
            return tally
