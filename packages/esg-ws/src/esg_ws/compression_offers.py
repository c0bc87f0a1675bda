"""Which compression a client offers, and what the server answers (RFC 7692 section 7.1, RFC 6455 section 9.1).

Sans-I/O, the same for every codec. An offer that RFC 7692 does not allow is declined, and the next one is tried; a
field that is not even a list of extensions is the client's error.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from esg_core.errors import RequestError
from esg_core.header_fields import TOKEN

DEFLATE = b"permessage-deflate"

WINDOW_BITS = 12
"""The largest window that the server uses, and asks the client to use if it can: 4 KiB."""

LARGEST_WINDOW_BITS = 15
"""The window of a client that cannot be asked for a smaller one."""

_TOKEN = TOKEN.encode() + b"++"
_NAME = re.compile(rb"[ \t,]*+(" + _TOKEN + rb")[ \t]*+")
_PARAMETER = re.compile(rb";[ \t]*+(" + _TOKEN + rb')[ \t]*+(?:=[ \t]*+("?)(' + _TOKEN + rb")\2[ \t]*+)?")
_NOTHING = re.compile(rb"[ \t,]*+")

_SERVER_NO_TAKEOVER, _CLIENT_NO_TAKEOVER = b"server_no_context_takeover", b"client_no_context_takeover"
_SERVER_BITS, _CLIENT_BITS = b"server_max_window_bits", b"client_max_window_bits"
_FLAGS = (_SERVER_NO_TAKEOVER, _CLIENT_NO_TAKEOVER)
_WINDOWS = {b"%d" % bits: bits for bits in range(8, 16)}

Parameters = list[tuple[bytes, bytes | None]]


class Agreement(NamedTuple):
    """How both sides compress: window bits, and whether a side keeps its window from message to message."""

    server_bits: int = WINDOW_BITS
    client_bits: int = LARGEST_WINDOW_BITS
    server_keeps: bool = True
    client_keeps: bool = True


def read_offers(fields: Iterable[bytes]) -> list[tuple[bytes, Parameters]]:
    """The extensions that a client offers, in its order; raises `RequestError` if a field is not a list of them."""
    offers: list[tuple[bytes, Parameters]] = []
    for field in fields:
        at = 0
        while name := _NAME.match(field, at):
            at = name.end()
            parameters: Parameters = []
            while parameter := _PARAMETER.match(field, at):
                parameters.append((parameter[1], parameter[3]))
                at = parameter.end()
            offers.append((name[1].lower(), parameters))
            if field[at : at + 1] != b",":
                break
        if not _NOTHING.fullmatch(field, at):
            raise RequestError(400, "sec-websocket-extensions is malformed", "RFC 6455 section 9.1")
    return offers


def negotiate(fields: Iterable[bytes]) -> tuple[bytes, Agreement] | None:
    """The answer to the first acceptable offer of permessage-deflate, and what it means; None if there is none."""
    for name, parameters in read_offers(fields):
        asked = _asked(parameters) if name == DEFLATE else None
        if asked is not None:
            return _answer(asked)
    return None


def _asked(parameters: Parameters) -> Mapping[bytes, int] | None:
    """The parameters as numbers: 1 for those without a value; None if they must be declined (section 7.1)."""
    asked: dict[bytes, int] = {}
    for name, value in parameters:
        if name in asked:
            return None
        if name in _FLAGS and value is None:
            asked[name] = 1
        elif name == _CLIENT_BITS and value is None:
            asked[name] = LARGEST_WINDOW_BITS
        elif name in (_SERVER_BITS, _CLIENT_BITS) and value in _WINDOWS:
            asked[name] = _WINDOWS[value]
        else:
            return None
    return None if asked.get(_SERVER_BITS) == 8 else asked  # zlib cannot compress with a window that small


def _answer(asked: Mapping[bytes, int]) -> tuple[bytes, Agreement]:
    server_bits = min(asked.get(_SERVER_BITS, WINDOW_BITS), WINDOW_BITS)
    client_bits = min(asked[_CLIENT_BITS], WINDOW_BITS) if _CLIENT_BITS in asked else LARGEST_WINDOW_BITS
    parts = [DEFLATE, *(name for name in _FLAGS if name in asked), b"%b=%d" % (_SERVER_BITS, server_bits)]
    if _CLIENT_BITS in asked:
        parts.append(b"%b=%d" % (_CLIENT_BITS, client_bits))
    agreement = Agreement(server_bits, client_bits, _SERVER_NO_TAKEOVER not in asked, _CLIENT_NO_TAKEOVER not in asked)
    return b"; ".join(parts), agreement
