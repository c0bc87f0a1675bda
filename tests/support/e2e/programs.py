"""Programs that the tests use if they are there, and that must be there where CI=true."""

import os
import shutil

import pytest

PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


def find(name: str) -> str | None:
    """Where a program is; nginx is often where only root looks."""
    return shutil.which(name, path=PATH)


def needs(name: str) -> pytest.MarkDecorator:
    """Leave a test out where a program is not installed; fail there if this is the place where all must run."""
    is_missing = find(name) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(is_missing, reason=f"{name} is not installed; it is required where CI=true")
