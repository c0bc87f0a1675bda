"""Builds the documentation site: `python -m tools.site site` writes it, `--check` only says what is wrong with it.

Warnings of MkDocs, such as a page that does not exist, and dead links end it with code 1. Needs the dependency group
`docs`.
"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

from tools.site.links import dead_links

ROOT = Path(__file__).resolve().parents[2]


def build(directory: Path) -> None:
    """Write the site; raises `mkdocs.exceptions.Abort` for a warning."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # Material's note about a successor; the versions here are pinned
    from mkdocs.commands.build import build as build_site
    from mkdocs.config import load_config

    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(directory), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build_site(config)
    config.plugins.on_shutdown()


def main() -> int:
    """Build, look at every link, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument(
        "directory", nargs="?", type=Path, help="where to write the site; by default, it is thrown away"
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args()
    if given.directory is None and not given.check:
        parser.error("name a directory, or give --check")
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) if given.check else given.directory.resolve()
        build(directory)
        dead = list(dead_links(directory))
    for link in dead:
        sys.stderr.write(f"dead link in {link}\n")
    sys.stdout.write(f"{len(dead)} dead links\n")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
