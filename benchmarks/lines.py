"""Which lines the time of each row goes into: `python -m benchmarks.lines`, py-spy beside the load, into one page.

The time of a line includes what it calls in C. So a line that writes includes the kernel's sending, and the one that
runs the event loop includes uvloop and the kernel's waiting and reading. The server is not stopped to be sampled, and
the interpreter records its position only when it calls something: what follows a call counts for the line of the call.
"""

import argparse
import linecache
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import one_of
from benchmarks.output import machine
from benchmarks.processes import Bench, Cores
from benchmarks.profiling import profile
from benchmarks.report import table
from benchmarks.rows import ROWS

OUTPUT = Path(__file__).parent.parent / "docs" / "benchmarks" / "lines.md"
MOST_LINES = 8
"""Lines that are shown for a row."""

LOOP, WRITES, ASYNCIO, APPLICATION, OTHERS = "loop, reads", "writes", "asyncio", "application", "others"
ESG = ("esg_core", "esg_http", "esg_ws")
PARTS = (LOOP, WRITES, *ESG, ASYNCIO, APPLICATION, OTHERS)
"""What a page distinguishes; others are frameworks and everyone's libraries."""

_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^()]+):(?P<number>\d+)\)")
_WRITING = re.compile(r"\b(write|writelines|sendmsg|sendfile)\(")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a program, in its function."""

    function: str
    file: Path
    number: int

    @property
    def text(self) -> str:
        """As it is written."""
        return linecache.getline(str(self.file), self.number).strip()

    @property
    def place(self) -> str:
        """File and function, for people."""
        return f"{self.file.parent.name}/{self.file.name} {self.function}"

    @property
    def part(self) -> str:
        """One of `PARTS`."""
        if self.file.match("asyncio/runners.py"):
            return LOOP
        for package in ESG:
            if package in self.file.parts:
                return WRITES if _WRITING.search(self.text) else package
        if self.file.parent.name == "asyncio" or self.file.name == "_weakrefset.py":
            return ASYNCIO
        return APPLICATION if self.file.parent.name == "benchmarks" else OTHERS


def read(folded: str) -> Counter[Line]:
    """How often each line was the innermost, of stacks as py-spy writes them in its raw format."""
    found: Counter[Line] = Counter()
    for stack in folded.splitlines():
        frames, _, count = stack.rpartition(" ")
        frame = _FRAME.fullmatch(frames.rpartition(";")[2])
        if frame is not None:
            found[Line(frame["function"], Path(frame["file"]), int(frame["number"]))] += int(count)
    return found


def page(rows: Mapping[str, Counter[Line]], python: str) -> str:
    """The page: a table of all rows by part, and one for each row by line."""
    made = f"Made by `python -m benchmarks.lines`, with {python} on {machine()}."
    how = (
        "Percent of the CPU time that ESG takes under the load of each row. A line includes what it calls in C: lines "
        "that write include the kernel's sending; the one that runs the loop, uvloop and the kernel's reading. "
        "What follows a call, up to the next one, counts for the line of the call."
    )
    shares = table(["%", *PARTS], [_shares(name, found) for name, found in rows.items()])
    lines = [_lines(name, found) for name, found in rows.items()]
    return "\n\n".join(["# Where the time of each row goes", made, how, shares, *lines]) + "\n"


def _shares(name: str, found: Counter[Line]) -> list[str]:
    """The line of a row in the table of all."""
    seen: Counter[str] = Counter()
    for line, count in found.items():
        seen[line.part] += count
    return [ROWS[name].title, *(f"{100 * seen[part] / found.total():.0f}" for part in PARTS)]


def _lines(name: str, found: Counter[Line]) -> str:
    """The table of one row."""
    lines = [
        [f"`{line.text}`".replace("|", r"\|"), line.place, f"{100 * count / found.total():.1f}"]
        for line, count in found.most_common(MOST_LINES)
    ]
    return f"## {ROWS[name].title}\n\n{table(['line', 'where', '%'], lines)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lines", description=__doc__)
    parser.add_argument("--rows", type=one_of(ROWS), default=list(ROWS))
    parser.add_argument("--seconds", type=int, default=4, help="of load per row; default: 4")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the page")
    options = parser.parse_args(arguments)
    bench = Bench(Cores.choose(), sys.executable)
    found: dict[str, Counter[Line]] = {}
    with tempfile.TemporaryDirectory() as directory:
        for name in options.rows:
            stacks = Path(directory) / f"{name}.folded"
            profile(ROWS[name], bench, options.seconds, stacks)
            found[name] = read(stacks.read_text(encoding="utf-8"))
    options.output.write_text(page(found, f"CPython {sys.version.split()[0]}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
