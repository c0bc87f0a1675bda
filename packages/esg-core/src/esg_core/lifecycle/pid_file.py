"""The file with the process ID of a server: the option `pid_file`.

A server holds a lock on its file. That tells a file left by a killed server from one in use, even where process IDs are
soon reused, as in containers. Only the very file that was made here is removed. Windows has no such locks; there the
file is replaced.
"""

import contextlib
import os
import sys

from esg_core.errors import StartupError, reason_of

if sys.platform != "win32":
    import fcntl

MODE = 0o644


class PidFile:
    """The file of this process, from `write()` to `remove()`; errors call the option `option`."""

    def __init__(self, path: str, option: str = "pid_file") -> None:
        self._option = option
        self._path = os.path.abspath(path)  # noqa: PTH100 - the current directory may change
        self._descriptor: int | None = None

    def write(self, *, replace: bool = False) -> None:
        """Create the file; `replace` allows replacing one that another server holds. Raises `StartupError`."""
        try:
            if not replace:
                self._check_that_it_is_free()
            self._write()
        except OSError as error:
            raise StartupError(f"{self._option}: {self._path!r} cannot be written: {reason_of(error)}") from None

    def remove(self) -> None:
        """Remove the file, unless another server has replaced it; may be called twice."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)):  # noqa: PTH116 - as samestat() takes it
                os.unlink(self._path)  # noqa: PTH108
        self.close()

    def close(self) -> None:
        """Close the file without removing it, in a forked child of the process that it names."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _check_that_it_is_free(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                _lock(descriptor)
            except BlockingIOError:
                holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
                raise StartupError(f"{self._option}: {self._path!r} belongs to a running server: {holder}") from None
            finally:
                os.close(descriptor)

    def _write(self) -> None:
        """Write a new file, which is complete and locked before it gets its name."""
        name = f"{self._path}.{os.getpid()}"
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, MODE)
        try:
            _lock(descriptor)
            os.write(descriptor, b"%d\n" % os.getpid())
            os.replace(name, self._path)  # noqa: PTH105
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
