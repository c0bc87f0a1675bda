"""When certificates expire: Python loads them, and does not tell.

Knows as much of DER as it takes to get to the two times of a certificate (RFC 5280 section 4.1).
"""

import datetime as dt
import ssl
from collections.abc import Mapping
from pathlib import Path

from esg_core.figures import families
from esg_core.figures.readings import Reading, Series

_INTEGER, _SEQUENCE, _VERSION = 0x02, 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


def certificate_reading(files: Mapping[str, str]) -> Reading | None:
    """The end of validity of the certificates in PEM files, by their names; None if none of them can be read."""
    ends = {name: expiry(path) for name, path in files.items()}
    series = [Series((name,), at) for name, at in ends.items() if at is not None]
    return Reading(families.CERTIFICATE_EXPIRY, series) if series else None


def expiry(path: str) -> float | None:
    """When the first certificate of a PEM file expires, in seconds since 1970; None if that cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        _, begin, rest = text.partition(_BEGIN)
        body, end, _ = rest.partition(_END)
        return not_after(ssl.PEM_cert_to_DER_cert(begin + body + end))
    except (OSError, ValueError):
        return None


def not_after(certificate: bytes) -> float | None:
    """The end of validity of a certificate in DER, in seconds since 1970; None if it is malformed."""
    try:
        content = _enter(_enter(certificate, _SEQUENCE), _SEQUENCE)
        if content[:1] == bytes((_VERSION,)):
            content = _split(content)[2]
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, algorithm, issuer
            found, _, content = _split(content)
            if found != tag:
                return None
        _, _, end = _split(_enter(content, _SEQUENCE))
        tag, value, _ = _split(end)
        return _seconds(tag, value.decode("ascii"))
    except (ValueError, IndexError, OverflowError):
        return None


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """The tag and the content of the first element, and what follows it."""
    tag, size, at = data[0], data[1], 2
    if size > 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        raise ValueError("an element is cut off")
    return tag, data[at : at + size], data[at + size :]


def _enter(data: bytes, wanted: int) -> bytes:
    tag, content, _ = _split(data)
    if tag != wanted:
        raise ValueError("not the element that belongs here")
    return content


def _seconds(tag: int, text: str) -> float | None:
    if tag == _UTC_TIME:  # two digits of the year: 1950 to 2049 (RFC 5280 section 4.1.2.5.1)
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        return None
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
