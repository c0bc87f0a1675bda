"""Records where ESG spends its time under the load of one row: py-spy beside the load, into one file.

A file that ends in `.svg` becomes a flame graph, `.folded` has a stack on each line with how often it was seen, any
other is for https://www.speedscope.app.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import Bench, make_certificate
from benchmarks.rounds import launch_for
from benchmarks.rows import Row

_RATE = 500

# A process that is stopped for sampling mostly stops in the kernel, so nearly all of its time would seem to go into
# writing. Sampled while it runs, up to a third of the stacks make no sense, and are left out.
_FORMATS = {".svg": ["flamegraph"], ".folded": ["raw", "--full-filenames", "--nonblocking"]}


def profile(row: Row, bench: Bench, seconds: int, output: Path, *, native: bool = False) -> None:
    """Record `seconds` of ESG under the row's load; `native` adds the frames of C extensions."""
    kind = _FORMATS.get(output.suffix, ["speedscope"])
    recorder = [*bench.cores.pin_load, _find_py_spy(), "record", "--format", *kind, "--rate", str(_RATE)]
    recorder += ["--duration", str(seconds), "--output", str(output), *(["--native"] if native else [])]
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        launch = launch_for(row, make_certificate(Path(directory)))
        running = stack.enter_context(bench.start("esg", launch, row.question))
        spy = stack.enter_context(subprocess.Popen([*recorder, "--pid", str(running.process.pid)]))
        stack.callback(spy.terminate)
        row.load.run(running.url, seconds + 1, bench.cores.pin_load)
        spy.wait(seconds + 30)


def _find_py_spy() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if not found:
        sys.exit("py-spy is not installed: pip install py-spy")
    return found
