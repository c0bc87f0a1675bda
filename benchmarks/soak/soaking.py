"""One configuration under the soak: two servers, or one with HTTP/3, their traffic, and what was wrong with it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import trustme

from benchmarks.soak.growth import grown, grown_parent, left
from benchmarks.soak.metrics import Scraper
from benchmarks.soak.serving import Sample, Served
from benchmarks.soak.tally import Tally
from benchmarks.soak.traffic import drive, kinds_for

SETTLE = 45.0
"""Seconds after the traffic in which everything of it must go from the servers.

A timer of QUIC keeps a connection that has ended until it comes up: for half of the idle time-out, 30 seconds.
"""

SAMPLES = 40
"""How often memory and descriptors are checked."""

LONGEST_LOG = 20
"""Lines of a log that are reported."""


@dataclass(frozen=True)
class Configuration:
    """What is served: a name, options of ESG, and on which servers."""

    name: str
    options: Sequence[str]
    servers: Sequence[str] = ("cleartext", "tls")


@dataclass(frozen=True)
class Plan:
    """How long, in seconds, with how long a pause between restarts, and with how many clients and workers."""

    seconds: float
    pause: float
    clients: int
    workers: int


@dataclass
class Soak:
    """One run of one configuration; `wrong` is empty if nothing was. A `with` block, inside which its servers run."""

    configuration: Configuration
    plan: Plan
    directory: Path
    tally: Tally = field(default_factory=Tally)
    wrong: list[str] = field(default_factory=list)
    restarts: int = 0
    renewals: int = 0
    scrapes: int = 0

    def __enter__(self) -> Self:
        self.directory.mkdir()
        authority = trustme.CA()
        options = [*self.configuration.options, "--workers", str(self.plan.workers)]
        self._servers = [
            Served(name, self.directory, None if name == "cleartext" else authority, options)
            for name in self.configuration.servers
        ]
        self._parents: dict[str, list[tuple[int, int]]] = {server.name: [] for server in self._servers}
        with ExitStack() as stack:
            for server in self._servers:
                stack.enter_context(server)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()
        for server in self._servers:
            if server.code != 0:
                self.wrong.append(f"{server.name}: exit code {server.code}")
            self.wrong += [f"{server.name}: log: {line}" for line in server.complaints()[:LONGEST_LOG]]

    async def run(self) -> None:
        """The traffic, restarts and new certificates in its first two thirds, and what was wrong with it."""
        servers, plan, stop = self._servers, self.plan, asyncio.Event()
        clean = [next(iter((await server.states()).values())) for server in servers]
        scrapers = [Scraper(server.admin) for server in servers]
        clients = [
            asyncio.create_task(drive(kind, server.target, self.tally, stop, number))
            for server in servers
            for kind in kinds_for(server.target)
            for number in range(plan.clients)
        ]
        scraping = [asyncio.create_task(each.run(stop)) for each in scrapers]
        began = time.monotonic()
        while time.monotonic() < began + plan.seconds * 2 / 3:
            await self._replace()
        samples = await self._watch(began + plan.seconds - time.monotonic())
        stop.set()
        await asyncio.gather(*clients, *scraping)
        print(f"{self.configuration.name}: {time.monotonic() - began:.0f} s")
        self.wrong += [f"{count} of {kind} failed" for kind, count in self.tally.failed.items()]
        self.scrapes = sum(each.scrapes for each in scrapers)
        self.wrong += [line for each in scrapers for line in each.wrong]
        for server, state in zip(servers, clean, strict=True):
            self.wrong += grown(server.name, samples[server.name])
            self.wrong += grown_parent(server.name, self._parents[server.name])
            self.wrong += left(server.name, state, await self._states(server, state))

    async def _states(self, server: Served, clean: dict[str, Any]) -> dict[int, dict[str, Any]]:
        """What the workers hold once everything of the traffic has gone, or should have."""
        end = time.monotonic() + SETTLE
        while True:
            states = await server.states()
            if all(state == clean for state in states.values()) or time.monotonic() > end:
                return states
            await asyncio.sleep(0.1)

    async def _replace(self) -> None:
        """New certificates, which new clients must see, and half a pause later new workers."""
        for act, what in ((Served.renew, "a new certificate is not seen"), (Served.restart, "a restart does not end")):
            await asyncio.sleep(self.plan.pause / 2)
            succeeded = await asyncio.gather(*(act(server) for server in self._servers))
            pairs = zip(self._servers, succeeded, strict=True)
            self.wrong += [f"{server.name}: {what}" for server, has in pairs if not has]
        self.restarts += 1
        self.renewals = sum(len(server.certificates) for server in self._servers)
        for server in self._servers:
            self._parents[server.name].append(server.sample()[server.pid])

    async def _watch(self, seconds: float) -> dict[str, list[Sample]]:
        """Memory and descriptors of the last phase, in which there are no restarts."""
        samples: dict[str, list[Sample]] = {server.name: [] for server in self._servers}
        for _ in range(SAMPLES):
            await asyncio.sleep(max(0.0, seconds / SAMPLES))
            for server in self._servers:
                samples[server.name].append(server.sample())
        return samples
