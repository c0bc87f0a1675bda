"""U-4: implementations by name, by import string, by `auto`; and what to do when one is not there."""

import asyncio
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable

import pytest

from esg_core.errors import StartupError, UsageError
from esg_core.plugins import KNOWN, LoopFactory, find, http_factory, loop_factory, resolve
from tests.support.installed import LOOP

pytestmark = pytest.mark.everywhere


def test_known_names_are_the_entry_points_of_the_packages() -> None:
    """What is found without the metadata matches the metadata."""
    for group, known in KNOWN.items():
        declared = {point.name: point.value for point in importlib.metadata.entry_points(group=group)}
        assert {name: one.target for name, one in known.items()} == declared


def test_names_are_found_without_reading_metadata() -> None:
    program = "import sys; from esg_core.plugins import find; find('esg.loop', 'auto'); print('email' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.strip() == "False"


def own_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop()


@pytest.mark.parametrize("name", ["asyncio", "uvloop", "auto", "none", "tests.core.test_plugins:own_loop", own_loop])
def test_loops(name: str | LoopFactory) -> None:
    loop = loop_factory(name)()
    try:
        assert isinstance(loop, asyncio.AbstractEventLoop)
        assert type(loop).__module__.startswith("uvloop") == ((LOOP if name == "auto" else name) == "uvloop")
    finally:
        loop.close()


@pytest.mark.parametrize("name", ["httptools", "h11", "auto"])
def test_http(name: str) -> None:
    assert callable(http_factory(name))


@pytest.mark.needs("httptools", "uvloop")
def test_auto_takes_the_best_that_is_installed(without: Callable[[str], None]) -> None:
    assert (resolve("esg.http", "auto"), resolve("esg.loop", "auto")) == ("httptools", "uvloop")
    without("httptools")
    without("uvloop")
    assert (resolve("esg.http", "auto"), resolve("esg.loop", "auto")) == ("h11", "asyncio")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a module seem not to be installed."""
    absent: set[str] = set()
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else real(name))
    return absent.add


def test_known_name_that_is_not_installed(without: Callable[[str], None]) -> None:
    without("httptools")
    with pytest.raises(UsageError, match=r"^http httptools is not installed: pip install httptools$"):
        http_factory("httptools")


def test_nothing_at_all_is_installed(without: Callable[[str], None]) -> None:
    without("esg_http")
    with pytest.raises(UsageError) as caught:
        http_factory("auto")
    assert str(caught.value).startswith(
        "http: nothing usable is installed: httptools (pip install ./packages/esg-http in a clone of ESG, "
        "pip install --find-links DIST esg-http with its wheels in DIST), h11 ("
    )


def test_unknown_name_is_told_with_those_that_are_there(without: Callable[[str], None]) -> None:
    without("httptools")
    with pytest.raises(UsageError) as caught:
        http_factory("htptools")
    assert str(caught.value) == (
        "http: unknown name 'htptools'; choose auto, h11 or MODULE:ATTRIBUTE;"
        " not installed: httptools (pip install httptools)"
    )


@pytest.mark.needs("uvloop")
def test_entry_point_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even in a group in which ESG itself has nothing; its names are listed with ESG's."""
    point = importlib.metadata.EntryPoint("theirs", f"{__name__}:own_loop", "esg.loop")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert find("esg.loop", "theirs") is own_loop
    assert find("esg.other", "theirs") is own_loop
    with pytest.raises(UsageError, match=r"choose auto, asyncio, theirs, uvloop or MODULE:ATTRIBUTE$"):
        loop_factory("nobodys")


@pytest.mark.parametrize("name", ["no_such_module:factory", "asyncio:no_such_factory"])
def test_import_string_that_leads_nowhere(name: str) -> None:
    with pytest.raises(StartupError, match=f"^cannot import loop '{name}': .* no "):
        loop_factory(name)


def test_import_string_of_what_cannot_be_called() -> None:
    with pytest.raises(StartupError, match=r"^http 'sys:path' is list, which cannot be called$"):
        http_factory("sys:path")
