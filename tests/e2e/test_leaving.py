"""Clients that leave the streams of real frameworks: each stream ends, and nothing is logged (H-9, H-16, H-21)."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.apps.leaving.streams import PART, PARTS
from tests.support.behaviour.lifecycle import get
from tests.support.e2e.leaving import Case, Leaver, SecureLeaver, SocketLeaver, complaints, leave_all, missing
from tests.support.e2e.server import Server
from tests.support.installed import STACKS

pytestmark = pytest.mark.slow

APPS = "tests.e2e.apps.leaving"

WAYS = {
    "1.1": ("close", "reset", "half"),
    "2": ("close", "reset", "half", "rst_stream", "goaway"),
}
"""How clients leave; one that only closes its sending side does so where nothing comes (rule H-9)."""

PHASES = ("late", "held", "idle", "tokens", "stuck", "whole")
"""Where they leave: before the response, before its first byte, while nothing comes, between parts,
while parts wait because the client does not read, at the end."""

FLOOD = "flood"
"""Like `stuck`, for a generator that never waits itself. It can only be cancelled while the
application sends, and is then left to itself: Django and Starlette's own middleware keep it until the garbage collector
runs."""

WITH_SILENCE = {"late", "held", "idle", "whole"}
"""Phases in which nothing comes."""

OPTIONS = ("--log-level", "debug", "--timeout-graceful-shutdown", "2")
"""The server logs everything, and its exit code shows whether two seconds were enough to stop."""

IN_TIME = 5.0
"""Seconds for something that takes one, on a busy machine."""


@dataclass(frozen=True)
class Kind:
    """The streams of an application below a path; `says` are the lines that the end of each must print."""

    app: str
    prefix: str = ""
    says: tuple[str, ...] = ("ended",)
    phases: tuple[str, ...] = (*PHASES, FLOOD)
    at_a_time: bool = True

    def cases(self) -> list[Case]:
        return [
            Case(version, phase, way)
            for phase in self.phases
            for version, ways in WAYS.items()
            for way in ways
            if way != "half" or phase in WITH_SILENCE
        ]

    def wanted(self, case: Case) -> Iterator[str]:
        for line in self.says:
            if line != "ended" or case.phase != "late":  # then it may not even have begun
                yield line


KINDS = {
    "starlette": Kind("starlette_app:app", says=("ended", "background")),
    "starlette-behind": Kind(
        "starlette_app:app", "/behind", ("ended", "background"), ("late", "held", "idle", "stuck", "whole")
    ),
    # Starlette leaves to the garbage collector the generators of tokens that a middleware passes on, and those that its
    # threads step through.
    "starlette-behind-tokens": Kind("starlette_app:app", "/behind", ("background",), ("tokens",)),
    "starlette-threads": Kind("starlette_app:app", "/threads", ("background",), ("tokens", "whole", FLOOD)),
    "fastapi": Kind("fastapi_app:app", says=("ended", "background", "closed")),
    # Tokens in FastAPI's own queue may keep a generator until the garbage collector runs.
    "fastapi-events": Kind("fastapi_app:app", "/events", ("ended", "background", "closed"), ("late", "held", "idle")),
    "litestar": Kind("litestar_app:app", says=("ended", "background")),
    "litestar-events": Kind("litestar_app:app", "/events", ("ended", "background"), ("late", "held", "idle", "tokens")),
    "django": Kind("django_app:app", phases=PHASES),
    "quart": Kind("quart_app:app", says=("ended", "torn down")),
    "a2wsgi": Kind("wsgi_apps:by_a2wsgi", phases=("download", "whole")),
    "asgiref": Kind("wsgi_apps:by_asgiref", phases=("download", "whole"), at_a_time=False),
    "raw-sends": Kind("raw_app:app", "/sends", ("ended", "returned"), ("tokens", "stuck", "whole", FLOOD)),
    "raw-listens": Kind("raw_app:app", "/listens", ("ended", "returned")),
    "raw-deaf-to-errors": Kind("raw_app:app", "/deaf-to-errors", ("ended", "returned"), ("tokens", "stuck", FLOOD)),
    "raw-deaf-to-cancellation": Kind(
        "raw_app:app", "/deaf-to-cancellation", ("ended", "returned"), ("tokens", "stuck", FLOOD)
    ),
}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", KINDS)
def test_h16_streams_end_when_their_clients_leave(name: str, stack: str) -> None:
    """H-16, H-21, L-2: work after a stream runs too, and does not hold up the server's stop."""
    kind = KINDS[name]
    cases = kind.cases()
    open_ones: list[Leaver] = []
    with Server(f"{APPS}.{kind.app}", *OPTIONS, *STACKS[stack]) as server:
        for together in [cases] if kind.at_a_time else [[case] for case in cases]:
            open_ones += leave_all(server, together, kind.prefix)
            assert missing(server, together, kind.wanted, IN_TIME) == []
        if name == "django":
            server.wait_for(f"request {len(cases)}: finished")
        for leaver in open_ones:
            if leaver.case.way == "rst_stream":  # its client is still there
                leaver.close()
        code = server.stop()
        for leaver in open_ones:
            leaver.close()
        assert complaints(server) == []
        assert code == 0, server.output


@pytest.mark.parametrize("name", ["starlette", "starlette-behind", "fastapi", "litestar", "django", "quart"])
def test_h9_a_half_closed_client_gets_its_whole_response(name: str) -> None:
    """H-9: as long as parts come, although frameworks listen for the disconnect."""
    kind = KINDS[name]
    wanted = {"paced": b"token" * 10, "download": PART * PARTS}
    with Server(f"{APPS}.{kind.app}", *OPTIONS) as server:
        cases = [Case(version, phase, "half") for version in WAYS for phase in wanted]
        for leaver in leave_all(server, cases, kind.prefix):
            assert leaver.whole_body() == b"first" + wanted[leaver.case.phase]
            leaver.close()
        assert missing(server, cases, kind.wanted, IN_TIME) == []
        assert server.stop() == 0, server.output
        assert complaints(server) == []


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", ["starlette", "django", "raw-listens"])
def test_h16_streams_over_tls_end_when_their_clients_leave(name: str, stack: str, certificate: Path) -> None:
    """H-9, H-16: over TLS as in cleartext; a half-closed client still reads what keeps coming."""
    kind = replace(KINDS[name], phases=PHASES)
    cases = kind.cases()
    with Server(f"{APPS}.{kind.app}", *OPTIONS, "--ssl-certfile", str(certificate), *STACKS[stack]) as server:
        open_ones = leave_all(server, cases, kind.prefix, SecureLeaver)
        assert missing(server, cases, kind.wanted, IN_TIME) == []
        for leaver in open_ones:
            leaver.close()
        assert server.stop() == 0, server.output
        assert complaints(server) == []


SOCKETS = {
    "starlette": ("starlette_app:app", "", ("ended",)),
    "fastapi": ("fastapi_app:app", "", ("ended", "closed")),
    "litestar": ("litestar_app:app", "", ("ended",)),
    "quart": ("quart_app:app", "", ("ended",)),
    "raw": ("raw_app:app", "/sends", ("ended",)),
    "raw-deaf-to-errors": ("raw_app:app", "/deaf-to-errors", ("ended",)),
}

CODECS = {"native": "websockets", "pure": "wsproto"}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", SOCKETS)
def test_s4_websockets_end_when_their_clients_leave(name: str, stack: str) -> None:
    """S-4: whether the application receives or only sends, and whether or not it catches what these raise."""
    app, prefix, says = SOCKETS[name]
    cases = [
        Case(version, phase, way)
        for phase in ("late", "echo", "ticks", "flood")
        for version in WAYS
        for way in ("close", "reset", "goodbye", *(["rst_stream"] if version == "2" else []))
    ]
    with Server(f"{APPS}.{app}", *OPTIONS, "--ws", CODECS[stack], *STACKS[stack]) as server:
        open_ones = leave_all(server, cases, prefix, SocketLeaver)
        assert missing(server, cases, lambda _: says, IN_TIME) == []
        for leaver in open_ones:
            leaver.close()
        code = server.stop()
        assert complaints(server) == []
        assert code == 0, server.output


def left(server: Server) -> dict[str, int]:
    with server.connect() as connection:
        counted: dict[str, int] = json.loads(get(connection, "/left").body)
    return counted


def memory(server: Server) -> int:
    """Resident bytes."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("stack", STACKS)
def test_h20_a_thousand_who_leave_leave_nothing(stack: str) -> None:
    """H-16, H-20, H-21: no task, no connection, no call, no memory."""
    kind = Kind("counted:app", says=("ended", "background"), phases=("idle", "tokens", "whole"))
    with Server(f"{APPS}.{kind.app}", *OPTIONS, "--no-access-log", *STACKS[stack]) as server:
        before, size, number = left(server), 0, 0
        while number < 1000:
            together = [replace(case, number=(number := number + 1)) for case in kind.cases() * 5]
            for leaver in leave_all(server, together):
                leaver.close()
            assert missing(server, together, kind.wanted, IN_TIME) == []
            size = size or memory(server)
        end = time.monotonic() + IN_TIME
        while left(server) != before and time.monotonic() < end:
            time.sleep(0.1)
        assert left(server) == before
        assert memory(server) < size + 4_000_000
        assert server.stop() == 0
        assert complaints(server) == []
