"""Parses the addresses that the option `bind` takes.

Opens no socket. `HOST:PORT`, `[IPv6]:PORT`, `unix:PATH` and `fd://N` become one of three small value objects.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TCPAddress:
    """An address or name, and a port. An empty host means every interface; port 0 lets the system pick one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host or '*'}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a UNIX domain socket that is created at start and removed at the end."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The number of an inherited, listening socket of any family."""

    number: int

    def __str__(self) -> str:
        return f"fd://{self.number}"


Address = TCPAddress | UnixAddress | Descriptor

_TCP = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})")


def parse_address(text: str) -> Address:
    """The address that an item of the option `bind` stands for; raises `ValueError`."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return UnixAddress(text.removeprefix("unix:"))
    if re.fullmatch(r"fd://[0-9]+", text):
        return Descriptor(int(text.removeprefix("fd://")))
    found = _TCP.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N")
    return TCPAddress(found["v6"] or found["host"], int(found["port"]))


def is_address(text: str) -> bool:
    """Whether `parse_address()` takes the text."""
    try:
        parse_address(text)
    except ValueError:
        return False
    return True
