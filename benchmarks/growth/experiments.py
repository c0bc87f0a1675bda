"""The table of what grows: by which steps, what is measured at each, and what must not grow with it.

A new experiment is a new entry of `EXPERIMENTS`. It measures one step on a freshly started server, and returns
figures in the units of its columns; the first columns are the costs of one unit of work, which stay the same while the
total cost is linear.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from benchmarks import proc
from benchmarks.growth.client import Client, WebSocket, clients, request, websockets
from benchmarks.loads import H2Load, Wrk
from benchmarks.processes import Bench, Running, ServerError
from benchmarks.websocket_frames import masked_frame, text_of

REQUESTS = 20_000
ROUNDS = 5
SECONDS = 2
"""Of load from a program in a round."""

_START_SECONDS = 15
_FIRST_WEBSOCKETS = 50
"""After this many, the server has allocated what it allocates only once."""

MIB = 1 << 20

Measure = Callable[[Running, Bench, int], list[float]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One way for work to grow."""

    title: str
    of: str
    """What grows, the head of the first column."""
    steps: Sequence[int]
    columns: Sequence[str]
    """Names of what is measured, each with its unit."""
    measure: Measure
    app: str = "benchmarks.growth.apps:app"
    base: int = 0
    """The index of the step that later ones are compared with: before it, a turn of the loop serves few requests."""
    costs: int = 1
    """How many columns are costs of a unit, each of which is watched."""
    workers: bool = False
    """Whether a step is a number of workers, with which the server is started."""
    adds: bool = False
    """Whether a unit of work is larger at each step, like a request with more fields."""


def _median_of_rounds(running: Running, requests: int, ask: Callable[[], None]) -> float:
    """µs of CPU per request; `ask` sends that many of them."""
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
    """With the same fields in each request of a connection, and with different ones each time."""
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
    """CPU per MiB, and the most memory that the server used in addition."""
    pids = running.pids()
    times = max(1, min(64 * MIB // size, REQUESTS // 10))
    with clients(running.launch.port, 1) as (client,):
        before = proc.memory(pids)["Rss"]
        used = proc.cpu_ns(pids)
        for _ in range(times):
            ask(client)
        used = proc.cpu_ns(pids) - used
    return [used / 1000 / (times * size / MIB), (proc.peak_memory(pids) - before) / MIB]


def _websockets(running: Running, _bench: Bench, count: int) -> list[float]:
    def ask() -> None:
        for _ in range(times):
            for client in asked:
                client.send(frame, 1)
            for client in asked:
                _read_echo(client)

    frame = masked_frame(text_of(64), is_compressed=False)
    times = max(1, REQUESTS // ROUNDS // count)
    port, pids = running.launch.port, running.pids()
    with websockets(port, _FIRST_WEBSOCKETS):
        pass
    memory, used = proc.memory(pids)["Pss"], proc.cpu_ns(pids)
    with websockets(port, count) as asked:
        used, memory = proc.cpu_ns(pids) - used, proc.memory(pids)["Pss"] - memory
        return [_median_of_rounds(running, times * count, ask), used / count / 1000, memory / count]


def _read_echo(client: WebSocket) -> None:
    while client.missing:
        client.receive()


def _streams(running: Running, bench: Bench, count: int) -> list[float]:
    pids = running.pids()
    before = proc.cpu_ns(pids)
    counted = H2Load(connections=10, streams=count // 10).run(running.url, SECONDS, bench.cores.pin_load)
    return [(proc.cpu_ns(pids) - before) / counted.requests / 1000]


def _workers(running: Running, bench: Bench, count: int) -> list[float]:
    """CPU and speed of all of them under one load, and how much of the CPU the busiest has used."""
    _see_workers(running.launch.port, count)
    load = Wrk()
    load.run(running.url, 1, bench.cores.pin_load)
    pids = running.pids()
    rounds = []
    for _ in range(ROUNDS):
        before = [proc.cpu_ns([pid]) for pid in pids]
        counted = load.run(running.url, SECONDS, bench.cores.pin_load)
        used = [proc.cpu_ns([pid]) - at_first for pid, at_first in zip(pids, before, strict=True)]
        rounds.append((sum(used) / counted.requests / 1000, counted.rps, 100 * max(used) / sum(used)))
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


def _see_workers(port: int, count: int) -> None:
    """Wait until that many processes have answered."""
    seen: set[bytes] = set()
    deadline = time.monotonic() + _START_SECONDS
    while len(seen) < count:
        if time.monotonic() > deadline:
            raise ServerError(f"has {len(seen)} workers that answer within {_START_SECONDS} s")
        with ExitStack() as stack:
            asked = [stack.enter_context(closing(Client(port))) for _ in range(16)]
            for client in asked:
                client.send(request("/pid"))
            seen.update(client.read() for client in asked)


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
    "streams": Experiment("HTTP/2 streams in 10 connections", "streams", (10, 100, 1000), (_US,), _streams),
    "websockets": Experiment(
        "WebSockets that all send at once",
        "WebSockets",
        _CONNECTIONS,
        ("CPU a message, µs", "CPU a handshake, µs", "memory of each, bytes"),
        _websockets,
        app="benchmarks.apps:websocket_echo",
        base=1,
        costs=2,
    ),
    "workers": Experiment(
        "Workers under the load of 64 connections",
        "workers",
        (1, 2),
        (_US, "requests a second", "CPU of the busiest, %"),
        _workers,
        workers=True,
    ),
}
