"""Accepts connections with less work than `socket.accept()`, which looks up and converts the same two facts each time.

Knows nothing of who accepts, or how many.
"""

import socket
from collections.abc import Callable
from typing import TypeVar


class AcceptedSocket(socket.socket):
    """A connection that knows its family and type; a plain socket makes enumerations of them whenever it is asked."""

    __slots__ = ("family", "type")
    family: socket.AddressFamily
    type: socket.SocketKind

    def __init__(self, family: socket.AddressFamily, kind: socket.SocketKind, proto: int, fileno: int) -> None:
        super().__init__(family, kind, proto, fileno)
        self.family = family
        self.type = kind


Accepted = TypeVar("Accepted", bound=AcceptedSocket)


def accepting(listening: socket.socket, kind: type[Accepted]) -> Callable[[], Accepted]:
    """A function that accepts a connection of `listening`, as a socket of this `kind`; raises as `accept()` does."""
    accept = listening._accept  # type: ignore[attr-defined]  # noqa: SLF001 - accept() makes a socket of its own
    facts = listening.family, listening.type, listening.proto
    return lambda: kind(*facts, accept()[0])
