"""Memory that processes share, also where the system has no `memfd_create()`, as macOS."""

import os
import sys

import pytest

from esg_core.shared_memory import unnamed_file


@pytest.mark.parametrize("has_memfd", [True, False])
def test_the_file_is_empty_and_not_inherited(has_memfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_memfd:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    descriptor = unnamed_file("figures")
    try:
        found = os.fstat(descriptor)
        assert found.st_size == 0
        assert sys.platform == "win32" or found.st_nlink == 0
        assert not os.get_inheritable(descriptor)
        assert os.write(descriptor, b"1") == 1
    finally:
        os.close(descriptor)
