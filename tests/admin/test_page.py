"""M-9: the live page in a real browser, on a real socket, with figures that move."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esg_core.admin.contracts import Stats
from tests.support.admin.client import TOKEN
from tests.support.admin.figure_cases import DOCUMENTS, QUANTILES, SHARES, WRITTEN, stats_of
from tests.support.admin.pictures import PICTURES, take_all
from tests.support.admin.server import AdminServer
from tests.support.admin.source import MovingSource
from tests.support.e2e.browser import Browser, Page
from tests.support.e2e.programs import needs

pytestmark = needs("chromium")

LIVE = "document.body.dataset.state === 'live'"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


def shown(page: Page, url: str) -> Page:
    """The page of a server, with all that the browser says about it recorded from the start."""
    for domain in ("Page", "Network", "Log", "Runtime"):
        page.call(f"{domain}.enable")
    page.call("Page.navigate", url=url)
    page.wait_for(f"document.body !== null && {LIVE}")
    return page


def text(page: Page, selector: str) -> str:
    return str(page.evaluate(f"document.querySelector({selector!r}).textContent"))


def complaints(page: Page) -> list[Any]:
    """What stands in the console, but for servers that could not be reached."""
    entries = [one["params"]["entry"] for one in page.events if one["method"] == "Log.entryAdded"]
    said = [one["params"] for one in page.events if one["method"] in CONSOLE]
    return [one for one in entries if "ERR_" not in one["text"]] + said


CONSOLE = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded")


def requested(page: Page) -> set[str]:
    events = [one for one in page.events if one["method"] == "Network.requestWillBeSent"]
    return {one["params"]["request"]["url"] for one in events} - {"about:blank"}


def test_m9_numbers_move_and_nothing_comes_from_elsewhere(browser: Browser, tmp_path: Path) -> None:
    with AdminServer(MovingSource(), second=0.1) as server:
        page = shown(browser.open("about:blank"), f"{server.url}/")
        page.wait_for("stats.kept.length > 12")
        for figure in ("rate", "p50", "p90", "p99", "running", "busy", "memory", "connections"):
            before = text(page, f"#{figure}")
            assert any(letter.isdigit() for letter in before), figure
            page.wait_for(f"document.getElementById('{figure}').textContent !== {before!r}")
            assert page.evaluate("document.querySelectorAll('article svg path[d*=L]').length") >= 10
        assert page.evaluate("document.querySelectorAll('#workers tbody tr').length") == 4
        assert text(page, "#workers tbody tr:last-child td.state") == "draining"
        page.wait_for("document.querySelectorAll('#slow tbody tr').length === 8")
        assert text(page, "#slow-note").endswith("worker 3 (process 4220) has not answered")
        assert text(page, "#refused tbody tr").startswith("queue full")
        take_all(page, tmp_path)
        assert complaints(page) == []
        data = {url for url in requested(page) if url.startswith("data:image/svg+xml,")}
        assert requested(page) - data == {f"{server.url}/{path}" for path in ("", "events", "requests")}
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in PICTURES)


def test_m9_live_lost_live_across_a_restart(browser: Browser) -> None:
    """Without a reload; the charts keep what they had, with a gap."""
    with AdminServer(MovingSource(), second=0.1) as server:
        page = shown(browser.open("about:blank"), server.url)
        page.evaluate("window.isTheSame = true; 0")
        page.wait_for("stats.kept.length > 5")
    page.wait_for("document.body.dataset.state === 'lost'")
    assert text(page, "#state") == "lost"
    with AdminServer(MovingSource(), port=server.port, second=0.1):
        page.wait_for(LIVE)
        page.wait_for("stats.kept.length > 5")
        assert page.evaluate("isTheSame")
        assert page.evaluate("charts.memory[0].slice(0, 5).every(Boolean) && charts.memory[0].includes(null)")
        assert complaints(page) == []


def test_m9_the_page_asks_for_the_token(browser: Browser) -> None:
    """Where figures need one: it is sent in a field, and stands in no address."""
    with AdminServer(MovingSource(), token=TOKEN, second=0.1) as server:
        page = browser.open("about:blank")
        page.call("Network.enable")
        page.call("Page.navigate", url=server.url)
        asked = "document.getElementById('ask')?.hidden === false"
        for given, problem in (("wrong", "the token is wrong"), (TOKEN.decode(), "")):
            page.wait_for(asked)
            assert page.evaluate("document.activeElement.id") == "token"
            page.evaluate(f"document.getElementById('token').value = {given!r}; ask.requestSubmit()")
            page.wait_for(asked if problem else LIVE)
            page.wait_for(f"document.getElementById('problem').textContent === {problem!r}")
        page.wait_for("document.querySelectorAll('#slow tbody tr').length > 0")
        for path, part in (("stats", '"requests_total": '), ("metrics", "esg_build_info"), ("ready", "ready")):
            page.evaluate(f"document.querySelector('footer a[href={path}]').click()")
            page.wait_for(f"document.getElementById('document').ariaLabel === {path!r}")
            assert part in text(page, "#document")
        assert page.evaluate("document.activeElement.id") == "document"
        assert page.evaluate("location.pathname") == "/"
        assert not any(TOKEN.decode() in url for url in requested(page))


class HostileSource(MovingSource):
    """What clients send is on the page: a path, an id and an address of theirs."""

    MARKUP = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>"

    def stats(self) -> Stats:
        return {**super().stats(), "options": {"app": self.MARKUP}, "version": self.MARKUP}

    def _request(self, **fields: Any) -> dict[str, Any]:
        return {**super()._request(**fields), "path": self.MARKUP, "id": self.MARKUP, "client": self.MARKUP}


def test_m9_text_of_clients_is_never_markup(browser: Browser) -> None:
    with AdminServer(HostileSource(), second=0.1) as server:
        page = shown(browser.open("about:blank"), server.url)
        page.wait_for("document.querySelectorAll('#slow tbody tr').length > 0")
        assert HostileSource.MARKUP in text(page, "#slow b")
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        assert page.evaluate("document.querySelectorAll('script').length") == 1
        assert "taken" not in page.evaluate("document.title")
        assert complaints(page) == []


def test_m9_a_page_of_another_origin_reads_nothing(browser: Browser) -> None:
    """M-7: no field of a response allows it."""
    with AdminServer(MovingSource()) as server, AdminServer(MovingSource()) as other:
        page = browser.open("about:blank")
        for is_bypassed in (False, True):  # its own policy forbids it, and without that, the other's silence does
            page.call("Page.setBypassCSP", enabled=is_bypassed)
            shown(page, other.url)
            for path in ("stats", "metrics", "events"):
                fetched = f"fetch('{server.url}/{path}').then(answer => answer.text(), error => error.name)"
                assert page.evaluate(fetched) == "TypeError"


@pytest.mark.parametrize("name", QUANTILES)
def test_m9_quantiles_are_those_of_histogram_quantile(name: str, figures: Callable[[str], Any]) -> None:
    case = QUANTILES[name]
    call = f"{json.dumps(case['shares'])}.map(share => quantile(share, {case['bounds']}, {case['counts']}))"
    assert figures(call) == [one if one is None else pytest.approx(one) for one in case["expected"]]


DOCUMENTS_SAY = """(() => {
    const kept = new Documents();
    STATS.forEach(one => kept.add(one));
    return {
        rate: kept.rate(then => then.totals.requests_total),
        quantiles: kept.quantiles(SHARES),
        busy: kept.last.workers.map(worker => kept.workerRate(worker, then => then.busy_seconds_total)),
    };
})()"""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_m9_what_documents_say_together(name: str, figures: Callable[[str], Any]) -> None:
    stats, shares = json.dumps(stats_of(DOCUMENTS[name])), json.dumps(SHARES)
    found = figures(DOCUMENTS_SAY.replace("STATS", stats).replace("SHARES", shares))
    for figure, expected in DOCUMENTS[name]["expected"].items():
        assert found[figure] == pytest.approx(expected), figure


@pytest.mark.parametrize(("function", "value", "expected"), WRITTEN)
def test_m9_how_figures_are_written(
    function: str, value: float | None, expected: str, figures: Callable[[str], Any]
) -> None:
    call = f"{function}({json.dumps(value)})"
    shown = figures(call if function == "age" else f"written({call})")
    assert shown.replace("\u00a0", " ") == expected


@pytest.fixture(scope="module")
def figures(browser: Browser) -> Iterator[Callable[[str], Any]]:
    with AdminServer(MovingSource()) as server:
        yield shown(browser.open("about:blank"), server.url).evaluate


def test_m9_it_can_be_used_without_seeing_it(figures: Callable[[str], Any]) -> None:
    """Landmarks, one heading of the page, table heads with a scope, and one live region: the state."""
    count = "document.querySelectorAll({!r}).length"
    for selector in ("header", "main", "footer", "h1", "[role=status]", "html[lang]"):
        assert figures(count.format(selector)) == 1, selector
    assert figures(count.format("[aria-live], [role=alert], output")) == 0
    assert figures(count.format("th:not([scope]), svg:not([aria-hidden]), input:not([id=token], [hidden])")) == 0
    assert figures(count.format("section:not([aria-label], [aria-labelledby])")) == 0
    assert figures(count.format(".scroll[tabindex='0']")) == 1


def test_m9_no_narrow_screen_scrolls_sideways(browser: Browser) -> None:
    with AdminServer(MovingSource(), second=0.1) as server:
        page = browser.open("about:blank")
        page.call("Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=True)
        shown(page, server.url).wait_for("document.querySelectorAll('#slow tbody tr').length > 0")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
