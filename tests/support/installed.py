"""Which of the implementations that tests choose between this interpreter has.

A test whose case is named after one of them ("uvloop-tcp") is left out where that is not installed: under PyPy, and in
an environment of pure Python. So is a test that is marked `needs`, because it is about one of them.
"""

import os
import platform
from importlib.util import find_spec

import pytest

OPTIONAL = ("uvloop", "httptools", "watchfiles", "fastapi", "aioquic", "_tracemalloc")
"""What ESG is faster with, or works without; and what PyPy lacks."""

OF_CPYTHON = ("reference counting", "gc.freeze", "audit events", "lock of C code", "closed standard input")
"""What tests may need that PyPy does not do.

It frees objects some time later, reports few events, and switches threads where C code would not. Before ESG starts, it
may open a library in the place of a closed standard input.
"""

IS_PYPY = platform.python_implementation() == "PyPy"

MISSING = frozenset(name for name in OPTIONAL if find_spec(name) is None) | frozenset(OF_CPYTHON if IS_PYPY else ())

LOOPS = tuple(name for name in ("uvloop", "asyncio") if name not in MISSING)
PARSERS = tuple(name for name in ("httptools", "h11") if name not in MISSING)

NOT_FOR_PYPY = (
    "behaviour/test_certificates.py",  # needs cryptography
    "behaviour/test_process_name.py",  # needs setproctitle
    "behaviour/test_testing.py",  # needs aiohttp
    "behaviour/test_tls_options.py",  # needs cryptography
    "behaviour/test_websocket.py",  # needs aiohttp
    "core/app/test_interfaces.py",  # needs FastAPI and Litestar
    "core/sockets/test_tickets.py",  # needs cryptography
    "core/sockets/test_tls.py",  # needs cryptography
    "e2e/test_frozen.py",  # needs PyInstaller
)
"""Modules that import packages of which there is no build for PyPy."""

OF_HTTP3 = (
    "behaviour/test_http3_on_sockets.py",
    "benchmarks/test_fairness.py",
    "benchmarks/test_http3.py",
    "e2e/test_http3.py",
    "e2e/test_http3_reload.py",
    "e2e/test_http3_workers.py",
    "e2e/test_leaving_http3.py",
    "faults/test_http3.py",
    "http3",
)
"""Modules that import aioquic, of which there is no build for PyPy."""

NEEDS_HTTP3 = os.environ.get("CI") == "true" and not IS_PYPY
"""Whether the tests of HTTP/3 must run: aioquic has builds for every CPython that ESG supports."""

LEFT_OUT = [
    *(OF_HTTP3 if "aioquic" in MISSING else ()),
    *(NOT_FOR_PYPY if IS_PYPY else ()),
    *(["benchmarks"] if "uvloop" in MISSING else ()),  # they compare both loops
]
"""Paths below `tests` that this interpreter does not collect."""

STACKS = {
    name: ("--http", parser, "--loop", loop)
    for name, parser, loop in (("native", "httptools", "uvloop"), ("pure", "h11", "asyncio"))
    if MISSING.isdisjoint((parser, loop))
}
"""Options that choose both parsers and both loops."""

LOOP, PARSER = LOOPS[0], PARSERS[0]
"""What `auto` chooses."""


def unavailable(item: pytest.Item) -> bool:
    """Whether a test needs what is not installed: the name of its case says so, or a mark."""
    named = item.nodeid.partition("[")[2]
    marked = {name for mark in item.iter_markers("needs") for name in mark.args}
    return any(name in marked or name in named for name in MISSING)
