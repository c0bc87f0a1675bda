"""Both ways in which a reloader notices changes, for tests that run it as a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

WATCHERS = ("watchfiles", "scanning")


@contextmanager
def watching_by(watcher: str, environment: dict[str, str]) -> Iterator[None]:
    """Inside the `with` block, processes with this environment notice changes in that way.

    For scanning, they find a `watchfiles` that cannot be imported, as where it is not installed.
    """
    if watcher == "watchfiles":
        yield
        return
    before = environment.get("PYTHONPATH")
    with TemporaryDirectory() as directory:
        (Path(directory) / "watchfiles.py").write_text("raise ImportError\n")
        environment["PYTHONPATH"] = f"{directory}:{before}" if before else directory
        try:
            yield
        finally:
            if before is None:
                del environment["PYTHONPATH"]
            else:
                environment["PYTHONPATH"] = before
