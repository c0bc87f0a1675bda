"""A small writer of SVG: groups of horizontal bars, readable on light and on dark pages.

It knows numbers and names only. Each group has a scale of its own, which ends at its longest bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Bar", "Group", "bar_chart"]

_WIDTH = 760
_LEFT = 96
_RIGHT = 96
_BAR = 14
_STEP = 18
_TOP = 44
_GROUP_HEAD = 24
_GROUP_GAP = 14

_COLOURS = {
    "esg": "#2f9e6e",
    "esg, off": "#9cc9b4",
    "uvicorn": "#5b8def",
    "granian": "#d9822b",
    "hypercorn": "#a46fd6",
    "gunicorn": "#c9566b",
}
_OTHER_COLOUR = "#8a8f98"

_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.group { font-weight: 600 }
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


def bar_chart(title: str, groups: Sequence[Group]) -> str:
    """The text of an SVG file."""
    parts = []
    y = _TOP
    for group in groups:
        parts += _group(group, y)
        y += _GROUP_HEAD + _STEP * len(group.bars) + _GROUP_GAP
    label = escape(title, {'"': "&quot;"})
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" aria-label="{label}">'
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
