"""The entry point of the group `esg.http`: called once for each server, it returns what makes the protocols."""

from collections.abc import Callable
from functools import partial

from esg_core.context import Context
from esg_scgi.connection import ScgiConnection


def scgi(context: Context) -> Callable[[], ScgiConnection]:
    """SCGI, one request for each connection."""
    return partial(ScgiConnection, context)
