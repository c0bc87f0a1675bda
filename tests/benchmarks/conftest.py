"""Servers measured in process configure logging: afterwards it is restored."""

from collections.abc import Iterator

import pytest

from tests.support.logging_state import untouched_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    with untouched_logging():
        yield
