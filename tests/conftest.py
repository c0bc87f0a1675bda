"""How the suite runs in parallel, and fixtures for tests that run on either loop or over TLS.

`pytest -n auto` starts two processes per core. Many tests wait: for servers to start, for deadlines, for slow clients.
With one process per core, half of the machine would wait with them; and because such tests are grouped together, the
processes take work from each other at the end.
"""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import none

from tests.support.behaviour.lifecycle import started
from tests.support.e2e.server import Server
from tests.support.http.sockets import authority
from tests.support.installed import LEFT_OUT, LOOPS, MISSING, NEEDS_HTTP3, unavailable
from tests.support.selection import Share, chosen

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell, for background jobs
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # nohup ignores it, and servers started here would inherit that
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

collect_ignore = LEFT_OUT


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    """The name of an event loop, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def server(request: pytest.FixtureRequest, loop: str) -> Iterator[Server]:
    """A server of the test module's `APP`, in a separate process."""
    with started(request.module.APP, loop) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with a server's certificate and key, issued by the authority that `client_tls()` trusts."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority().issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session", autouse=True)
def _applications_are_compiled_each_time() -> Iterator[None]:
    """Let servers write no bytecode: an application changed twice within a second would be served as it was before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        yield


def pytest_configure() -> None:
    """Fail instead of leaving out the tests of HTTP/3 where all tests must run."""
    if NEEDS_HTTP3 and "aioquic" in MISSING:
        raise pytest.UsageError("aioquic is not installed; it is required where CI=true")


def pytest_report_header() -> str:
    """Say whose tests are left out."""
    return f"not installed, so their tests are left out: {', '.join(sorted(MISSING)) or 'none'}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--share`."""
    parser.addoption("--share", metavar="K/N", help="run one share of the suite")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules that have nothing for the share: most of a share's time would be spent in importing them."""
    share = config.getoption("share")
    is_module = collection_path.match("test_*.py")
    return True if share is not None and is_module and not Share.parse(share).may_have(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Set what has been collected aside from garbage collection: it is large, stays, and some tests collect often."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        given(none())(lambda _: None)()  # at first, Hypothesis asks who refers to an object, and must find it
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs implementations that are missing, and what belongs to other shares."""
    every = list(items)
    items[:] = [item for item in every if not unavailable(item)]
    share = config.getoption("share")
    if share is not None:
        items[:] = chosen(items, Share.parse(share))
    kept = set(map(id, items))
    config.hook.pytest_deselected(items=[item for item in every if id(item) not in kept])


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means here."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let xdist rebalance the tests while they run, unless the command line says how to distribute them."""
    if config.getoption("numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "worksteal"


def pytest_sessionfinish() -> None:
    """Save coverage data, if it is measured: xdist gives its processes ten seconds to end, which may be too short."""
    coverage = sys.modules.get("coverage")
    measuring = coverage and coverage.Coverage.current()
    if measuring:
        measuring.save()
