"""Each test finds logging unconfigured."""

from collections.abc import Iterator

import pytest

from tests.support.logging_state import untouched_logging


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    with untouched_logging():
        yield
