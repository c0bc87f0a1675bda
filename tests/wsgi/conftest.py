"""The stacks that every behaviour of WSGI is tried on."""

import pytest

from tests.support.wsgi.programs import STACKS


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options of one stack."""
    return STACKS[request.param]
