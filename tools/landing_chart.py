"""Draws the one chart of the first page from the results of the benchmarks: `python -m tools.landing_chart`.

A test compares the file with what this module would write, so the chart cannot be older than the results.
"""

import json
from pathlib import Path

from benchmarks.charts import Bar, Group, bar_chart

DOCS = Path(__file__).resolve().parents[1] / "docs"
RESULTS = DOCS / "benchmarks" / "results.json"
CHART = DOCS / "images" / "cpu.svg"

ROWS = {"get": "a small GET", "fastapi": "a FastAPI route that returns JSON", "ws-64": "a WebSocket message, echoed"}
SERVERS = ("esg", "uvicorn", "granian", "gunicorn", "hypercorn")


def chart() -> str:
    """The text of the SVG file."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    groups = [
        Group(title, [Bar(server, results[row]["servers"][server]["median"]["cpu_us"]) for server in SERVERS])
        for row, title in ROWS.items()
    ]
    return bar_chart("Microseconds of CPU for … (less is better)", groups)


if __name__ == "__main__":
    CHART.write_text(chart(), encoding="utf-8")
