"""M-1 to M-4, M-9: the figures of real servers under load, while workers are replaced, killed and attacked."""

import http.client
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.admin.test_page import LIVE, complaints, shown, text
from tests.support.behaviour.administered import Admin, admin_of, administered
from tests.support.behaviour.lifecycle import free_port
from tests.support.behaviour.working import LONG
from tests.support.e2e.browser import Browser
from tests.support.e2e.countable import as_websockets, over_http1, over_http2
from tests.support.e2e.programs import needs
from tests.support.e2e.prometheus import Prometheus
from tests.support.e2e.scraping import Scraper, name_of
from tests.support.e2e.server import PATIENCE, Server
from tests.support.reload.processes import wait_until

APP = "tests.e2e.apps.monitored:app"

REQUESTS = "esg_http_requests_total"


def total(admin: Admin) -> float:
    return sum(value for name, value in admin.series().items() if name_of(name) == REQUESTS)


def pids(admin: Admin) -> list[int]:
    """The workers that are ready."""
    return [one["pid"] for one in admin.stats()["workers"] if one["state"] == "ready"]


def is_complete(admin: Admin, count: int, former: int = 0) -> bool:
    """Whether as many workers are ready, without this one."""
    workers = admin.stats()["workers"]
    return len(workers) == len(pids(admin)) == count and former not in {one["pid"] for one in workers}


# M-8: what Prometheus makes of it.

CONNECTIONS = 32


@contextmanager
def wrk(server: Server, path: str, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """A load that goes on until the end of the block."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", f"{server.url}{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@needs("prometheus")
@needs("wrk")
@pytest.mark.slow
def test_m8_prometheus_sees_what_wrk_counts(tmp_path: Path) -> None:
    """It finds the one request before, and nothing moves afterwards: its window has all of the load."""
    with administered("workers", tmp_path, app=APP) as (server, admin), ExitStack() as stack:
        target = admin_of(server).place
        prometheus = stack.enter_context(Prometheus(str(target), tmp_path))
        subprocess.run(["curl", "--silent", "--fail", server.url], check=True, timeout=PATIENCE)
        prometheus.wait_for(f"sum({REQUESTS})", 1)
        with wrk(server, "/mixed", 6) as load:
            report = load.communicate(timeout=PATIENCE + 6)[0]
        assert "Socket errors" not in report
        assert "Non-2xx" not in report
        counted = requests_in(report)
        time_of_last = f"max(timestamp({REQUESTS}))"
        wait_until(lambda: admin.series()["esg_http_requests_in_progress"] == 0, PATIENCE)
        wait_until(lambda: total(admin) == total_after_publishing(admin), PATIENCE)
        last = total(admin)
        assert counted <= last - 1 <= counted + CONNECTIONS
        prometheus.wait_for(f"sum({REQUESTS})", last)
        at = prometheus.value(time_of_last)
        rate = prometheus.value(f"sum(rate({REQUESTS}[1m]))", at)
        assert rate is not None
        assert rate * 60 == pytest.approx(counted, rel=0.05)
        slow = prometheus.value(quantile(0.99), at)
        assert slow is not None
        assert 0.25 < slow <= 0.5
        median = prometheus.value(quantile(0.5), at)
        assert median is not None
        assert median <= 0.25
        assert prometheus.value("min_over_time(up[1m])") == 1


def requests_in(report: str) -> int:
    """What wrk has had answers to."""
    return int(re.findall(r"(\d+) requests in", report)[0])


def quantile(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(esg_http_request_duration_seconds_bucket[1m])))"


def total_after_publishing(admin: Admin) -> float:
    """What a process has counted is there after 0.25 s (M-1), or later on a busy machine; then it stands still."""
    before, now = -1.0, total(admin)
    while now != before:
        time.sleep(1)
        before, now = now, total(admin)
    return now


# M-2: nothing is lost, and nothing falls.

LOADS = {over_http1: 3600, over_http2: 3400, as_websockets: 3000}


def disturb(server: Server, admin: Admin, clients: list[Future[int]]) -> int:
    """Replace, add and remove workers until the clients have what they want; returns how often all of that was done."""
    rounds = 0
    while not all(client.done() for client in clients):
        for number, count in ((signal.SIGTTIN, 5), (signal.SIGTTOU, 4)):
            os.kill(server.pid, number)
            wait_until(partial(has_workers, admin, count), LONG)
        seen = len(server.lines)
        os.kill(server.pid, signal.SIGHUP)
        wait_until(partial(has_restarted, server, seen), 2 * LONG)
        rounds += 1
    return rounds


def has_workers(admin: Admin, count: int) -> bool:
    return len(pids(admin)) == count


def has_restarted(server: Server, seen: int) -> bool:
    return any("Restarted" in line for line in server.lines[seen:])


@needs("curl")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_m2_exact_to_the_last_request(tmp_path: Path) -> None:
    """While workers come and go for each reason that is no accident; and two scrapers change nothing."""
    options = ("--preload", "--limit-max-requests", "250", "--limit-max-requests-jitter", "50")
    with administered("4", tmp_path, *options, app=APP) as (server, admin):
        with Scraper(admin) as first, Scraper(admin) as second, ThreadPoolExecutor(6) as pool:
            clients = [pool.submit(ask, server, count // 2) for ask, count in LOADS.items() for _ in range(2)]
            assert disturb(server, admin, clients) >= 1
            assert sum(client.result() for client in clients) == 10_000
            wait_until(lambda: total(admin) >= 10_000)
        series = admin.series()
        assert {name: value for name, value in series.items() if name_of(name) == REQUESTS} == {
            f'{REQUESTS}{{method="GET",protocol="1.1",code="200"}}': LOADS[over_http1],
            f'{REQUESTS}{{method="GET",protocol="2",code="200"}}': LOADS[over_http2],
            f'{REQUESTS}{{method="GET",protocol="1.1",code="101"}}': LOADS[as_websockets],
        }
        assert series["esg_websockets_opened_total"] == LOADS[as_websockets]
        assert series['esg_worker_ends_total{reason="requests"}'] >= 1
        assert series['esg_worker_ends_total{reason="crashed"}'] == 0
        assert series["esg_http_requests_aborted_total"] == 0
        assert first.fallen == second.fallen == []


KILLS = 20

SCRAPES = 1500

WAITING = "/?seconds=0.02"
"""A path that leaves time for the scrapes, on two cores."""


@needs("wrk")
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_m2_no_counter_falls_when_workers_are_killed(tmp_path: Path) -> None:
    """The oldest each time: a server whose workers end soon after their start waits longer and longer (W-1)."""
    with administered("8", tmp_path, "--preload", app=APP) as (server, admin), wrk(server, WAITING, 1800) as load:
        began = time.monotonic()
        with Scraper(admin) as scraper:
            for number in range(1, KILLS + 1):
                oldest = max(admin.stats()["workers"], key=lambda one: float(one["age"]))["pid"]
                os.kill(oldest, signal.SIGKILL)
                wait_until(partial(is_complete, admin, 8, oldest), LONG)
                wait_until(partial(has_scraped, scraper, number * SCRAPES // KILLS), 5 * LONG)
        assert scraper.fallen == []
        assert scraper.scrapes >= SCRAPES
        assert admin.series()['esg_worker_ends_total{reason="crashed"}'] == KILLS
        load.send_signal(signal.SIGINT)
        answered = requests_in(load.communicate(timeout=PATIENCE)[0])
        per_second = answered / (time.monotonic() - began)
        counted = total_after_publishing(admin)
        assert answered - KILLS * 0.25 * per_second < counted < answered + CONNECTIONS * (KILLS + 1)


def has_scraped(scraper: Scraper, times: int) -> bool:
    return scraper.scrapes >= times


# M-1: clients make no series.

BOUND = 4000
"""Series that a server with two workers has at most, whatever clients send: most are of methods, versions and codes."""


def random_requests(chance: random.Random, count: int) -> bytes:
    """Pipelined, with methods, paths, hosts and statuses that were seldom there before."""

    def word(letters: str) -> str:
        return "".join(chance.choices(letters, k=chance.randint(3, 12)))

    def one() -> str:
        method = chance.choice(["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", word("ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
        status = chance.choice([200, 201, 400, 404, 500, chance.randint(200, 599)])
        path = f"/canary{word('abcdef/')}?status={status}"
        return f"{method} {path} HTTP/1.1\r\nhost: canary{word('abcdef')}.example\r\ncontent-length: 0\r\n\r\n"

    return "".join(one() for _ in range(count)).encode()


def flood(server: Server, seed: int, count: int) -> None:
    data = random_requests(random.Random(seed), count)
    with server.connect() as connection, connection.makefile("rb") as stream, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(connection.sendall, data)
        for _ in range(count):
            assert stream.readline().startswith(b"HTTP/1.1 ")
            while stream.readline() not in (b"\r\n", b""):
                pass
        sending.result()


@pytest.mark.slow
def test_m1_clients_make_no_series(tmp_path: Path) -> None:
    with administered("workers", tmp_path, app=APP) as (server, admin):
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(partial(flood, server, count=1000), range(10)))
        wait_until(lambda: total(admin) == 10_000)
        exposed = admin.ask("/metrics").body
        assert "canary" not in exposed
        assert 'method="_OTHER"' in exposed
        assert 'code="other"' in exposed
        assert len(admin.series()) < BOUND


# M-3: clients of the admin address that mean no good.


@contextmanager
def hostile_clients(admin: Admin) -> Iterator[None]:
    """Half a head, a stream that is not read, a MiB of nothing, and as many more as there may be, and one."""
    host, _, port = str(admin.place).partition(":")
    with ExitStack() as stack:
        for data in (
            b"GET /metrics HT",
            b"GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
            b"\0" * (1 << 20),
            *[b""] * 15,
        ):
            connection = stack.enter_context(closing(socket.create_connection((host, int(port)), PATIENCE)))
            connection.settimeout(1)
            send_what_is_taken(connection, data)
        yield


def send_what_is_taken(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # it has been answered and closed
        connection.sendall(data)


def descriptors(pid: int) -> int:
    return len(list(Path("/proc", str(pid), "fd").iterdir()))


def seconds_to_replace(server: Server, worker: int) -> float:
    """As the log has it, for the admin address may have no place for one more client."""
    seen = len(server.lines)
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    server.wait_for("Application startup complete", seen)
    return time.monotonic() - began


REPLACED = 100

MARGIN = 1.0
"""Seconds that a busy machine may add to a replacement; a server that waits for a client would wait for 5."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_m3_hostile_clients_delay_no_replacement_and_leave_nothing(tmp_path: Path) -> None:
    """Only the first ends count: workers that end soon after their start are replaced after a pause (W-1)."""
    with administered("8", tmp_path, "--preload", app=APP) as (server, admin):
        before = descriptors(server.pid)
        first, second = pids(admin)[:2]
        usual = seconds_to_replace(server, first)
        with hostile_clients(admin):
            assert seconds_to_replace(server, second) < 3 * usual + MARGIN
        for _ in range(-(-REPLACED // 8)):
            seen = len(server.lines)
            with hostile_clients(admin):
                os.kill(server.pid, signal.SIGHUP)
                wait_until(partial(has_restarted, server, seen), LONG)
        wait_until(lambda: is_served(admin), PATIENCE)
        wait_until(partial(is_complete, admin, 8), LONG)
        assert admin.series()["esg_worker_starts_total"] >= 8 + REPLACED
        wait_until(lambda: descriptors(server.pid) <= before, PATIENCE)


def is_served(admin: Admin) -> bool:
    try:
        return admin.ask("/health").status == 200
    except (http.client.HTTPException, OSError):  # all places are taken, until the server has seen the others go
        return False


# M-9: the page.


@contextmanager
def on_ports(port: int, admin_port: int) -> Iterator[Server]:
    """A server of one process on these two ports, killed at the end."""
    with Server(APP, "--port", str(port), "--admin", f"127.0.0.1:{admin_port}", "--no-access-log") as server:
        admin_of(server)
        yield server


@needs("chromium")
@needs("wrk")
@pytest.mark.slow
def test_m9_the_page_of_a_real_server(tmp_path: Path) -> None:
    """Its numbers move under load, and it survives the server's death."""
    port, admin_port = free_port(), free_port()
    with Browser(tmp_path) as browser:
        with on_ports(port, admin_port) as server, wrk(server, "/", 120):
            page = shown(browser.open("about:blank"), f"http://127.0.0.1:{admin_port}/")
            page.evaluate("window.isTheSame = true; 0")
            page.wait_for("stats.kept.length > 2")
            for figure in ("rate", "busy"):
                before = text(page, f"#{figure}")
                page.wait_for(f"document.getElementById('{figure}').textContent !== {before!r}")
            page.wait_for("stats.last.totals.requests_total > 1000")
            assert page.evaluate("document.querySelectorAll('#workers tbody tr').length") == 1
            former = page.evaluate("stats.last.pid")
        page.wait_for("document.body.dataset.state === 'lost'")
        with on_ports(port, admin_port):
            page.wait_for(LIVE)
            page.wait_for(f"stats.last.pid !== {former}")
            assert page.evaluate("isTheSame")
            assert complaints(page) == []


# M-4: each kind of server has the same families.

KIND = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)
OPTIONS = {
    "fresh": ("--workers", "2"),
    "preload": ("--workers", "2", "--preload"),
    "one worker": ("--workers", "1"),
    "no workers": (),
}


def families(options: tuple[str, ...]) -> set[tuple[str, str]]:
    """Names and types, once there has been a request."""
    with Server(APP, "--admin", "127.0.0.1:0", *options) as server:
        admin = admin_of(server)
        subprocess.run(["curl", "--silent", "--fail", server.url], check=True, timeout=PATIENCE)
        wait_until(lambda: total(admin) == 1, PATIENCE)
        found = set(KIND.findall(admin.ask("/metrics").body))
        assert server.stop() == 0
        return found


OF_WORKERS = {
    "esg_workers",
    "esg_worker_starts_total",
    "esg_worker_ends_total",
    "esg_worker_heartbeat_age_seconds",
    "esg_worker_resident_memory_bytes",
}
"""What a parent knows of its workers."""


@needs("curl")
@pytest.mark.slow
def test_m4_each_kind_of_server_has_the_same_families() -> None:
    with ThreadPoolExecutor() as pool:
        found = dict(zip(OPTIONS, pool.map(families, OPTIONS.values()), strict=True))
    assert found["fresh"] == found["preload"] == found["one worker"]
    assert found["no workers"] <= found["fresh"]
    lacking = {name for name, _ in found["fresh"] - found["no workers"]}
    assert lacking == OF_WORKERS
