"""A small writer of SVG: groups of horizontal bars, and lines over time, readable on light and on dark pages.

It knows numbers and names only. Each group of bars has its own scale, which ends at its longest bar; all lines of
a chart share one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH = 760
_LEFT = 96
_RIGHT = 96
_BAR = 14
_STEP = 18
_TOP = 44
_GROUP_HEAD = 24
_GROUP_GAP = 14
_PLOT_HEIGHT = 220
_LINE_COLOURS = ("#2f9e6e", "#5b8def", "#d9822b", "#a46fd6")

_COLOURS = {
    "esg": "#2f9e6e",
    "esg, off": "#9cc9b4",
    "uvicorn": "#5b8def",
    "granian": "#d9822b",
    "hypercorn": "#a46fd6",
    "gunicorn": "#c9566b",
    "fastpysgi": "#b08a2e",
}
_OTHER_COLOUR = "#8a8f98"

_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.group { font-weight: 600 }
.mark { fill: #8a8f98; fill-opacity: .15 }
polyline { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One value; None is shown as a dash."""

    name: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that are compared with each other."""

    title: str
    bars: Sequence[Bar]
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time, in the order of their times."""

    name: str
    points: Sequence[tuple[float, float]]


def bar_chart(title: str, groups: Sequence[Group]) -> str:
    """The text of an SVG file."""
    parts = []
    y = _TOP
    for group in groups:
        parts += _group(group, y)
        y += _GROUP_HEAD + _STEP * len(group.bars) + _GROUP_GAP
    return _document(title, y, parts)


def line_chart(title: str, lines: Sequence[Line], mark: tuple[float, float, str]) -> str:
    """The text of an SVG file; `mark` is a span of time, in seconds, shown behind the lines, and its name."""
    end = max(time for line in lines for time, _ in line.points)
    top = max(value for line in lines for _, value in line.points)
    width, bottom = _WIDTH - _LEFT - _RIGHT, _TOP + _PLOT_HEIGHT

    def x(time: float) -> float:
        return round(_LEFT + time / end * width, 1)

    began, ended, name = mark
    parts = [
        f'<rect class="mark" x="{x(began)}" y="{_TOP}" width="{x(ended) - x(began):.1f}" height="{_PLOT_HEIGHT}"/>',
        _text(x(began) + 4, _TOP + 14, name),
        _text(_LEFT - 8, _TOP + 8, f"{top:g}", anchor="end"),
        _text(_LEFT - 8, bottom, "0", anchor="end"),
        _text(_LEFT, bottom + 18, "0 s"),
        _text(_LEFT + width, bottom + 18, f"{end:.0f} s", anchor="end"),
    ]
    for number, line in enumerate(lines):
        colour = _LINE_COLOURS[number % len(_LINE_COLOURS)]
        points = " ".join(f"{x(time)},{bottom - value / top * _PLOT_HEIGHT:.1f}" for time, value in line.points)
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
        parts.append(f'<rect x="{_LEFT + 150 * number}" y="{bottom + 30}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(_LEFT + 150 * number + 18, bottom + 41, line.name))
    return _document(title, bottom + 54, parts)


def _document(title: str, height: int, parts: Sequence[str]) -> str:
    label = escape(title, {'"': "&quot;"})
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
    heading = _text(0, 20, title, "title")
    return "\n".join([head, _STYLE, heading, *parts, "</svg>\n"])


def _group(group: Group, top: int) -> list[str]:
    longest = max((bar.value for bar in group.bars if bar.value is not None), default=0.0)
    parts = [_text(0, top + 12, group.title, "group")]
    for index, bar in enumerate(group.bars):
        parts += _bar(bar, top + _GROUP_HEAD + index * _STEP, longest, group.digits)
    return parts


def _bar(bar: Bar, y: int, longest: float, digits: int) -> list[str]:
    share = bar.value / longest if bar.value is not None and longest else 0.0
    length = round(share * (_WIDTH - _LEFT - _RIGHT), 1)
    shown = "-" if bar.value is None else f"{bar.value:,.{digits}f}"
    colour = _COLOURS.get(bar.name, _OTHER_COLOUR)
    return [
        _text(_LEFT - 8, y + 11, bar.name, anchor="end"),
        f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR}" rx="2" fill="{colour}"/>',
        _text(round(_LEFT + length + 6, 1), y + 11, shown),
    ]


def _text(x: float, y: int, text: str, kind: str = "", anchor: str = "") -> str:
    options = "".join(f' {name}="{value}"' for name, value in (("class", kind), ("text-anchor", anchor)) if value)
    return f'<text x="{x}" y="{y}"{options}>{escape(text)}</text>'
