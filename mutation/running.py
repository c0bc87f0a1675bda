"""Runs the tests on a mutant, in a separate process that has the changed module and is gone afterwards.

No file is changed. The process is a fork of this one, in which the third-party modules of the tests are already
imported; an import hook replaces the module by the mutant, so any change can be tried. `trials` is quicker, and only
for changes in functions. A mutant that takes too long or too much memory counts as noticed.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from hypothesis import Phase, settings

from mutation.targets import ROOT

SURVIVED, KILLED, INVALID, TIMEOUT = "survived", "killed", "invalid", "timeout"
"""No test has failed; one has; the module can no longer be imported, so it is no mutant; the tests did not end."""

MEMORY = 2 << 30
"""Bytes of address space that a mutant may take."""

QUICKLY = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:unraisableexception")
_NO_MODULE = 97
_WARM = ("asyncio", "h11", "httptools", "uvloop", "h2.connection", "httpx", "websockets", "wsproto", "ssl")


def prepare() -> None:
    """Import what all tests need; make random tests the same each time, without a database of earlier examples.

    Only whether a test fails matters: examples are not shrunk.
    """
    os.chdir(ROOT)
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutation", database=None, derandomize=True, phases=phases)
    settings.load_profile("mutation")
    for name in _WARM:
        importlib.import_module(name)
    for plugin in entry_points(group="pytest11"):
        plugin.load()


def ask(module: str, path: Path, code: CodeType | None, tests: Sequence[str], limit: float) -> str:
    """Run the tests with `code` as the module, or with the module as it is; returns one of the names above."""

    def judge() -> int:
        if code is not None:
            be_silent()
            sys.meta_path.insert(0, _Finder(module, path, code))
        try:
            importlib.import_module(module)
        except BaseException:  # noqa: BLE001 - a change may raise anything
            return _NO_MODULE
        return _first_failure(tests)

    return in_fork(judge, limit)


def in_fork(judge: Callable[[], int], limit: float) -> str:
    """Call a function that returns an exit code, in a separate process; returns one of the names above."""
    child = os.fork()
    if child == 0:
        _be_judged(judge, int(limit))
    descriptor = os.pidfd_open(child)
    try:
        ended = bool(select.select([descriptor], [], [], limit)[0])
    finally:
        os.close(descriptor)
        if not _has_ended(child):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ended:
        return TIMEOUT
    return {0: SURVIVED, _NO_MODULE: INVALID}.get(os.waitstatus_to_exitcode(status), KILLED)


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _be_judged(judge: Callable[[], int], limit: int) -> None:
    """Run in the process of a mutant; does not return."""
    result = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))  # even when nothing waits any longer
        result = judge()
    finally:
        sys.stdout.flush()
        os._exit(result)


def _first_failure(tests: Sequence[str]) -> int:
    """The exit code of pytest, file by file: the first one notices most mutants, and the others are not even read."""
    codes = (int(pytest.main([*QUICKLY, test])) for test in tests)
    return next((code for code in codes if code), 0)


def be_silent() -> None:
    """Write nothing from now on."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module, and replaces its content."""

    def __init__(self, module: str, path: Path, code: CodeType) -> None:
        self._module = module
        self._loader = _Loader(module, path, code)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the mutant, if that is requested."""
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, module: str, path: Path, code: CodeType) -> None:
        super().__init__(module, str(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        """The code of the mutant."""
        return self._code
