"""Where a row's time goes, read from the stacks that py-spy writes."""

from collections import Counter
from pathlib import Path

import pytest

import esg_http.h1.output
from benchmarks.lines import APPLICATION, ASYNCIO, LOOP, OTHERS, WRITES, Line, main, page, read

OUTPUT = Path(esg_http.h1.output.__file__)


def number_of(text: str) -> int:
    lines = OUTPUT.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_the_innermost_line_is_what_counts() -> None:
    stacks = ["run (/a/runners.py:1);f (/a/b.py:2) 3", "run (/a/runners.py:1) 4", "f (/a/b.py:2) 2", "no frame 9"]
    assert read("\n".join(stacks)) == Counter(
        {Line("f", Path("/a/b.py"), 2): 5, Line("run", Path("/a/runners.py"), 1): 4}
    )


def test_a_line_belongs_to_a_part() -> None:
    lines = {
        Line("run", Path("/lib/asyncio/runners.py"), 1): LOOP,
        Line("respond", OUTPUT, number_of("self.transport.write(b")): WRITES,
        Line("respond", OUTPUT, number_of("block, length, says = prepared")): "esg_http",
        Line("add", Path("/lib/_weakrefset.py"), 1): ASYNCIO,
        Line("hello", Path("/x/benchmarks/apps.py"), 1): APPLICATION,
        Line("app", Path("/x/starlette/routing.py"), 1): OTHERS,
    }
    assert {line: line.part for line in lines} == lines


def test_the_page_has_shares_and_lines() -> None:
    written = Line("respond", OUTPUT, number_of("self.transport.write(b"))
    text = page({"get": Counter({written: 3, Line("run", Path("/lib/asyncio/runners.py"), 1): 1})}, "CPython")
    [shares] = [line for line in text.splitlines() if line.startswith("| GET, 13 bytes")]
    assert [cell.strip() for cell in shares.strip("|").split("|")][1:3] == ["25", "75"]
    assert f"`{written.text}`" in text
    assert "h1/output.py respond | 75.0 |" in text


def test_unknown_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rows", "unknown"])
    assert "unknown: choose from get" in capsys.readouterr().err
