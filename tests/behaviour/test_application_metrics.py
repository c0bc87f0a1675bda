"""M-12: what an application counts with prometheus_client, with workers that come and go, through real connections."""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.test_upgrade import upgraded
from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import Workers, working
from tests.support.e2e.wire import Response
from tests.support.reload.processes import wait_until

APP = "tests.behaviour.apps.metrics:app"
FASTAPI = "tests.behaviour.apps.metrics_fastapi:app"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
UNSET = {name: value for name, value in os.environ.items() if name.upper() != VARIABLE}

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="files are not folded there, and workers get no signals"
)

FAILS = re.compile(rb"FileNotFoundError|requires a buffer of at least 4 bytes")
"""How a scrape may fail: files were folded meanwhile, or a worker has just made one, which is empty for a moment."""

models = pytest.mark.parametrize("options", [(), ("--preload",)], ids=["fresh", "preload"])


def response(server: Workers, path: str) -> Response:
    with server.connect() as connection:
        return get(connection, path)


def value(text: bytes, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def hit(server: Workers, times: int) -> None:
    for _ in range(times):
        assert response(server, "/hit").status == 200


def by_worker(server: Workers, path: str = "/metrics") -> dict[int, bytes]:
    """What each worker answers."""
    found: dict[int, bytes] = {}

    def all_have() -> bool:
        answer = response(server, path)
        if answer.status == 200:
            found[int(dict(answer.headers)["pid"])] = answer.body
        return set(server.there) <= set(found)

    wait_until(all_have)
    return {pid: found[pid] for pid in server.there}


def check(server: Workers, hits: int) -> None:
    """Every worker tells the same, and counts the workers that serve."""
    for text in by_worker(server).values():
        assert value(text, 'hits_total{kind="plain"}') == hits
        assert value(text, 'took_bucket{le="1.0"}') == 0
        assert value(text, 'took_bucket{le="2.0"}') == value(text, "took_count") == hits
        assert value(text, "took_sum") == 1.5 * hits
        assert value(text, "alive") == len(server.there)


@models
def test_m12_all_workers_tell_the_same_whatever_becomes_of_them(options: tuple[str, ...]) -> None:
    """After a rolling restart, and after a worker was killed."""
    with working(2, *options, app=FASTAPI, env=UNSET) as server:
        hit(server, 20)
        check(server, 20)
        before = server.there
        server.send(signal.SIGHUP)
        server.next(before)
        server.wait_for("Restarted 2 workers")
        check(server, 20)
        hit(server, 5)
        before = server.there
        os.kill(before[0], signal.SIGKILL)
        server.next(before[:1], 2)
        hit(server, 5)
        check(server, 30)


class Scraper(threading.Thread):
    """Scrapes all the time; each total must be between the hits that had ended before and those begun by its end."""

    def __init__(self, server: Workers) -> None:
        super().__init__()
        self._server = server
        self.begun = self.ended = 0
        self.is_over = False
        self.right = 0
        self.wrong: list[tuple[int, float, int]] = []
        self.failed: list[bytes] = []

    def run(self) -> None:
        while not self.is_over:
            least = self.ended
            answer = response(self._server, "/metrics")
            if answer.status != 200:
                self.failed.append(answer.body)
                continue
            total = value(answer.body, 'hits_total{kind="plain"}')
            if least <= total <= self.begun:
                self.right += 1
            else:
                self.wrong.append((least, total, self.begun))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="fresh", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
        pytest.param(("--preload",), id="preload"),
    ],
)
def test_m12_no_total_is_ever_wrong_while_files_are_folded(options: tuple[str, ...]) -> None:
    """Sixty workers reach their limit, while `/metrics` is read all the time."""
    limit = ("--limit-max-requests", "12")
    with working(2, *limit, *options, app=APP, env=UNSET) as server:
        scraper = Scraper(server)
        scraper.start()
        while server.output.count("it has reached its request limit") < 60:
            scraper.begun += 1
            assert response(server, "/hit").status == 200
            scraper.ended += 1
        scraper.is_over = True
        scraper.join()
        assert scraper.wrong == []
        assert scraper.right > 50
        assert [text for text in scraper.failed if not FAILS.search(text)] == []
        text = response(server, "/metrics").body
        assert value(text, 'hits_total{kind="plain"}') == value(text, "took_count") == scraper.ended
        names = json.loads(response(server, "/directory").body)["names"]
        assert [name for name in names if name.startswith("counter_ended-")] != []
        assert len([name for name in names if name.startswith("counter_")]) < 30


# The directory.


def directory(server: Workers) -> dict[str, object]:
    found: dict[str, object] = json.loads(response(server, "/directory").body)
    return found


def test_m12_the_directory_is_private_and_goes_with_the_server() -> None:
    with working(2, app=APP, env=UNSET) as server:
        told = directory(server)
        path = Path(str(told["path"]))
        assert (told["mode"], path.is_dir()) == (0o700, True)
    assert not path.parent.exists()


def test_m12_a_new_program_begins_with_an_empty_directory() -> None:
    with upgraded(app=APP, env=UNSET) as server:
        hit(server, 3)
        former = Path(str(directory(server)["path"]))
        server.upgrade()
        hit(server, 2)
        check(server, 2)
        assert Path(str(directory(server)["path"])) != former
        assert not former.parent.exists()


@pytest.fixture(params=["variable", "deprecated variable", "file of variables"])
def of_the_user(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[dict[str, str], tuple[str, ...], Path]]:
    """The user names a directory: the environment, the options, the directory."""
    there = tmp_path / "there"
    there.mkdir()
    if request.param == "file of variables":
        file = tmp_path / "variables"
        file.write_text(f"{VARIABLE}={there}\n")
        yield UNSET, ("--env-file", str(file)), there
    else:
        name = VARIABLE if request.param == "variable" else VARIABLE.lower()
        yield {**UNSET, name: str(there)}, (), there


@models
def test_m12_a_directory_of_the_user_is_left_alone(
    of_the_user: tuple[dict[str, str], tuple[str, ...], Path], options: tuple[str, ...]
) -> None:
    env, more, there = of_the_user
    with working(2, *options, *more, app=APP, env=env) as server:
        hit(server, 3)
        before = server.there
        os.kill(before[0], signal.SIGKILL)
        server.next(before[:1], 2)
    assert (there / f"gauge_livesum_{before[0]}.db").exists()
    assert len(list(there.glob("gauge_livesum_*"))) >= 3


@pytest.mark.parametrize(
    ("count", "options", "is_provided"),
    [
        (1, (), False),
        (1, ("--prometheus-multiproc", "on"), True),
        (2, ("--prometheus-multiproc", "off"), False),
        (2, ("--prometheus-multiproc", "auto"), True),
    ],
)
def test_m12_the_option_says_when(count: int, options: tuple[str, ...], is_provided: bool) -> None:
    with working(count, *options, app=APP, env=UNSET) as server:
        assert (directory(server)["path"] is not None) is is_provided


def test_m12_an_application_that_knows_nothing_of_it_exposes_what_each_worker_counts() -> None:
    """Metrics of the process itself stay too."""
    with working(2, app=APP, env=UNSET) as server:
        hit(server, 10)
        own = by_worker(server, "/own")
        each = [value(text, 'hits_total{kind="plain"}') for text in own.values()]
        assert sum(each) == 10
        assert all(b"python_info" in text for text in own.values())
