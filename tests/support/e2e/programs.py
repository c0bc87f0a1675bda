"""Programs that the tests use if they are installed, and that must be installed where CI=true."""

import os
import shutil

import pytest

PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


def find(name: str) -> str | None:
    """The path of a program; nginx is often in a directory of root's path only."""
    return shutil.which(name, path=PATH)


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed; fail instead where all tests must run."""
    is_missing = find(name) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(is_missing, reason=f"{name} is not installed; it is required where CI=true")
