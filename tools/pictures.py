"""Draws the pictures of the documentation, boxes and arrows as SVG: `python -m tools.pictures` writes all of them.

They are readable on light and on dark pages, and need no program in the reader's browser. A test compares the files
with what this module would write.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"

COLUMN, ROW, WIDTH, HEIGHT, MARGIN = 190, 110, 150, 64, 10
LINE = 16

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
.small { font-size: 11px; fill: #57606a }
rect { fill: #5b8def; fill-opacity: .12; stroke: #5b8def; rx: 6 }
.end { fill: #2f9e6e; stroke: #2f9e6e; rx: 32 }
.bad { fill: #c9566b; stroke: #c9566b }
path { fill: none; stroke: #8a8f98; stroke-width: 1.5; marker-end: url(#tip) }
#tip path { fill: #8a8f98; stroke: none; marker-end: none }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9da7b3 } }
</style>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">\
<path d="M0 0L8 4L0 8z"/></marker>"""


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the grid; a line of its text that begins with `~` is small. `kind` is "", "end" or "bad"."""

    column: float
    row: float
    lines: Sequence[str]
    kind: str = ""

    @property
    def x(self) -> float:
        """The middle."""
        return MARGIN + self.column * COLUMN + WIDTH / 2

    @property
    def y(self) -> float:
        """The middle."""
        return MARGIN + self.row * ROW + HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, by their names, with a word beside it."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a file shows; `title` is what a screen reader says."""

    title: str
    boxes: dict[str, Box]
    arrows: Sequence[Arrow]


PICTURES = {
    "request.svg": Picture(
        "The life of a request: bytes, grammar, parser, scope, application, response, one write",
        {
            "in": Box(0, 0, ["bytes", "~from the client"], "end"),
            "grammar": Box(1, 0, ["grammar", "~ESG's own: is it valid?"]),
            "parser": Box(2, 0, ["fields", "~httptools or h11"]),
            "admission": Box(3, 0, ["admission", "~may it run now?"]),
            "app": Box(4, 0, ["application", "~receive() and send()"]),
            "invalid": Box(1, 1, ["400, 408, 431 …", "~and one line in the log"], "bad"),
            "busy": Box(3, 1, ["503", "~retry-after: 1"], "bad"),
            "out": Box(4, 1, ["one write", "~to the client"], "end"),
        },
        [
            Arrow("in", "grammar"),
            Arrow("grammar", "parser"),
            Arrow("parser", "admission"),
            Arrow("admission", "app"),
            Arrow("grammar", "invalid", "no"),
            Arrow("admission", "busy", "no"),
            Arrow("app", "out"),
        ],
    ),
    "stop.svg": Picture(
        "How a stop goes: readiness fails, then the drain, then what is left is cancelled, then the lifespan ends",
        {
            "term": Box(0, 0, ["SIGTERM"], "end"),
            "delay": Box(1, 0, ["not ready,", "still serving", "~shutdown_delay"]),
            "drain": Box(2, 0, ["drain: running", "requests end", "~up to 25 seconds"]),
            "lifespan": Box(3, 0, ["application's", "own shutdown", "~lifespan.shutdown"]),
            "exit0": Box(4, 0, ["exit code 0"], "end"),
            "cancel": Box(3, 1, ["what is left", "is cancelled", "~then its shutdown"], "bad"),
            "exit1": Box(4, 1, ["exit code 1"], "bad"),
        },
        [
            Arrow("term", "delay"),
            Arrow("delay", "drain"),
            Arrow("drain", "lifespan"),
            Arrow("lifespan", "exit0"),
            Arrow("drain", "cancel", "time is up"),
            Arrow("cancel", "exit1"),
        ],
    ),
    "admission.svg": Picture(
        "Admission: a request runs if there is a slot, waits in a bounded line, or is refused with 503",
        {
            "request": Box(0, 0.5, ["request"], "end"),
            "slot": Box(1, 0.5, ["a free slot?", "~running < limit"]),
            "run": Box(2.4, 0, ["runs"], "end"),
            "line": Box(2.4, 1, ["waits", "~backpressure_queue_size"]),
            "no": Box(3.8, 1, ["503"], "bad"),
        },
        [
            Arrow("request", "slot"),
            Arrow("slot", "run", "yes"),
            Arrow("slot", "line", "no"),
            Arrow("line", "run", "a slot is free"),
            Arrow("line", "no", "too late"),
        ],
    ),
}


def svg(picture: Picture) -> str:
    """The text of an SVG file."""
    width = max(box.x for box in picture.boxes.values()) + WIDTH / 2 + MARGIN
    height = max(box.y for box in picture.boxes.values()) + HEIGHT / 2 + MARGIN
    label = escape(picture.title, {'"': "&quot;"})
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">'
    )
    boxes = [line for box in picture.boxes.values() for line in _box(box)]
    arrows = [line for arrow in picture.arrows for line in _arrow(arrow, picture.boxes)]
    return "\n".join([head, STYLE, *arrows, *boxes, "</svg>\n"])


def _box(box: Box) -> Iterator[str]:
    kind = f' class="{box.kind}"' if box.kind else ""
    corner = f'x="{box.x - WIDTH / 2:g}" y="{box.y - HEIGHT / 2:g}"'
    yield f'<rect{kind} {corner} width="{WIDTH}" height="{HEIGHT}"/>'
    top = box.y - LINE * (len(box.lines) - 1) / 2 + 5
    for number, line in enumerate(box.lines):
        kind = ' class="small"' if line.startswith("~") else ""
        yield f'<text{kind} x="{box.x:g}" y="{top + LINE * number:g}">{escape(line.removeprefix("~"))}</text>'


def _arrow(arrow: Arrow, boxes: dict[str, Box]) -> Iterator[str]:
    """A line between the sides that face each other."""
    start, end = boxes[arrow.start], boxes[arrow.end]
    if start.column == end.column:
        side = HEIGHT / 2 if end.row > start.row else -HEIGHT / 2
        x1, y1, x2, y2 = start.x, start.y + side, end.x, end.y - side
    else:
        side = WIDTH / 2 if end.column > start.column else -WIDTH / 2
        x1, y1, x2, y2 = start.x + side, start.y, end.x - side, end.y
    yield f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
    if arrow.label:
        aside = 8 + 3 * len(arrow.label) if x1 == x2 else 0
        where = f'x="{(x1 + x2) / 2 + aside:g}" y="{(y1 + y2) / 2 + (4 if aside else -6):g}"'
        yield f'<text class="small" {where}>{escape(arrow.label)}</text>'


def main() -> None:
    """Write all pictures."""
    for name, picture in PICTURES.items():
        (IMAGES / name).write_text(svg(picture), encoding="utf-8")


if __name__ == "__main__":
    main()
