"""Parses the preface of the PROXY protocol, versions 1 and 2 (rule H-19).

Sans-I/O, pure functions over bytes; knows no connection. Not a byte too many may be read, because what follows the
preface belongs to another protocol, perhaps TLS. So the caller asks `missing()` how many bytes it may still read, until
it answers 0, and then calls `parse()`. Specification: "The PROXY protocol", sections 2.1 and 2.2.
"""

import re
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from esg_core.proxy.preface_extensions import Extension, ExtensionError, read_extensions

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""The first bytes of version 2."""

LONGEST_LINE = 107
"""Bytes of the longest line of version 1, including its end."""

SHORTEST_LINE = len(b"PROXY UNKNOWN\r\n")

BINARY_HEAD = 16
"""Bytes of version 2 before its addresses."""

Address = tuple[str, int] | tuple[str, int, int, int] | str
"""An address as in the socket module: IPv4, IPv6, or the path of a UNIX socket."""

_UNKNOWN = (b"PROXY UNKNOWN ", b"PROXY UNKNOWN\r\n")
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


class PrefaceError(ValueError):
    """These bytes are not a preface; the text says why and quotes none of them."""


class Route(NamedTuple):
    """The connection that the proxy forwards: its client, the address the client connected to, and extensions."""

    client: Address
    server: Address
    extensions: tuple[Extension, ...] = ()


def missing(preface: bytes | bytearray) -> int:
    """How many more bytes the preface has at least, 0 if it is complete.

    Raises `PrefaceError` if these bytes cannot become one.
    """
    if preface[:12] == SIGNATURE[: len(preface)]:
        return _missing_binary(preface)
    if preface[:6] == b"PROXY "[: len(preface)]:
        return _missing_line(preface)
    raise PrefaceError("it does not begin with a PROXY preface")


def _missing_binary(preface: bytes | bytearray) -> int:
    if len(preface) < BINARY_HEAD:
        # A line of version 1 can be shorter, but does not begin with the first byte of the signature.
        return (BINARY_HEAD if preface else SHORTEST_LINE) - len(preface)
    return BINARY_HEAD + int.from_bytes(preface[14:16]) - len(preface)


def _missing_line(preface: bytes | bytearray) -> int:
    """Version 1 does not announce its length, but each part still missing takes at least a space and a byte."""
    if preface.endswith(b"\r\n"):
        return 0
    if len(preface) >= LONGEST_LINE or b"\n" in preface:
        raise PrefaceError("the line does not end with CRLF within 107 bytes")
    if len(preface) < SHORTEST_LINE:
        return SHORTEST_LINE - len(preface)
    if preface.endswith(b"\r"):
        return 1
    rest = 2
    if not preface.startswith(_UNKNOWN):
        rest += 2 * max(0, 5 - preface.count(b" ")) + preface.endswith(b" ")
    return min(rest, LONGEST_LINE - len(preface))


def parse(preface: bytes) -> Route | None:
    """Parse a complete preface; raises `PrefaceError`.

    None means that the addresses of the connection itself apply, because the proxy connects on its own behalf (`LOCAL`,
    for health checks) or does not know better (`UNKNOWN`, `UNSPEC`).
    """
    return _parse_binary(preface) if preface.startswith(SIGNATURE) else _parse_line(preface)


def _parse_line(preface: bytes) -> Route | None:
    if preface.startswith(_UNKNOWN):
        return None
    try:
        _, family, *addresses = preface.removesuffix(b"\r\n").decode("ascii").split(" ")
        source, destination, source_port, destination_port = addresses
        read = {"TCP4": _ipv4, "TCP6": _ipv6}[family]
        return Route(read(source, _port(source_port)), read(destination, _port(destination_port)))
    except (KeyError, ValueError):
        raise PrefaceError("the line is malformed") from None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise PrefaceError("a port is malformed")
    return int(text)


def _ipv4(address: str | bytes, port: int) -> Address:
    return str(IPv4Address(address)), port


def _ipv6(address: str | bytes, port: int) -> Address:
    if "%" in (text := str(IPv6Address(address))):
        raise PrefaceError("an address has a zone")
    return text, port, 0, 0


def _parse_binary(preface: bytes) -> Route | None:
    version, command = divmod(preface[12], 16)
    if version != 2 or command > 1:
        raise PrefaceError("the version or the command is unknown")
    family, transport = divmod(preface[13], 16)
    if command == 0 or family == 0 or transport == 0:
        return None
    layout = _LAYOUTS.get((family, transport))
    if layout is None:
        raise PrefaceError("the address family is unknown or not of a stream")
    size, read = layout
    if len(preface) < BINARY_HEAD + size:
        raise PrefaceError("the addresses are cut off")
    route = read(preface[BINARY_HEAD : BINARY_HEAD + size])
    try:
        return route._replace(extensions=read_extensions(preface, BINARY_HEAD + size))
    except ExtensionError as error:
        raise PrefaceError(str(error)) from None


def _ipv4_route(block: bytes) -> Route:
    source, destination, source_port, destination_port = struct.unpack("!4s4sHH", block)
    return Route(_ipv4(source, source_port), _ipv4(destination, destination_port))


def _ipv6_route(block: bytes) -> Route:
    source, destination, source_port, destination_port = struct.unpack("!16s16sHH", block)
    return Route(_ipv6(source, source_port), _ipv6(destination, destination_port))


def _unix_route(block: bytes) -> Route:
    source, destination = (path.partition(b"\0")[0].decode("utf-8", "replace") for path in (block[:108], block[108:]))
    return Route(source, destination)


_LAYOUTS: dict[tuple[int, int], tuple[int, Callable[[bytes], Route]]] = {
    (1, 1): (12, _ipv4_route),
    (2, 1): (36, _ipv6_route),
    (3, 1): (216, _unix_route),
}
"""By address family and transport (always a stream): size of the addresses, and how to read them. TLVs follow them."""
