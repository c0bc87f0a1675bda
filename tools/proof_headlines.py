"""The experiments of the proof page, and the one sentence that sums up the tables of each."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tools.result_pages import ResultPage, Table


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is done, the page of its results below docs/, and what its figures say."""

    title: str
    page: str
    headline: Callable[[ResultPage], str]


def _sum(table: Table, column: str) -> int:
    return sum(int(cells[column]) for cells in table.values())


def _each(figures: Mapping[str, object]) -> str:
    return "; ".join(f"{server} {figure}" for server, figure in figures.items())


def losses(page: ResultPage) -> str:
    """Of all answers that clients and wrk waited for."""
    table = page.table()
    answers = _sum(table, "checked answers") + _sum(table, "requests of wrk")
    killed = {name for name in table if "killed" in name}
    lost = sum(int(cells["lost"]) for cells in table.values())
    lost += sum(int(cells["lost by wrk"]) for name, cells in table.items() if name not in killed)
    of_killed = _sum(table, "of killed workers") + sum(int(table[name]["lost by wrk"]) for name in killed)
    return f"{lost} of {answers:,} answers lost in {', '.join(table)}; {of_killed} that killed workers had begun"


def soak(page: ResultPage) -> str:
    """Of all kinds of traffic."""
    tables = [table for _, table in page.tables()]
    kinds = {kind for table in tables for kind in table} - {"all"}
    done, failed = (sum(int(table["all"][column]) for table in tables) for column in ("done", "failed"))
    return f"{done:,} exchanges of {len(kinds)} kinds, {failed} failed"


def overload(page: ResultPage) -> str:
    """What is served in time when ten times too much is asked for."""
    table = page.table("Saturation/10 times the capacity")
    served = _each({server: cells["goodput"] for server, cells in table.items()})
    return f"served in time at 10 times the capacity: {served}; p99 of ESG {table['esg']['p99 ms']} ms"


def fleet(page: ResultPage) -> str:
    """Lost while all hosts are replaced, behind all balancers."""
    tables = [table for headings, table in page.tables() if headings.startswith("Replaced/")]
    lost: Counter[str] = Counter()
    for table in tables:
        lost.update({server: int(cells["lost"]) for server, cells in table.items()})
    return f"lost while all hosts are replaced, behind {len(tables)} balancers: {_each(lost)}"


def _milliseconds(cell: str) -> int | None:
    number = cell.partition(",")[0]
    return int(number) if number.isdecimal() else None


def fairness(page: ResultPage) -> str:
    """The longest wait that any attack causes."""
    longest: dict[str, int] = {}
    for _, table in page.tables():
        for cells in table.values():
            for server, cell in cells.items():
                longest[server] = max(longest.get(server, 0), _milliseconds(cell) or 0)
    return f"longest wait of an innocent client under any attack, ms: {_each(longest)}"


def shares(page: ResultPage) -> str:
    """How even a burst is."""
    return f"fullest worker to the mean, burst of 64 on 8 workers: {_each(page.table()['burst of 64'])}"


def growth(page: ResultPage) -> str:
    """Its verdict."""
    return page.text.rpartition("## Verdict\n\n")[2].strip().splitlines()[0].rstrip(".")


EXPERIMENTS = (
    Experiment("Losses: workers restarted, upgraded, recycled, killed under load", "losses/results.md", losses),
    Experiment("Soak: all kinds of clients, workers replaced all the time", "soak/results.md", soak),
    Experiment("Overload: more than can be served", "overload/results.md", overload),
    Experiment("Fleet: hosts replaced, killed, cut off, overloaded behind a balancer", "fleet/results.md", fleet),
    Experiment("Fairness: one client attacks, another waits", "fairness/results.md", fairness),
    Experiment("Shares: connections over workers", "shares/results.md", shares),
    Experiment("Growth: more of everything", "growth/results.md", growth),
)
