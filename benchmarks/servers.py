"""The table of servers: how each is started, with one worker by default, in its fastest configuration.

A server is its name and a function from a `Launch` to the arguments after `python`. Nothing here starts anything.
Every server but fastpysgi runs on uvloop, without the lifespan protocol where it can be switched off, and without its
access log unless the row asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate and its key (PKCS #8)."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server is started for: the application, where, and with which features."""

    app: str
    port: int
    access_log: bool = False
    tls: Certificate | None = None
    websocket: bool = False
    http2: bool = False
    http3: bool = False
    """Whether it also speaks HTTP/3, on the UDP port of the same number."""
    keep_alive: int | None = None
    """Seconds that an idle connection is kept; None leaves the server's default."""
    wsgi: bool = False
    """Whether the application speaks WSGI; each server then has `THREADS` for it."""
    workers: int | None = None
    """Processes that serve; None is one, without a parent above it where the server can do without.

    Each has its own queue if the server supports that, unless `one_queue` says otherwise.
    """
    one_queue: bool = False
    unshared: bool = False
    """Whether workers of one queue accept what they can, without a share; only ESG has shares to switch off."""


THREADS = "10"
"""Threads of a WSGI application: the default of ESG, and of a2wsgi in uvicorn."""

Command = Callable[[Launch], list[str]]


def _optional(launch: Launch, certificate: str, key: str, keep_alive: str) -> list[str]:
    arguments = []
    if launch.tls:
        arguments += [certificate, str(launch.tls.certificate), key, str(launch.tls.key)]
    if launch.keep_alive is not None and keep_alive:
        arguments += [keep_alive, str(launch.keep_alive)]
    return arguments


def _listen(launch: Launch) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(launch.port)]


_WITHOUT_SHARES = (
    "from esg.__main__ import main; from esg_core.sockets.board import Rows; "
    "Rows.create = classmethod(lambda cls: None); main()"
)


def _esg(launch: Launch) -> list[str]:
    start = ["-c", _WITHOUT_SHARES] if launch.unshared else ["-m", "esg"]
    log = "--access-log" if launch.access_log else "--no-access-log"
    optional = _optional(launch, "--ssl-certfile", "--ssl-keyfile", "--timeout-keep-alive")
    workers = [] if launch.workers is None else ["--workers", str(launch.workers)]
    workers += ["--reuse-port"] if workers and not launch.one_queue else []
    interface = ["--interface", "wsgi", "--wsgi-threads", THREADS] if launch.wsgi else []
    optional += ["--http3"] if launch.http3 else []
    return [*start, launch.app, *_listen(launch), "--lifespan", "off", log, *interface, *workers, *optional]


def _uvicorn(launch: Launch) -> list[str]:
    log = "--access-log" if launch.access_log else "--no-access-log"
    http = ["--http", "zttp", "--http2"] if launch.http2 else ["--http", "httptools"]
    chosen = ["--loop", "uvloop", *http, "--lifespan", "off"]
    chosen += ["--interface", "wsgi"] if launch.wsgi else []  # by way of a2wsgi
    optional = _optional(launch, "--ssl-certfile", "--ssl-keyfile", "--timeout-keep-alive")
    workers = ["--workers", str(launch.workers or 1)]
    return ["-m", "uvicorn", launch.app, *_listen(launch), *chosen, log, *workers, *optional]


def _granian(launch: Launch) -> list[str]:
    log = "--access-log" if launch.access_log else "--no-access-log"
    chosen = ["--interface", "asginl", "--loop", "uvloop", "--runtime-mode", "st"]
    if launch.wsgi:
        chosen = ["--interface", "wsgi", "--blocking-threads", THREADS]
    chosen += ["--workers", str(launch.workers or 1)]
    chosen += ["--ws" if launch.websocket else "--no-ws"]
    optional = _optional(launch, "--ssl-certificate", "--ssl-keyfile", "")
    connections = ["--backpressure", "4096"]  # its default holds 1024 connections; the footprint opens more
    return ["-m", "granian", launch.app, *_listen(launch), *chosen, *connections, log, *optional]


def _hypercorn(launch: Launch) -> list[str]:
    log = ["--access-logfile", "-"] if launch.access_log else []
    chosen = ["--bind", f"127.0.0.1:{launch.port}", "--worker-class", "uvloop"]
    chosen += ["--workers", str(launch.workers or 1)]
    optional = _optional(launch, "--certfile", "--keyfile", "--keep-alive")
    optional += ["--quic-bind", f"127.0.0.1:{launch.port}"] if launch.http3 else []
    return ["-m", "hypercorn", *chosen, *log, *optional, launch.app]


def _gunicorn(launch: Launch) -> list[str]:
    log = ["--access-logfile", "-"] if launch.access_log else []
    chosen = ["--bind", f"127.0.0.1:{launch.port}", "--no-control-socket"]
    chosen += ["--workers", str(launch.workers or 1)]
    kind = ["--worker-class", "asgi", "--asgi-loop", "uvloop", "--asgi-lifespan", "off"]
    if launch.wsgi:
        kind = ["--worker-class", "gthread", "--threads", THREADS]
    optional = _optional(launch, "--certfile", "--keyfile", "--keep-alive")
    if launch.http2:
        optional += ["--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"]
    return ["-m", "gunicorn", *chosen, *kind, *log, *optional, launch.app]


def _fastpysgi(launch: Launch) -> list[str]:
    """It serves sockets by libuv itself, so uvloop beside it only costs; it has no access log.

    Its command has no options for these settings; it refuses bodies above 10 MB by default.
    """
    values = {"lifespan": 0, "num_workers": launch.workers or 1, "max_content_length": 1 << 25}
    settings = "; ".join(f"fastpysgi.server.{name} = {value}" for name, value in values.items())
    optional = _optional(launch, "--certfile", "--keyfile", "")
    return ["-c", f"import fastpysgi; {settings}; fastpysgi.run_from_cli()", launch.app, *_listen(launch), *optional]


def _floor(launch: Launch) -> list[str]:
    optional = _optional(launch, "--certfile", "--keyfile", "")
    return ["-m", "benchmarks.floor", launch.app, "--port", str(launch.port), *optional]


SERVERS: dict[str, Command] = {
    "esg": _esg,
    "uvicorn": _uvicorn,
    "granian": _granian,
    "hypercorn": _hypercorn,
    "gunicorn": _gunicorn,
    "fastpysgi": _fastpysgi,
    "floor": _floor,
}

PACKAGES = (
    *(
        "esg",
        "uvicorn",
        "granian",
        "hypercorn",
        "gunicorn",
        "fastpysgi",
        "uvloop",
        "httptools",
        "zttp",
        "a2wsgi",
        "aioquic",
    ),
    *("fastapi", "starlette", "flask"),
)
"""The distributions whose versions belong to a result."""
