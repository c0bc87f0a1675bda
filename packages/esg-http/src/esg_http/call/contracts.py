"""What the parts around a cycle need of it, so that they need not know the cycle itself."""

from typing import Any, Protocol

from esg_core.contracts import Cycle


class Call(Cycle, Protocol):
    """One call of the application whose response is being written: what failures and further messages ask of it."""

    scope: dict[str, Any]

    target: bytes
    """The request's target, as it was sent."""

    input_over: bool
    """Whether the application has been told that its client has gone."""

    body_complete: bool
    """Whether all of the request's body has come."""

    @property
    def phase(self) -> int:
        """Where the response stands; see `phases`."""

    @property
    def response_complete(self) -> bool:
        """Whether the last byte of the response has been written."""

    def fail(self) -> None:
        """End the exchange: with a 500 if nothing has been written, else so that the client sees it is incomplete."""

    def give_up(self) -> None:
        """End the exchange without another word: its client seems to have gone."""

    def give_back(self) -> None:
        """Give back what it holds of the admission."""

    def begin_file(self, size: int) -> bool:
        """The next `size` bytes of the body come from a file; returns whether they are wanted."""

    def end_file(self) -> None:
        """The file was the last part of the body."""

    def end_trailers(self) -> None:
        """The trailers are written: the response is complete."""
