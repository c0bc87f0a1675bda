"""The stacks on which all WSGI behaviour is tested."""

import pytest

from tests.support.installed import STACKS


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options of one stack."""
    return STACKS[request.param]
