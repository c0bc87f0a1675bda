"""Certificates by the name that the client asks for (RFC 6066 section 3), in the syntax of the option `ssl_sni`.

Reads no file and knows no TLS. `HOST=CERT:KEY`, or `HOST=CERT` if the key is in the certificate file; `*.HOST` covers
names with one more label. On Windows, where paths have colons, a semicolon separates the key.
"""

import os
import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_NAMED = re.compile(
    rf"(?P<host>(?:\*\.)?[\w-]+(?:\.[\w-]+)*)=(?P<certificate>[^{os.pathsep}]+)(?:{os.pathsep}(?P<key>.+))?", re.ASCII
)


class NamedCertificate(NamedTuple):
    """A name in lower case and two paths; without `key`, the key is in the certificate file."""

    host: str
    certificate: str
    key: str | None


def parse_named_certificate(text: str) -> NamedCertificate:
    """The certificate that an item of the option `ssl_sni` stands for; raises `ValueError`."""
    found = _NAMED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not HOST=CERT{os.pathsep}KEY")
    return NamedCertificate(found["host"].lower(), found["certificate"], found["key"])


def is_named_certificate(text: str) -> bool:
    """Whether `parse_named_certificate()` takes the text."""
    return text.isprintable() and _NAMED.fullmatch(text) is not None


class ByName(Generic[T]):
    """Values by server name; an exact name beats a wildcard."""

    def __init__(self, values: Iterable[tuple[str, T]]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str | None) -> T | None:
        """The value for the name that a client asks for; None if there is no value, or no name is asked for."""
        if name is None:
            return None
        name = name.lower().removesuffix(".")
        found = self._values.get(name)
        return found if found is not None else self._values.get(f"*.{name.partition('.')[2]}")
