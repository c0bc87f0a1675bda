"""What an engine of HTTP/3 tells its connection, beyond what it does in any version. Sans-I/O."""

from typing import Protocol

from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.link import BaseLink


class EngineLink(BaseLink[S], Protocol[S]):
    """The connection, as its engine sees it."""

    def has_begun_head(self) -> float:
        """A stream has begun, and its head is still to come: return when it must be there."""
