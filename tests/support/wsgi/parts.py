"""What the applications under test return: parts that report on the output when they are opened and closed."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import count

PART = bytes(range(256)) * 256
"""64 KB."""

PARTS = 208
"""How many of them make a download of 13 MB."""

_numbers = count(1)


def say(line: str) -> None:
    """One line of output; a single write, so that threads do not mix theirs."""
    os.write(1, f"{line}\n".encode())


class Parts:
    """An iterable with `close()`, as PEP 3333 has it; the output counts how often that is called."""

    def __init__(self, parts: Iterable[bytes], at_close: Callable[[], object] | None = None) -> None:
        self._parts = parts
        self._at_close = at_close
        self._number = next(_numbers)
        say(f"opened {self._number}")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        say(f"closed {self._number}")
        if self._at_close is not None:
            self._at_close()


def told(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A generator that reports on the output when it begins and when it ends, in whatever way."""
    number = next(_numbers)
    say(f"opened {number}")
    try:
        yield from parts
    finally:
        say(f"closed {number}")


def download() -> Iterator[bytes]:
    """13 MB."""
    for _ in range(PARTS):
        yield PART


def endless() -> Iterator[bytes]:
    """Never ends, whatever the client does."""
    while True:
        yield PART


def failing() -> Iterator[bytes]:
    """Raises in the middle of a download."""
    for number in range(PARTS):
        yield PART
        if number == PARTS - 8:
            raise RuntimeError("the parts have failed")


def slow(pause: Callable[[float], object]) -> Iterator[bytes]:
    """A few bytes from time to time, without end, like an event stream; `pause` waits in between."""
    while True:
        yield b"data: something\n\n"
        pause(0.05)


STREAMS: dict[str, Callable[[], Iterator[bytes]]] = {"download": download, "endless": endless, "failing": failing}
