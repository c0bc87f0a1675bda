"""The contracts of the admin address: what its sockets serve, and what that may ask of the server.

A *responder* speaks with clients; it knows bytes, and neither sockets nor clocks. A *source* is the server to it: one
process, or the parent of many. Both are used by one thread only, and neither ever waits.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, NotRequired, Protocol, TypedDict

from esg_core.figures import totals as figure_totals
from esg_core.figures.readings import Reading
from esg_core.figures.totals import CountedStats, ToldRequest


class Peer(Enum):
    """Where a client of the admin address comes from: what it may do depends on it (rule M-7)."""

    UNIX = "unix"
    """A socket file, whose permissions have let it in."""
    LOOPBACK = "loopback"
    OTHER = "other"


class Question(Enum):
    """What only the processes that serve can answer."""

    STACKS = "stacks"
    """Where threads and tasks are: `{"threads": [{"name", "stack"}], "tasks": [{"name", "stack"}]}`, stacks as text."""
    REQUESTS = "requests"
    """What runs, oldest first, and the last slow, failed and aborted ones: `{"running": [...], "ended": [...]}`.

    They are `RunningRequest`s and `EndedRequest`s, without `worker` and `pid`.
    """


class Action(Enum):
    """What an operator can have done, named as in the path of its POST."""

    RESTART = "workers/restart"
    ADD = "workers/add"
    REMOVE = "workers/remove"
    REOPEN = "logs/reopen"
    DRAIN = "drain"


class Answer(NamedTuple):
    """What one process has answered; `content` is None if it did not within `PATIENCE`."""

    worker: int
    pid: int
    content: Mapping[str, Any] | None


LOGS_NOT_REOPENED = "a log file cannot be opened; the log says why"
IS_STOPPING = "the server is stopping"
"""Why an action is not done, whichever process model it is."""

PATIENCE = 0.5
"""Seconds that a process has to answer a question."""


class ProcessAtPlace(TypedDict):
    """Which process it is."""

    worker: int
    """Its place: a replacement has the same. 0 where there is only one process."""
    pid: int


class WorkerStats(ProcessAtPlace, CountedStats):
    """One process that serves; times are in seconds, memory in bytes, `_total` only grows."""

    state: str
    """`starting`, `ready` or `draining`."""
    age: float
    """Of the process."""
    heartbeat_age: float | None
    memory: int


Totals = figure_totals.Totals


class Stats(TypedDict):
    """The document of `/stats`, which the live page and `esg top` show."""

    version: str
    pid: int
    started_at: float
    """Seconds since 1970."""
    uptime: float
    is_ready: bool
    is_draining: bool
    options: dict[str, Any]
    """Those that differ from their defaults; never a secret."""
    versions: dict[str, str]
    totals: Totals
    workers: list[WorkerStats]


class SilentProcess(ProcessAtPlace):
    """A process that has not answered within `PATIENCE`."""


class RunningRequest(ProcessAtPlace, ToldRequest):
    """A request that has no whole response yet."""

    seconds: float
    """Since it began."""
    phase: str


class EndedRequest(ProcessAtPlace, ToldRequest):
    """A request that was slow, failed or was aborted."""

    seconds: float
    """How long it took."""
    status: int | None
    """None if there was no response."""
    reason: str
    """`slow`, `failed` or `aborted`."""
    at: float
    """When it ended: seconds since 1970."""


class RequestsDocument(TypedDict):
    """The document of `/requests`: what runs, oldest first, and what has ended, last first."""

    running: list[RunningRequest]
    ended: list[EndedRequest]
    silent: list[SilentProcess]


class NamedStack(TypedDict):
    """Where a thread or a task is."""

    name: str
    stack: str


class ProcessStacks(ProcessAtPlace):
    """All threads and tasks of one process."""

    threads: list[NamedStack]
    tasks: list[NamedStack]


class StacksDocument(TypedDict):
    """The document of `/stacks`."""

    processes: list[ProcessStacks]
    silent: list[SilentProcess]


class ActionDocument(TypedDict):
    """What a POST gets: with 202 if it is being done, with 409 and the reason if not."""

    action: str
    accepted: bool
    reason: NotRequired[str]


class Source(Protocol):
    """The server, to a responder."""

    def readings(self) -> Sequence[Reading]:
        """All figures as they are now."""

    def stats(self) -> Stats:
        """The document of `/stats`."""

    def is_ready(self) -> bool:
        """Whether clients are accepted, and the server does not stop."""

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        """Ask each process; `answered` is called once, at the latest after `PATIENCE` seconds."""

    def act(self, action: Action, done: Callable[[str], None]) -> None:
        """Have something done, as its signal would; `done` is called once, with why not, or empty if it is being done.

        It may be called at once, or after the seconds that it takes to try a new configuration.
        """


class Exchange(Protocol):
    """One connection of the admin address."""

    is_over: bool
    """Whether to close it, once all is written."""

    is_stream: bool
    """Whether `tick()` is to be called once a second."""

    def feed(self, data: bytes) -> None:
        """Take what the client has sent; never raises for anything in it."""

    def tick(self) -> None:
        """A second has passed."""

    def expire(self) -> None:
        """No whole request has come in time."""

    def fail(self) -> None:
        """What it asked the server for has raised: tell the client, if nothing has been written yet."""

    def lost(self) -> None:
        """The client is gone: nothing may be written any more."""


class Responder(Protocol):
    """What serves the clients of the admin address."""

    def accept(self, peer: Peer, write: Callable[[bytes], None]) -> Exchange:
        """A client has come; `write` takes what it is to get, and never blocks or raises."""


class AdminSettings(NamedTuple):
    """What a responder is made with: `token` of the option `admin_token_file`, and the names it may be called by."""

    token: bytes | None
    hosts: frozenset[str]


ResponderFactory = Callable[[Source, AdminSettings], Responder]
"""What an entry point of the group `esg.admin` is."""
