"""The pytest plugin: the fixture `esg_server`. Pytest finds it by its entry point, and nothing else imports it.

Imports the server when a test asks for the fixture: pytest starts as fast as without it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from esg.testing import RunningServer, StartServer


@pytest.fixture
def esg_server() -> "Iterator[StartServer]":
    """Serves applications until the test is over: call it with one, and it returns the running server.

    Takes what `esg.testing.serve()` takes. What the application has raised is raised at the end of the test.
    """
    from esg.testing import serve

    with ExitStack() as stack:

        def start(app: Any, **options: Any) -> "RunningServer":
            return stack.enter_context(serve(app, **options))

        yield start
