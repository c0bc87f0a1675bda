"""Build wheels and source distributions of all packages: `python -m tools.build_packages [DIRECTORY]`.

The same sources give the same bytes: the tools that build are installed from a lock, in an environment that is removed
afterwards, and files carry the time `SOURCE_DATE_EPOCH` (seconds since 1970; 2 February 2020 by default). Writes
`SHA256SUMS` beside the packages, for `sha256sum --check`.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

LOCK = ROOT / "tools" / "build-requirements.txt"
SUMS = "SHA256SUMS"


def build(directory: Path, python: Path) -> list[Path]:
    """Build all packages with the hatchling of that Python, and replace older builds there; returns the files.

    Raises `subprocess.CalledProcessError` if a package cannot be built.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in (*directory.glob("esg*.whl"), *directory.glob("esg*.tar.gz")):
        old.unlink()
    for package in sorted((ROOT / "packages").iterdir()):
        command = (python, "-m", "hatchling", "build", "--directory", directory.resolve())
        subprocess.run(command, cwd=package, check=True, capture_output=True, text=True)
    files = sorted((*directory.glob("esg*.whl"), *directory.glob("esg*.tar.gz")))
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (directory / SUMS).write_text("".join(lines), encoding="ascii")
    return files


@contextmanager
def locked_environment() -> Iterator[Path]:
    """A Python with the tools of the lock, checked by their hashes."""
    with tempfile.TemporaryDirectory(prefix="esg-build-") as name:
        venv.create(name, with_pip=True)
        python = Path(name, "Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", LOCK)
        subprocess.run((python, *install), check=True)
        yield python


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_packages", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "dist")
    directory = parser.parse_args(arguments).directory
    try:
        with locked_environment() as python:
            files = build(directory, python)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\n{error.stderr or ''}")
        return 1
    sys.stdout.write("".join(f"{file}\n" for file in files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
