"""The table of what grows: by which steps, what is measured at each, and what must not grow with it.

A new experiment is a new entry of `EXPERIMENTS`. It measures one step on a server that has just been started, and says
what it found in the units of its columns; the first column is the cost of one unit of work, which a cost that is linear
keeps as it is.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import proc
from benchmarks.growth.client import Client, clients, request
from benchmarks.loads import H2Load, Load, WebSocketLoad
from benchmarks.processes import Bench, Running, ServerError

__all__ = ["EXPERIMENTS", "Experiment"]

REQUESTS = 20_000
ROUNDS = 5
MIB = 1 << 20

Measure = Callable[[Running, Bench, int], list[float]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One way for work to grow."""

    title: str
    of: str
    """What there is more of, the head of the first column."""
    steps: Sequence[int]
    columns: Sequence[str]
    """Names of what is measured, each with its unit."""
    measure: Measure
    app: str = "benchmarks.growth.apps:app"
    base: int = 0
    """The step, by its index, that later ones are compared with: before it, a turn of the loop serves few requests."""
    adds: bool = False
    """Whether a unit of work is larger at each step, as a request is that has more fields."""


def _median_of_rounds(running: Running, requests: int, ask: Callable[[], None]) -> float:
    """µs of CPU a request; `ask` asks so many of them."""
    pids = running.pids()
    ask()
    rounds = []
    for _ in range(ROUNDS):
        before = proc.cpu_ns(pids)
        ask()
        rounds.append((proc.cpu_ns(pids) - before) / requests / 1000)
    return statistics.median(rounds)


def _ask_all(asked: Sequence[Client], times: int, data: bytes) -> None:
    for _ in range(times):
        for client in asked:
            client.send(data)
        for client in asked:
            client.read()


def _active(running: Running, _bench: Bench, count: int) -> list[float]:
    before = proc.memory(running.pids())["Pss"]
    with clients(running.launch.port, count) as opened:
        memory = (proc.memory(running.pids())["Pss"] - before) / count
        times = max(1, REQUESTS // ROUNDS // count)
        cost = _median_of_rounds(running, times * count, lambda: _ask_all(opened, times, request()))
    return [cost, memory]


def _idle(running: Running, _bench: Bench, count: int) -> list[float]:
    with clients(running.launch.port, count), clients(running.launch.port, 64) as asked:
        times = REQUESTS // ROUNDS // len(asked)
        return [_median_of_rounds(running, times * len(asked), lambda: _ask_all(asked, times, request()))]


def _pipelined(running: Running, _bench: Bench, depth: int) -> list[float]:
    def ask() -> None:
        for _ in range(times):
            client.send(request() * depth)
            client.read(depth)

    times = REQUESTS // ROUNDS // depth
    with clients(running.launch.port, 1) as (client,):
        return [_median_of_rounds(running, times * depth, ask)]


def _fields(running: Running, _bench: Bench, count: int) -> list[float]:
    """With the same fields in each request of a connection, and with others each time."""
    fields = [f"x-field-{number}: its value is {number}" for number in range(count - 1)]
    same = request(fields=fields)
    numbers = iter(range(1 << 30))

    def ask_other() -> None:
        for _ in range(times):
            for client in asked:
                client.send(request(fields=[*fields, f"x-number: {next(numbers)}"]))
            for client in asked:
                client.read()

    with clients(running.launch.port, 16) as asked:
        times = REQUESTS // ROUNDS // len(asked)
        requests = times * len(asked)
        return [
            _median_of_rounds(running, requests, ask_other),
            _median_of_rounds(running, requests, lambda: _ask_all(asked, times, same)),
        ]


def _uploads(running: Running, _bench: Bench, size: int) -> list[float]:
    def ask(client: Client) -> None:
        client.send(request("/up", size=size))
        client.send_zeros(size)
        if int(client.read()) != size:
            raise ServerError("did not get the whole body")

    return _bodies(running, size, ask)


def _downloads(running: Running, _bench: Bench, size: int) -> list[float]:
    def ask(client: Client) -> None:
        client.send(request(f"/down?{size}"))
        client.read()

    return _bodies(running, size, ask)


def _bodies(running: Running, size: int, ask: Callable[[Client], None]) -> list[float]:
    """CPU a MiB, and the most memory that the server had more than before."""
    pids = running.pids()
    times = max(1, min(64 * MIB // size, REQUESTS // 10))
    with clients(running.launch.port, 1) as (client,):
        before = proc.memory(pids)["Rss"]
        used = proc.cpu_ns(pids)
        for _ in range(times):
            ask(client)
        used = proc.cpu_ns(pids) - used
    return [used / 1000 / (times * size / MIB), (proc.peak_memory(pids) - before) / MIB]


def _loaded(make: Callable[[int], Load], seconds: int) -> Measure:
    """With a load that another program makes, opening its connections within the time that is measured."""

    def measure(running: Running, bench: Bench, count: int) -> list[float]:
        pids = running.pids()
        before = proc.cpu_ns(pids)
        counted = make(count).run(running.url, seconds, bench.cores.pin_load)
        return [(proc.cpu_ns(pids) - before) / counted.requests / 1000]

    return measure


_CONNECTIONS = (1, 64, 1000, 10_000)
_SIZES = (1 << 10, 1 << 16, MIB, 16 * MIB, 256 * MIB, 1024 * MIB)
_US = "CPU a request, µs"
_BODY = ("CPU a MiB, µs", "more memory at the most, MiB")

EXPERIMENTS = {
    "active": Experiment(
        "Connections that all ask at once", "connections", _CONNECTIONS, (_US, "memory of each, bytes"), _active, base=1
    ),
    "idle": Experiment("Idle connections beside 64 that ask", "idle connections", _CONNECTIONS, (_US,), _idle),
    "pipelined": Experiment("Pipelined requests", "requests at once", (1, 4, 16, 64, 256, 1000), (_US,), _pipelined),
    "fields": Experiment(
        "Header fields",
        "fields",
        (1, 3, 10, 30, 100),
        ("CPU a request that is new, µs", "the same again, µs"),
        _fields,
        adds=True,
    ),
    "uploads": Experiment("Uploads", "bytes", _SIZES, _BODY, _uploads, base=1),
    "downloads": Experiment("Downloads", "bytes", _SIZES, _BODY, _downloads, base=1),
    "streams": Experiment(
        "HTTP/2 streams in 10 connections",
        "streams",
        (10, 100, 1000),
        (_US,),
        _loaded(lambda count: H2Load(connections=10, streams=count // 10), seconds=3),
    ),
    "websockets": Experiment(
        "WebSockets that all send at once",
        "WebSockets",
        (64, 1000),
        ("CPU a message, µs",),
        _loaded(lambda count: WebSocketLoad(64, connections=count), seconds=5),
        app="benchmarks.apps:websocket_echo",
    ),
}
