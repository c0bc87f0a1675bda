"""What is measured in process configures logging, as a server does: afterwards it is as before."""

from collections.abc import Iterator

import pytest

from tests.support.logging_state import untouched_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    with untouched_logging():
        yield
