"""What the profiles send and what is answered: the items of the JSON, and the files. It knows no server and no load."""

import os
from pathlib import Path
from typing import Any

Item = dict[str, Any]

DIRECTORY = "ESG_BENCHMARK_FILES"
"""The variable with the directory of the files."""

_CATEGORIES = ("tools", "books", "games", "music", "garden")
_TAGS = ("new", "small", "heavy", "blue", "used", "rare")

ITEMS: list[Item] = [
    {
        "id": number,
        "name": f"Item number {number}",
        "category": _CATEGORIES[number % len(_CATEGORIES)],
        "price": 20 + number * 37 % 480,
        "quantity": 1 + number * 11 % 90,
        "active": number % 3 != 0,
        "tags": [_TAGS[(number + at) % len(_TAGS)] for at in range(1 + number % 4)],
        "rating": {"score": number * 7 % 50, "count": number * 29 % 400},
    }
    for number in range(1, 51)
]

_KIB = {
    "css": (8, 18, 25, 60, 200),
    "js": (12, 22, 35, 200, 300),
    "html": (55, 120),
    "woff2": (18, 22),
    "svg": (15, 70),
    "webp": (6, 8, 45),
    "json": (3,),
}
SIZES = {f"{number}.{ending}": 1024 * kib for ending, sizes in _KIB.items() for number, kib in enumerate(sizes)}
"""The names of the files, and their sizes in bytes."""


def listing(count: int, factor: int) -> Item:
    """The first `count` items, each with its total."""
    items = [{**item, "total": item["price"] * item["quantity"] * factor} for item in ITEMS[:count]]
    return {"items": items, "count": len(items)}


def content(name: str) -> bytes:
    """The bytes of a file."""
    return (f"/* {name} */\n".encode() * SIZES[name])[: SIZES[name]]


def write_files(directory: Path) -> None:
    """Write all files, and tell servers that are started from now on where they are."""
    for name in SIZES:
        (directory / name).write_bytes(content(name))
    os.environ[DIRECTORY] = str(directory)
