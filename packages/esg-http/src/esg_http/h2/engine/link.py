"""What an engine of HTTP/2 tells its connection, beyond what it does in any version. Sans-I/O."""

from typing import Protocol

from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.link import BaseLink


class EngineLink(BaseLink[S], Protocol[S]):
    """The connection, as its engine sees it."""

    def has_started(self) -> None:
        """The client's preface has come: it must acknowledge the server's settings, and may send requests."""

    def has_begun_block(self) -> None:
        """The first part of a header block has come: set the deadline for the rest."""

    def has_pong(self, payload: bytes) -> None:
        """The client has answered a PING."""
