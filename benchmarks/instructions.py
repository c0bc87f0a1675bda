"""The command: `python -m benchmarks.instructions [OPTIONS]`. How many instructions a request costs, by row and server.

On a shared machine, times are misleading; instructions counted by valgrind are not. Two runs of the same code
differ by a few per mille, so that a change of one line can be judged. It counts the server's protocol in process
(`benchmarks.in_process`); the cost of the client in memory, which is the floor's, is subtracted.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.in_process import MARK, ONLY_HTTP1, PROTOCOLS
from benchmarks.names import one_of
from benchmarks.report import table
from benchmarks.rows import ROWS

_ROOT = Path(__file__).parent.parent
_HTTP1_ROWS = ("get", "headers", "get-10k", "post-10k", "log", "stream", "starlette", "fastapi")
_HTTP2_ROWS = ("h2-get", "h2-headers", "h2-get-10k", "h2-get-1m", "h2-post-10k", "h2-stream")
ROWS_IN_PROCESS = _HTTP1_ROWS + _HTTP2_ROWS
_SECONDS = 300.0
_MEASURED = ".2"
"""The ending of the second file that callgrind writes: what was counted between the two marks."""


def count(server: str, row: str, requests: int, python: str = sys.executable, keep: Path | None = None) -> float:
    """The instructions of one request; the profile of the C functions is saved to `keep`."""
    with tempfile.TemporaryDirectory() as directory:
        profile = Path(directory) / "callgrind"
        tool = ["valgrind", "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={profile}"]
        program = [python, "-m", "benchmarks.in_process", server, row, "--requests", str(requests)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment = {**kept, "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [*tool, *program], cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            sys.exit(f"{server}, {row}: {done.stderr[-2000:]}")
        measured = profile.with_name(profile.name + _MEASURED)
        if keep is not None:
            shutil.copy(measured, keep / f"callgrind.{server}.{row}")
        return _total(measured) / requests


def _total(profile: Path) -> int:
    with profile.open(encoding="utf-8", errors="replace") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--rows", type=one_of(ROWS), default=ROWS_IN_PROCESS, help="names of rows")
    parser.add_argument("--servers", type=one_of(PROTOCOLS), default=("esg", "uvicorn"))
    parser.add_argument("--requests", type=int, default=500, help="requests to count; default: 500")
    parser.add_argument("--python", default=sys.executable, help="the interpreter; default: this one")
    parser.add_argument("--keep", type=Path, help="directory for callgrind's profiles of the C functions")
    options = parser.parse_args(arguments)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    print(table(["instructions per request", *options.servers], [_line(row, options) for row in options.rows]))
    return 0


def _line(row: str, options: argparse.Namespace) -> list[str]:
    def net(server: str) -> float:
        return count(server, row, options.requests, options.python, options.keep)

    floor = net("floor")
    known = [not (ROWS[row].http2 and server in ONLY_HTTP1) for server in options.servers]
    served = zip(options.servers, known, strict=True)
    return [ROWS[row].title, *(f"{net(server) - floor:,.0f}" if knows else "" for server, knows in served)]


if __name__ == "__main__":
    sys.exit(main())
