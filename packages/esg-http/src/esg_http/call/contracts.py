"""What the modules around a cycle need of it, so that they need not import the cycle itself."""

from typing import Any, Protocol

from esg_core.asgi import Headers
from esg_core.contracts import Cycle


class Call(Cycle, Protocol):
    """One call of the application, as failures and extension messages see it."""

    scope: dict[str, Any]

    target: bytes
    """The request target as sent."""

    input_over: bool
    """Whether the application has been told that its client is gone."""

    body_complete: bool
    """Whether the whole request body has arrived."""

    @property
    def phase(self) -> int:
        """How far the response is; see `phases`."""

    @property
    def response_complete(self) -> bool:
        """Whether the last byte of the response has been written."""

    def fail(self) -> None:
        """End the exchange: with a 500 if nothing has been written, else so that the client sees a cut response."""

    def give_up(self) -> None:
        """End the exchange without another byte: the client seems to have gone."""

    def drop(self) -> None:
        """End the exchange with a reset, whatever has been written."""

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Write a whole response in the application's place."""

    def give_back(self) -> None:
        """Give back its slot, or its place in the queue."""

    def begin_file(self, size: int) -> bool:
        """Announce that the next `size` bytes of the body come from a file; returns whether they are to be sent."""

    def end_file(self) -> None:
        """End the body: the file was its last part."""

    def end_trailers(self) -> None:
        """End the response: its trailers are written."""
