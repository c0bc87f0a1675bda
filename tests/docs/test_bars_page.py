"""How the page of bars is made: which figure is read, whether it holds, and that no declared bar is without one."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.bars_page import DECLARED, BadDeclaration, Bar, bars

RESULTS = """# Results

Made by `python -m benchmarks`; how it is read. 2026-01-02: a machine.

### HTTP/2, GET

| server | CPU | to other |
|--------|----:|---------:|
| esg    | 1,200 ±6% | 0.50 |
| other  | 900 |     1.00 |
| third  | no result in 20 s | - |

### POST

| server | CPU | to other |
|--------|----:|---------:|
| esg    | 7 ±6% | 0.60 |

* yes: one: +3 ms
* yes: two: +14 ms
"""

GET = ["{}", "esg", "to other"]


def read(folder: Path, **entry: Any) -> list[Bar]:
    (folder / "results.md").write_text(RESULTS, encoding="utf-8")
    return list(bars({"bars": [{"subject": "A", "what": "CPU", "page": "results.md", **entry}]}, folder))


def test_each_key_is_a_bar(tmp_path: Path) -> None:
    get, post = read(tmp_path, place=GET, at_most={"HTTP/2, GET": 0.5, "POST": 0.55}, why={"POST": "since"})
    assert (get.what, get.limit, str(get.figures[0]), get.holds) == (
        "HTTP/2, GET: CPU",
        "at most 0.5",
        "[0.50](../results.md#http2-get)",
        True,
    )
    assert (post.holds, post.why) == (False, "since")


@pytest.mark.parametrize(
    ("entry", "limit", "figure", "holds"),
    [
        ({"at_most": "other"}, "at most other's", "1,200 against 900", False),
        ({"at_least": ["other", "third"]}, "at least that of the best of other, third", "1,200 against 900", True),
        ({"below": 1200}, "below 1,200", "1,200", False),
        ({"at_most": 0}, "0", "1,200", False),
    ],
)
def test_what_a_figure_is_held_against(
    entry: dict[str, Any], limit: str, figure: str, holds: bool, tmp_path: Path
) -> None:
    (bar,) = read(tmp_path, place=["HTTP/2, GET", "esg", "CPU"], **entry)
    assert (bar.limit, bar.figures[0].text, bar.holds) == (limit, figure, holds)


@pytest.mark.parametrize(("word", "figure"), [("at_most", "+14"), ("at_least", "+3")])
def test_of_several_figures_in_a_text_the_worst_counts(word: str, figure: str, tmp_path: Path) -> None:
    (bar,) = read(tmp_path, text=r": ([+-]\d+) ms$", **{word: 5})
    assert (bar.figures[0].text, bar.holds) == (figure, False)


@pytest.mark.parametrize(
    "entry",
    [
        {"place": ["PUT", "esg", "CPU"], "at_most": 1},
        {"place": ["POST", "esg", "CPU"], "at_most": "other"},
        {"text": r"(\d+) %", "at_most": 1},
        {"text": r"(\d+) ms"},
        {"test": "docs/test_bars_page.py::test_that_is_not_there", "bar": "none"},
        {"test": "docs/test_nothing.py::test_that_is_not_there", "bar": "none"},
    ],
)
def test_a_bar_without_a_figure_is_an_error(entry: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadDeclaration):
        read(tmp_path, **entry)


def test_a_bar_of_several_pages_holds_if_all_do(tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text(RESULTS.replace("0.60", "0.40"), encoding="utf-8")
    (tmp_path / "empty.md").write_text("", encoding="utf-8")
    (tmp_path / "results.md").write_text(RESULTS, encoding="utf-8")
    sets = {"all": {"3.11": "results.md", "3.13": "new.md", "3.14": "empty.md"}}
    entry = {"subject": "A", "what": "CPU", "page": "all", "place": ["POST", "esg", "to other"], "at_most": 0.5}
    (bar,) = bars({"pages": sets, "bars": [entry]}, tmp_path)
    assert [(figure.on, figure.text, figure.holds) for figure in bar.figures] == [
        ("3.11", "0.60", False),
        ("3.13", "0.40", True),
    ]
    assert not bar.holds


def test_a_bar_that_is_missed_is_explained() -> None:
    """In `why` of tools/bars.toml."""
    declared = tomllib.loads(DECLARED.read_text(encoding="utf-8"))
    assert [bar.what for bar in bars(declared) if not bar.holds and not bar.why] == []
