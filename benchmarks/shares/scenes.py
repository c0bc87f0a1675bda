"""What is done to the workers of a server, and the figure that comes of it."""

import functools
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from benchmarks import proc
from benchmarks.shares.crowd import Client, Crowd, NoAnswer

OWN_QUEUES = "esg-reuse-port"
"""The name of ESG with a queue for each worker."""

UNSHARED = "esg-unshared"
"""The name of ESG with one queue whose workers accept what they can: it shows what shares cost."""

REST = 0.2
"""Seconds between two bursts, in which the servers close what they had."""

LONG_REQUEST = 0.3
"""Seconds that every tenth request of a mixed load takes."""

RATES = {"block": 40, "wait": 150}
"""Requests a second of a mixed load, by what the long ones do: those that block take 15 % of eight workers' time."""

AT_ONCE = 16
"""Short connections that are open at the same time."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server."""

    port: int
    pids: Collection[int]
    workers: int
    requests: int
    """Of a mixed load."""


def burst(target: Target, size: int) -> float:
    """The fullest worker's part of some connections that are made at once and stay, divided by the mean."""
    with Crowd(target.port) as crowd:
        figure = unevenness(crowd.burst(size), target.workers)
    time.sleep(REST)
    return figure


def trickle(target: Target, size: int) -> float:
    """The same for connections that come one by one, each 20 ms, and ask four times a second."""
    with Crowd(target.port) as crowd:
        at = time.perf_counter()
        asks: dict[Client, float] = {}
        for _ in range(size):
            at += 0.02
            crowd.sleep(at)
            asks[crowd.open(1)[0]] = at
            for client, due in asks.items():
                if due <= at and not client.is_waiting:
                    crowd.ask(client)
                    asks[client] = at + 0.25
        crowd.wait(asks)
        return unevenness(asks, target.workers)


def beside_a_blocked_one(target: Target, seconds: float) -> float:
    """The longest wait of new connections, one each 5 ms, while one worker is blocked."""
    with Crowd(target.port) as crowd:
        [victim] = crowd.burst(1)
        crowd.ask(victim, f"/block/{seconds}")
        at = end = time.perf_counter()
        end += seconds * 0.8
        others = []
        while at < end:
            at += 0.005
            crowd.sleep(at)
            others += crowd.open(1)
            crowd.ask(others[-1], fields="connection: close\r\n")
        crowd.wait([victim, *others])
        return max(client.waited for client in others)


def with_one_awake(target: Target, seconds: float) -> float:
    """The longest wait of 64 connections that are made at once and stay, while all workers but one are blocked."""
    with Crowd(target.port) as crowd:
        found: dict[int, Client] = {}
        while len(found) < target.workers:
            found |= {client.process: client for client in crowd.burst(8)}
        blocked = list(found.values())[1:]
        for client in blocked:
            crowd.ask(client, f"/block/{seconds}")
        crowd.sleep(time.perf_counter() + 0.5)
        longest = max(client.waited for client in crowd.burst(64))
        crowd.wait(blocked)
        return longest


def mixed(target: Target, *, kind: str, keeps: bool) -> float:
    """The 99th percentile of the short requests of a load in which every tenth one is long.

    `kind` is what long requests do: `block` or `wait`. The clients keep 64 connections, or make one for each request.
    """
    with Crowd(target.port) as crowd:
        kept = crowd.burst(64) if keeps else []
        waits: list[float] = []
        asked: list[Client] = []
        chosen = random.Random(1)
        at = time.perf_counter()
        for number in range(target.requests):
            at += 1 / RATES[kind]
            crowd.sleep(at)
            idle = [client for client in kept if not (client.is_waiting or client.is_closed)]
            client = chosen.choice(idle) if idle else crowd.open(1)[0]
            waits += (each.waited for each in _answered(asked))
            fields = "" if keeps else "connection: close\r\n"
            if number % 10 == 9:
                crowd.ask(client, f"/{kind}/{LONG_REQUEST}", fields)
            else:
                crowd.ask(client, fields=fields)
                asked.append(client)
        crowd.wait(client for client in crowd.clients if client.is_waiting)
        waits += (client.waited for client in asked)
        return statistics.quantiles(waits, n=100)[98]


def cost(target: Target, count: int) -> float:
    """Seconds of CPU, of all processes together, for one connection with one request."""
    before = proc.cpu_ns(list(target.pids))
    with Crowd(target.port) as crowd:
        live: list[Client] = []
        for _ in range(count):
            while len(live := [client for client in live if not client.is_closed]) >= AT_ONCE:
                crowd.turn(1.0)
            live += crowd.open(1)
            crowd.ask(live[-1], fields="connection: close\r\n")
        crowd.wait(client for client in live if client.is_waiting)
    return (proc.cpu_ns(list(target.pids)) - before) / count / 1e9


def unevenness(clients: Iterable[Client], workers: int) -> float:
    """The fullest worker's part, divided by the mean: 1 is even, the number of workers is "all to one"."""
    parts = Counter(client.process for client in clients)
    return max(parts.values()) * workers / parts.total()


def see_all(target: Target) -> None:
    """Wait until all workers answer; raises `NoAnswer`."""
    seen: set[int] = set()
    deadline = time.perf_counter() + 30
    while len(seen) < target.workers:
        if time.perf_counter() > deadline:
            raise NoAnswer(f"only {len(seen)} workers answer")
        with Crowd(target.port) as crowd:
            seen |= {client.process for client in crowd.burst(16)}
        time.sleep(REST)


def _answered(asked: list[Client]) -> list[Client]:
    """Remove and return those that have their answers."""
    done = [client for client in asked if not client.is_waiting]
    asked[:] = [client for client in asked if client.is_waiting]
    return done


@dataclass(frozen=True, slots=True)
class Scene:
    """One figure; `unit` is what it is multiplied by to be shown, `bar` the most that it may be.

    Without a bar, the first server must not be worse than `reference`, or than the best of the others. A slow scene is
    measured in fewer rounds, and without ESG's configuration that only shows what shares cost.
    """

    title: str
    measure: Callable[[Target], float]
    unit: float = 1.0
    bar: float | None = None
    is_slow: bool = False
    reference: str | None = None


_MILLISECONDS = 1e3

SCENES = {
    "burst-8": Scene("burst of 8", lambda target: burst(target, 8), bar=2.0),
    "burst-64": Scene("burst of 64", lambda target: burst(target, 64), bar=1.3),
    "burst-512": Scene("burst of 512", lambda target: burst(target, 512), bar=1.1),
    "trickle": Scene("trickle of 200", lambda target: trickle(target, 200), bar=1.15, is_slow=True),
    "blocked": Scene(
        "one blocked: longest wait, ms", lambda target: beside_a_blocked_one(target, 4), _MILLISECONDS, 0.1, True
    ),
    "awake": Scene("one awake: longest wait, ms", lambda target: with_one_awake(target, 3), _MILLISECONDS, 0.1, True),
    **{
        f"mixed-{kind}-{'kept' if keeps else 'new'}": Scene(
            f"every tenth {kind}s, {'kept' if keeps else 'new'} connections: p99, ms",
            functools.partial(mixed, kind=kind, keeps=keeps),
            _MILLISECONDS,
            is_slow=kind == "block",
        )
        for kind in ("block", "wait")
        for keeps in (True, False)
    },
    "cost": Scene("short connection: CPU, µs", lambda target: cost(target, 10_000), 1e6, reference=UNSHARED),
}
